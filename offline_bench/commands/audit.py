"""Auditing a dataset: the runs, then the card, the page and the JSON of what they say."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from offline_bench.analysis.decides.set_audit import SCORE, Scale, SetAudit, audit_set, make_share_scale
from offline_bench.analysis.digest.words import spread
from offline_bench.analysis.origin import collect_provenance
from offline_bench.benchmarks.suite_cost import measure_runs, sample_environment
from offline_bench.commands.build import build_missing
from offline_bench.commands.describe import cover
from offline_bench.commands.display import open_bar
from offline_bench.commands.records import local_folder, read_runs
from offline_bench.commands.reproduce import Means, carry_out_runs
from offline_bench.commands.tell import tell
from offline_bench.core.spec import spec_name
from offline_bench.core.storage import write_text
from offline_bench.data.coverage import Coverage
from offline_bench.data.loaders import find_task
from offline_bench.evaluation.match import check_environment
from offline_bench.evaluation.uniform import measure_random_returns
from offline_bench.report.decides.set_audit import Making, audit_card, audit_json, describing_card, describing_json
from offline_bench.report.html.audit_page import audit_page
from offline_bench.runs.audit_plan import BUDGETS, SEEDS, Wish, name_audit, plan_audit, to_toml
from offline_bench.runs.campaign import list_missing
from offline_bench.runs.experiment import Job
from offline_bench.runs.suites import Suite

FEW = 4  # runs that are timed together: the time of a run hardly depends on it
NO_ENVIRONMENT = (
    "it names no environment, so no policy can be scored there. It can be described, and not audited. "
    "`offline-bench datasets set-env` names the environment of a set."
)


def audit_dataset(wish: Wish, folder: Path | None, means: Means) -> None:
    """Say how long it will take, carry out what is missing of it, write what came out, and end with the verdict.

    A set without an environment is described instead: exit with 1. Raises `OfflineBenchError`.
    """
    folder = folder or local_folder(name_audit(wish))
    build_missing([wish.dataset], max(means.workers, 1))
    data, coverage, notes = cover(wish.dataset)
    if not data.environment:
        _describe_only(folder, coverage)
    check_environment(data)
    wish, environment = replace(wish, discrete=data.action_space.discrete), data.environment
    del data  # the runs load it for themselves
    suite = plan_audit(wish, folder)
    _tell_times(wish, suite, environment, means)
    write_text(folder / "suite.toml", to_toml(suite))
    undone = carry_out_runs(suite.runs(), folder, f"audit of {wish.dataset}", means)
    scale = _find_scale(wish.dataset, environment, coverage.quality.mean_return)
    audit = _write_audit(wish, suite, coverage, scale, means)
    for note in notes:
        tell(note, err=True)
    _tell_verdict(audit, folder)
    if undone or not audit.done:
        raise typer.Exit(1)


def _write_audit(wish: Wish, suite: Suite, coverage: Coverage, scale: Scale, means: Means) -> SetAudit:
    runs = list(suite.runs())
    records = read_runs(suite.folder, runs).records
    audit = audit_set(records, runs, scale, _longer(wish))
    longest = {run.algorithm: run.steps for run in runs}
    making = Making(
        command=_command(wish, means.plugins),
        budget=wish.budget,
        steps=tuple(longest.values()),
        episodes=runs[0].episodes,
        seeds=tuple(suite.grids[0].seeds),
        learners=tuple(longest),
        provenance=collect_provenance(records),
    )
    write_text(suite.folder / "card.md", audit_card(audit, coverage, making))
    write_text(suite.folder / "audit.html", audit_page(audit, coverage, making))
    write_text(suite.folder / "audit.json", audit_json(audit, coverage, making))
    return audit


def _describe_only(folder: Path, coverage: Coverage) -> None:
    write_text(folder / "card.md", describing_card(coverage, NO_ENVIRONMENT))
    write_text(folder / "audit.json", describing_json(coverage, NO_ENVIRONMENT))
    tell(f"wrote card.md and audit.json to {folder}")
    tell(f"{coverage.dataset}: {NO_ENVIRONMENT}", err=True)
    raise typer.Exit(1)


def _tell_verdict(audit: SetAudit, folder: Path) -> None:
    tell(f"wrote card.md, audit.html and audit.json to {folder}")
    tell(audit.placebo.sentence)
    if audit.settles:
        tell(f"What would settle it: {audit.settles}")
    tell(f"\n{audit.sentence}")


def _find_scale(dataset: str, environment: str, mean: float) -> Scale:
    task = find_task(dataset)
    if task is not None:
        return Scale(SCORE, task.random_return, task.expert_return, task.source)
    return make_share_scale(measure_random_returns(environment), mean)


def _longer(wish: Wish) -> str:
    """The option that trains longer; '' where there is none."""
    now = _total_steps(wish)
    names = [name for name in BUDGETS if _total_steps(replace(wish, budget=name, steps=0)) > now]
    return f"--budget {names[0]}" if names else ""


def _total_steps(wish: Wish) -> int:
    return sum(wish.find_learners().values())


def _command(wish: Wish, plugins: Sequence[Path]) -> str:
    words = ["offline-bench", *(word for path in plugins for word in ("--plugin", path.name))]
    words += ["audit", "--dataset", wish.dataset, "--budget", wish.budget]
    words += ["--seeds", str(wish.seeds)] if wish.seeds != len(SEEDS) else []
    words += ["--steps", str(wish.steps)] if wish.steps else []
    words += [word for text in wish.learners for word in ("--learner", text)]
    return shlex.join(words)


def _tell_times(wish: Wish, suite: Suite, environment: str, means: Means) -> None:
    """How long each budget takes, from none of its runs done; nothing where all of the wanted one are."""
    if not list_missing(suite.runs(), suite.folder):
        return
    wishes = {name: replace(wish, budget=name, steps=wish.steps if name == wish.budget else 0) for name in BUDGETS}
    plans = {name: list_jobs(plan_audit(one, suite.folder)) for name, one in wishes.items()}
    hands = means.count_hands(suite.folder)
    prices = price_jobs([job for jobs in plans.values() for job in jobs], environment)
    for name, jobs in plans.items():
        mark = "->" if name == wish.budget else "  "
        steps = spread([job.run.steps for job in jobs], 0)
        tell(f"{mark} {name}: {len(jobs)} runs of {steps} steps, {tell_duration([prices[job] for job in jobs], hands)}")


def list_jobs(suite: Suite) -> list[Job]:
    """The jobs of `suite`, done or not."""
    return [Job(run, at) for run, at in suite.runs().items()]


def price_jobs(jobs: Sequence[Job], environment: str) -> dict[Job, tuple[float, float]]:
    """Seconds that each job takes here: training alone, and with every evaluation episode at its longest.

    A few gradient steps of each learner are measured, and counted for every job that has it.
    """
    sample, costs = sample_environment(environment), dict[str, tuple[float, float]]()
    groups = {spec_name(job.run.algorithm): job for job in jobs}
    with open_bar("measuring", len(groups), "learners") as bar:
        for number, (name, job) in enumerate(groups.items(), start=1):
            cost = measure_runs([job] * FEW, sample)
            costs[name] = (cost.training / job.run.steps, cost.evaluation)
            bar.show(number / len(groups), number)
    prices = {}
    for job in jobs:
        per_step, evaluation = costs[spec_name(job.run.algorithm)]
        prices[job] = (per_step * job.run.steps, per_step * job.run.steps + evaluation)
    return prices


def tell_duration(prices: Sequence[tuple[float, float]], hands: int) -> str:
    """The least and the most that jobs of `prices` take with `hands` of them under way at once."""
    # Shared out, but no job is: nobody is faster than the longest one.
    least, most = (tell_clock(max(sum(seconds) / hands, *seconds)) for seconds in zip(*prices, strict=True))
    return f"{least} to {most} on {hands} worker{'s' * (hands != 1)} of this machine's speed"


def tell_clock(seconds: float) -> str:
    """`seconds` in minutes or hours."""
    return f"{seconds / 3600.0:.1f} hours" if seconds >= 5400.0 else f"{max(seconds / 60.0, 0.1):.1f} minutes"
