"""The one line: load, curate, relabel, train, evaluate, record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_bench.algorithms import Member, build_learner, describe_machine, open_checkpoint, parameters_of
from offline_bench.core.errors import CurationError, OfflineBenchError, RelabelingError
from offline_bench.core.provenance import read_versions
from offline_bench.core.seeds import training_seed
from offline_bench.data.action_range import find_action_range
from offline_bench.data.coverage.quality import best_mean
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.data.extent import Extent
from offline_bench.data.learner_view import LearnerView
from offline_bench.data.loaders.fingerprints import find_extent
from offline_bench.data.loaders.fingerprints import load_and_keep as load
from offline_bench.data.loaders.tasks import find_task
from offline_bench.data.seal import SealedCache
from offline_bench.environments.make import find_step_limit
from offline_bench.evaluation.sketch import sketch_visits
from offline_bench.evaluation.support import Support
from offline_bench.runs.code import trace_code
from offline_bench.runs.outcome import Outcome, train_members
from offline_bench.runs.record import Record, Run
from offline_bench.runs.stopwatch import Stopwatch
from offline_bench.schemes.curate import curate
from offline_bench.schemes.relabel import relabel

# Name of the fingerprint of the dataset before it was curated.
WHOLE = "whole_dataset"
RESTS = " on "


@dataclass(frozen=True)
class Job:
    """A run, and the steps at which its policy is evaluated, ascending, the last step included."""

    run: Run
    at: tuple[int, ...]


@dataclass(frozen=True)
class JobSlab:
    """Jobs that train together: same data but for rewards, same shape of algorithm, same budget.

    device      'cpu', 'cuda', or 'cuda+tf32'
    checkpoint  where the state of a half-trained slab is kept; None keeps none
    done        those of its runs that have their records: they are here for the slab to be the one of its checkpoint
    """

    jobs: tuple[Job, ...]
    device: str = "cpu"
    checkpoint: Path | None = None
    done: frozenset[Run] = frozenset()

    @property
    def wanted(self) -> list[Run]:
        """The runs whose records are still to come."""
        return [job.run for job in self.jobs if job.run not in self.done]

    @property
    def name(self) -> str:
        """Which slab this is, to the last parameter."""
        return " ".join([self.device, *(job.run.key for job in self.jobs), *map(str, self.jobs[0].at)])

    def name_on(self, rests: str) -> str:
        """What a checkpoint of it is called that rests on data and code of the hash `rests`."""
        return f"{self.name}{RESTS}{rests}"


def carry_out(job: Job, progress: Callable[[float], None] = lambda share: None) -> Record:
    """Do the run. What goes wrong in training is recorded as `diverged` or `failed` with its reason, not raised."""
    (record,) = carry_out_slab(JobSlab((job,)), progress)
    return record


def carry_out_slab(slab: JobSlab, progress: Callable[[float], None] = lambda share: None) -> list[Record]:
    """Do the runs of `slab` together, a record each: what else is in the slab changes none of them.

    A run whose data cannot be curated or relabeled is `failed`. Raises `PlaceError` where this machine let the slab
    down, `StorageError` where a checkpoint cannot be written, and what loading raises.
    """
    watch = Stopwatch()
    datasets, failed = _prepare(slab)
    jobs = [job for job in slab.jobs if job.run in datasets]
    if not jobs:
        return failed
    learners = [build_learner(job.run.algorithm, slab.device) for job in jobs]
    members = [
        Member(parameters_of(learner), LearnerView.of(datasets[job.run]), training_seed(job.run.seed))
        for job, learner in zip(jobs, learners, strict=True)
    ]
    first = jobs[0]
    checkpoint = None if failed else _open_checkpoint(slab, list(datasets.values()))
    watch.resumed = checkpoint is not None and checkpoint.path.exists()
    outcomes = train_members(
        learners[0], members, first.at, first.run.episodes, lambda step: progress(step / first.run.steps), checkpoint
    )
    supports = _measure_supports(datasets[first.run], outcomes)
    took = watch.read(len(slab.jobs), sum(outcome.evaluating for outcome in outcomes))
    records = [
        _record(job.run, datasets[job.run], outcome, support, learners[0].trainer, slab.device, took)
        for job, outcome, support in zip(jobs, outcomes, supports, strict=True)
    ]
    order = {job.run: place for place, job in enumerate(slab.jobs)}
    return sorted(records + failed, key=lambda record: order[record.run])


def record_failure(run: Run, reason: str, device: str) -> Record:
    """The record of an impossible run."""
    return Record(
        run=run,
        status="failed",
        reason=reason,
        fingerprints={"policy": "", **trace_code(run)},
        provenance={"device": device, "versions": read_versions(), "machine": describe_machine(device), "seconds": 0.0},
    )


def prepare_data(run: Run) -> Dataset:
    """What the learner of `run` is given, with the true rewards. Raises what loading, curating and relabeling raise."""
    return relabel(curate_once(run.dataset, run.curation), run.relabeling, run.seed)


def load_data(dataset: str) -> Dataset:
    """The dataset as it is. Raises what loading raises."""
    return _load_once(dataset)


def extent_of(dataset: str, curation: str) -> Extent:
    """How large what `curation` leaves of `dataset` is: a whole set need not be read. Raises what preparing raises."""
    return find_extent(dataset) if curation == "full" else Extent.of(curate_once(dataset, curation))


def _prepare(slab: JobSlab) -> tuple[dict[Run, Dataset], list[Record]]:
    """What the learner of each run is given; the records of those that cannot be given anything."""
    datasets, failed = {}, []
    for job in slab.jobs:
        try:
            datasets[job.run] = prepare_data(job.run)
        except (CurationError, RelabelingError) as error:
            failed.append(record_failure(job.run, str(error), slab.device))
    return datasets, failed


# Read-only, so consecutive runs on one dataset can share it; and looked at again each time, as a plug-in may have
# written to it all the same.
_load_once = SealedCache(lambda dataset: load(dataset), size=2)


def _curate(dataset: str, curation: str) -> Dataset:
    return curate(_load_once(dataset), curation)


curate_once = SealedCache(_curate, size=2)


def _open_checkpoint(slab: JobSlab, datasets: list[Dataset]) -> Any:
    """The checkpoint of `slab` on this very data and code: one of any other is not gone on from."""
    if slab.checkpoint is None:
        return None
    digest = hashlib.sha256()
    for job, data in zip(slab.jobs, datasets, strict=True):
        digest.update(f"{data.fingerprint} {sorted(trace_code(job.run).items())}".encode() + data.rewards.tobytes())
    return open_checkpoint(slab.checkpoint, slab.name_on(digest.hexdigest()[:16]))


def _measure_supports(data: Dataset, outcomes: list[Outcome]) -> list[dict[str, float]]:
    """How far each policy of a slab stays with its data: the runs differ in rewards, and support is blind to these."""
    if not any(outcome.last for outcome in outcomes):
        return [{} for _ in outcomes]
    support = Support(data)
    return [support.measure(outcome.last) if outcome.last else {} for outcome in outcomes]


def _record(
    run: Run,
    data: Dataset,
    outcome: Outcome,
    support: dict[str, float],
    trainer: str,
    device: str,
    took: dict[str, float],
) -> Record:
    return Record(
        run=run,
        status=outcome.status,
        reason=outcome.reason,
        returns=outcome.returns,
        lengths=[episode.length for episode in outcome.last],
        curve=outcome.curve,
        sketch=_sketch(outcome.last, run.dataset),
        support=support,
        data={
            "transitions": data.n,
            "episodes": data.n_episodes,
            "mean_return": float(data.behavior_returns.mean()),
            "best_return": best_mean(data.behavior_returns),
            "mean_length": float(data.lengths.mean()),
        },
        fingerprints={
            "dataset": data.fingerprint,
            WHOLE: curate_once(run.dataset, "full").fingerprint,
            "policy": outcome.weights,
            **trace_code(run),
        },
        provenance={
            "trainer": trainer,
            "device": device,
            "versions": read_versions(),
            "machine": describe_machine(device),
            **took,
            **_describe_task(data),
            **({"learner": outcome.facts} if outcome.facts else {}),
            **({"relabeling": dict(data.relabeling_facts)} if data.relabeling_facts else {}),
        },
    )


def _describe_task(data: Dataset) -> dict[str, Any]:
    """Where the policy acted and for how long at most, and the bounds of its actions that the data gave it."""
    told: dict[str, Any] = {}
    with suppress(OfflineBenchError):  # A run that failed for that has its reason.
        told = {"environment": data.environment, "step_limit": find_step_limit(data.environment)}
    if data.action_space.discrete:
        return told
    box = find_action_range(data)
    bounds = {"low": box.low.tolist(), "high": box.high.tolist()}
    return told | ({"action_range": bounds} if box.from_data.any() else {})


def _sketch(episodes: list[Episode], dataset: str) -> list[float]:
    task = find_task(dataset)
    return sketch_visits(episodes, task.observation_mean, task.observation_scale) if task else []
