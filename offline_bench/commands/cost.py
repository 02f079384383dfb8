"""What a suite, or a part of it, would cost here, printed before anything of it is carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offline_bench.behaviors.collect import find_recipe
from offline_bench.benchmarks.suite_cost import RunCost, Sample, group_settings, measure_runs, sample_environment
from offline_bench.commands.display import open_bar
from offline_bench.commands.records import local_folder
from offline_bench.commands.tell import tell
from offline_bench.core.paths import cache_folder
from offline_bench.core.provenance import read_machine
from offline_bench.core.spec import spec_name
from offline_bench.data.loaders import load, load_cards
from offline_bench.data.loaders.folders import locate
from offline_bench.evaluation.sketch import FEATURES
from offline_bench.report.markdown import table
from offline_bench.runs.campaign import list_missing
from offline_bench.runs.experiment import Job
from offline_bench.runs.parts import select_runs
from offline_bench.runs.record import CurvePoint, Record, Run, to_text
from offline_bench.runs.store import PACKED
from offline_bench.runs.suites import load_suite
from offline_bench.schemes.curate import needed_datasets

HOUR = 3600.0
MB = 1e6
LOSSES = 3


@dataclass(frozen=True)
class Row:
    """One algorithm: how many of its runs are wanted and done, and the processor hours of the others."""

    algorithm: str
    runs: int
    done: int
    training: float = 0.0
    evaluation: float = 0.0


def print_suite_cost(name: str, folder: Path | None, only: Sequence[str], workers: int, retry: bool) -> None:
    """Print what the suite, or the part of it that `only` selects, would cost; carry nothing out.

    A suite that says to be unfinished would go on from its committed records, so these are done.
    """
    suite = load_suite(name)
    folder = folder or local_folder(suite.name)
    begun = suite.folder if suite.unfinished and not (folder / PACKED).exists() else None
    print_cost(select_runs(suite.runs(), only), folder, suite.name, workers, retry, begun)


def print_cost(
    runs: Mapping[Run, tuple[int, ...]], folder: Path, title: str, workers: int, retry: bool, begun: Path | None = None
) -> None:
    """Print what is done, what the rest takes of processors by algorithm, and of disk; carry nothing out.

    What has a record in `begun` is done too.
    """
    jobs = list_missing(runs, folder, retry)
    if begun is not None:
        left = {job.run for job in list_missing(runs, begun, retry)}
        jobs = [job for job in jobs if job.run in left]
    where = folder if begun is None else f"{folder} and {begun}"
    tell(f"{title}: {len(runs) - len(jobs)} of {len(runs)} runs are done in {where}")
    if not jobs:
        return
    environments = find_environments(jobs)
    samples = {name: sample_environment(name) for name in dict.fromkeys(environments.values())}
    rows = total_rows(runs, jobs, _measure_all(jobs, environments, samples))
    header = ("algorithm", "runs", "done", "training, hours", "evaluation, hours at most")
    tell(table(header, [_cells(row) for row in rows], text_columns=1))
    hours = [sum(row.training for row in rows), sum(row.evaluation for row in rows)]
    tell(
        f"\nTraining takes {hours[0]:.2f} processor hours, and evaluation at most {hours[1]:.2f}: that is with every "
        f"episode at its longest. On {max(workers, 1)} workers this is {hours[0] / max(workers, 1):.2f} to "
        f"{sum(hours) / max(workers, 1):.2f} hours, if each worker has a processor. It was measured just now on "
        f"{read_machine()}, from a few steps of each setting. Other work on the machine makes it longer."
    )
    tell(_describe_disk(jobs, samples))


def total_rows(runs: Mapping[Run, tuple[int, ...]], jobs: Sequence[Job], costs: Mapping[Run, RunCost]) -> list[Row]:
    """A row for each algorithm of `runs` with its cost; `jobs` are still to do."""
    left = {job.run for job in jobs}
    rows = []
    for name in dict.fromkeys(spec_name(run.algorithm) for run in runs):
        mine = [run for run in runs if spec_name(run.algorithm) == name]
        to_do = [costs[run] for run in mine if run in left]
        hours = [sum(cost.training for cost in to_do) / HOUR, sum(cost.evaluation for cost in to_do) / HOUR]
        rows.append(Row(name, len(mine), len(mine) - len(to_do), *hours))
    return rows


def _measure_all(
    jobs: Sequence[Job], environments: Mapping[str, str], samples: Mapping[str, Sample]
) -> dict[Run, RunCost]:
    groups = group_settings(jobs, environments)
    costs: dict[Run, RunCost] = {}
    with open_bar("measuring", len(groups), "settings") as bar:
        for number, group in enumerate(groups, start=1):
            cost = measure_runs(group, samples[environments[group[0].run.dataset]])
            costs |= {job.run: cost for job in group}
            bar.show(number / len(groups), number)
    return costs


def find_environments(jobs: Sequence[Job]) -> dict[str, str]:
    """The environment of each dataset, from its card where it has one, so that nothing need be built."""
    cards = load_cards()
    datasets = dict.fromkeys(job.run.dataset for job in jobs)
    return {name: cards[name].task.environment if name in cards else load(name).environment for name in datasets}


def _cells(row: Row) -> tuple[str, ...]:
    return (row.algorithm, str(row.runs), str(row.done), f"{row.training:.2f}", f"{row.evaluation:.2f}")


def _describe_disk(jobs: Sequence[Job], samples: Mapping[str, Sample]) -> str:
    records = sum(len(to_text(_stand_in(job))) for job in jobs)
    cards, built = load_cards(), 0.0
    needed = dict.fromkeys(name for job in jobs for name in (job.run.dataset, *needed_datasets(job.run.curation)))
    missing = [cards[name] for name in needed if name in cards and cards[name].recipe and locate(name) is None]
    for card in missing:
        sample = samples.get(card.task.environment) or sample_environment(card.task.environment)
        built += find_recipe(card).transitions * sample.row_bytes
    return (
        f"Disk: about {records / MB:.1f} MB of records, and {built / MB:.0f} MB for {len(missing)} datasets that "
        f"are to be built in {cache_folder()} first."
    )


def _stand_in(job: Job) -> Record:
    """A record of the size that the job's will have."""
    rng = np.random.default_rng(0)
    returns = [float(value) for value in rng.normal(1e3, 1e3, job.run.episodes)]
    curve = [CurvePoint(step, returns, {f"loss_{k}": float(rng.normal()) for k in range(LOSSES)}) for step in job.at]
    sketch = [round(float(value), 6) for value in rng.normal(size=FEATURES)]
    return Record(job.run, "ok", "", returns, [1_000] * job.run.episodes, curve, sketch)
