"""Auditing a learner: its runs on the standard sets, beside the committed records of a suite."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from offline_bench.analysis.decides.learner_audit import LearnerAudit, audit_learner
from offline_bench.analysis.origin import collect_provenance
from offline_bench.commands.audit import price_jobs, tell_duration
from offline_bench.commands.build import build_missing
from offline_bench.commands.describe import cover
from offline_bench.commands.records import local_folder, read_runs
from offline_bench.commands.reproduce import Means, carry_out_runs
from offline_bench.commands.tell import tell
from offline_bench.core.storage import write_text
from offline_bench.data.coverage import Coverage
from offline_bench.report.decides.learner_audit import learner_card, learner_json
from offline_bench.report.decides.set_audit import Making
from offline_bench.report.html.audit_page import learner_page
from offline_bench.runs.audit_plan import name_learner_audit, plan_learner_audit, to_toml
from offline_bench.runs.campaign import list_missing
from offline_bench.runs.suites import Suite, load_suite


def audit_algorithm(algorithm: str, standard: str, steps: int, folder: Path | None, means: Means) -> None:
    """Carry out what is missing of `algorithm` on the whole sets of the suite `standard`, and end with the verdict.

    Raises `OfflineBenchError`.
    """
    committed = load_suite(standard)
    folder = folder or local_folder(name_learner_audit(algorithm, committed.name, steps))
    suite = plan_learner_audit(algorithm, committed, steps, folder)
    datasets = list(dict.fromkeys(run.dataset for run in suite.runs()))
    build_missing(datasets, max(means.workers, 1))
    coverages, environments = [], dict[str, str]()
    for name in datasets:
        data, coverage, _ = cover(name)
        environments[name] = data.environment
        coverages.append(coverage)
        del data  # one set at a time is in memory
    _tell_time(suite, environments, means)
    write_text(folder / "suite.toml", to_toml(suite))
    undone = carry_out_runs(suite.runs(), folder, f"audit of {algorithm}", means)
    audit = _write(suite, committed, standard, coverages, steps, means)
    tell(f"wrote card.md, audit.html and audit.json to {folder}")
    tell(f"{audit.placebo.sentence}\n\n{audit.sentence}")
    if undone or not audit.done:
        raise typer.Exit(1)


def _write(
    suite: Suite, committed: Suite, standard: str, coverages: list[Coverage], steps: int, means: Means
) -> LearnerAudit:
    runs = list(suite.runs())
    records = read_runs(suite.folder, runs).records
    datasets = {run.dataset for run in runs}
    wanted = [run for run in committed.runs() if run.dataset in datasets and run.curation == "full"]
    audit = audit_learner(records, runs, read_runs(committed.folder, wanted).records)
    words = ["offline-bench", *(word for path in means.plugins for word in ("--plugin", path.name))]
    words += ["audit", "--algorithm", runs[0].algorithm, "--suite", standard]
    words += ["--steps", str(steps)] if steps else []
    making = Making(
        command=shlex.join(words),
        budget=f"of the suite {committed.name}",
        steps=(runs[0].steps,),
        episodes=runs[0].episodes,
        seeds=tuple(sorted({run.seed for run in runs})),
        learners=(runs[0].algorithm,),
        provenance=collect_provenance(records),
    )
    write_text(suite.folder / "card.md", learner_card(audit, coverages, making))
    write_text(suite.folder / "audit.html", learner_page(audit, coverages, making))
    write_text(suite.folder / "audit.json", learner_json(audit, coverages, making))
    return audit


def _tell_time(suite: Suite, environments: dict[str, str], means: Means) -> None:
    """How long what is missing takes; nothing where there is nothing to do."""
    jobs = list_missing(suite.runs(), suite.folder)
    if not jobs:
        return
    hands, prices = means.count_hands(suite.folder), list[tuple[float, float]]()
    for dataset, environment in environments.items():
        mine = [job for job in jobs if job.run.dataset == dataset]
        prices += price_jobs(mine, environment).values() if mine else []
    tell(f"{len(jobs)} runs, {tell_duration(prices, hands)}")
