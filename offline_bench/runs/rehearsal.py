"""A rehearsal: all that can be known of runs before any of them trains."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from offline_bench.algorithms import Learner, build_learner, check_fit
from offline_bench.core.errors import (
    CurationError,
    DatasetError,
    EnvironmentAbsentError,
    EnvironmentMismatchError,
    OfflineBenchError,
    PlaceError,
    RelabelingError,
)
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.fingerprints import find_extent
from offline_bench.data.loaders.tasks import find_task
from offline_bench.evaluation.match import check_environment
from offline_bench.runs.experiment import Job, curate_once, load_data, prepare_data, record_failure
from offline_bench.runs.record import Record, Run

TRIALS = 1_000  # relabelings that are tried with every seed: a minute or two


@dataclass(frozen=True)
class Rehearsal:
    """What is known of runs before they train.

    possible  the jobs that nothing speaks against
    failed    the records of the runs that cannot be, each with the reason
    undone    the runs that cannot be on this machine as it is, each with the reason: no result, to be tried again
    """

    possible: list[Job]
    failed: list[Record]
    undone: list[tuple[Run, str]]


def rehearse(jobs: Sequence[Job], device: str = "cpu", shown: Iterable[Run] = ()) -> Rehearsal:
    """Try everything that comes before the training of `jobs`.

    Each environment is made and reset once, and its shapes are compared to the data's; the reference returns are read;
    every curation is carried out, and every relabeling with every seed; every learner is asked whether it takes the
    data. Where that would be more than `TRIALS` relabelings, each is tried with one seed, and with the others where
    that cannot be: a run that is impossible all the same fails when its turn comes.

    What the runs `shown` have been through, which ended well with the data and the code that are here, is not tried
    again: where they show all, no data is read.

    Raises `OfflineBenchError` for a mistake that no part of the grid is meant to have: an unknown name, a parameter
    that does not fit, data that is not here or is broken.
    """
    learners = {text: build_learner(text, device) for text in dict.fromkeys(job.run.algorithm for job in jobs)}
    for learner in learners.values():
        learner.check()
    every_seed = len({(job.run.dataset, job.run.curation, job.run.relabeling, job.run.seed) for job in jobs}) <= TRIALS
    known = _Shown(shown, every_seed)
    refusals: dict[Run, OfflineBenchError] = {}
    environments = _Answers()
    # Data by data, as two sets are kept in memory at most.
    for (dataset, curation), cell in groupby(sorted(jobs, key=_data_of), key=_data_of):
        refusal = _refuse_data(dataset, curation, environments, (dataset, curation) in known.data)
        answers = _Answers()
        for job in cell:
            found = refusal or _refuse_run(job.run, learners[job.run.algorithm], answers, known)
            if found:
                refusals[job.run] = found
    if not refusals:
        return Rehearsal(list(jobs), [], [])
    return Rehearsal(
        possible=[job for job in jobs if job.run not in refusals],
        failed=[
            record_failure(job.run, str(error), device)
            for job in jobs
            if (error := refusals.get(job.run)) is not None and not isinstance(error, PlaceError)
        ],
        undone=[(job.run, str(error)) for job in jobs if isinstance(error := refusals.get(job.run), PlaceError)],
    )


class _Shown:
    """What finished runs show to go through: data, relabelings of it, with each seed or any, and learners of it."""

    def __init__(self, runs: Iterable[Run], every_seed: bool) -> None:
        self.every_seed = every_seed
        self.data: set[tuple[str, str]] = set()
        self._relabelings: set[tuple[str, str, str, int | None]] = set()
        self._algorithms: set[tuple[str, str, str]] = set()
        for run in runs:
            self.data.add((run.dataset, run.curation))
            self._relabelings.add((run.dataset, run.curation, run.relabeling, run.seed if every_seed else None))
            self._algorithms.add((run.dataset, run.curation, run.algorithm))

    def relabels(self, run: Run) -> bool:
        """Whether a run had the rewards of `run`; where not every seed is tried, those of another seed do."""
        seed = run.seed if self.every_seed else None
        return (run.dataset, run.curation, run.relabeling, seed) in self._relabelings

    def learns(self, run: Run) -> bool:
        """Whether the algorithm of `run` learned from its data."""
        return (run.dataset, run.curation, run.algorithm) in self._algorithms


class _Answers:
    """What was asked before is not asked again."""

    def __init__(self) -> None:
        self._known: dict[Hashable, OfflineBenchError | None] = {}

    def ask(self, question: Hashable, attempt: Callable[[], object]) -> OfflineBenchError | None:
        """What `attempt` raises that says that a run cannot be; None where it goes through."""
        if question not in self._known:
            self._known[question] = None
            try:
                attempt()
            except (CurationError, RelabelingError, EnvironmentMismatchError, PlaceError) as error:
                self._known[question] = error
        return self._known[question]


def _data_of(job: Job) -> tuple[str, str]:
    return job.run.dataset, job.run.curation


def _refuse_data(
    dataset: str, curation: str, environments: _Answers, is_shown: bool = False
) -> OfflineBenchError | None:
    """Why no run can be on `dataset` under `curation`; where finished runs have shown its data, that is not read."""
    try:
        data = find_extent(dataset).stand_in() if is_shown else load_data(dataset)
    except EnvironmentMismatchError as error:
        return PlaceError(str(error))  # its spaces are those of an environment that is not here
    try:
        find_task(dataset)
    except DatasetError as error:
        return error
    refusal = environments.ask(dataset, lambda: _check_environment(data))
    return refusal or (None if is_shown else _Answers().ask(curation, lambda: curate_once(dataset, curation)))


def _refuse_run(run: Run, learner: Learner, answers: _Answers, known: _Shown) -> OfflineBenchError | None:
    """Why `run` cannot be, where its data is there."""
    refusal = None
    if not known.relabels(run) and (
        known.every_seed or answers.ask(("one seed of", run.relabeling), lambda: prepare_data(run))
    ):
        refusal = answers.ask((run.relabeling, run.seed), lambda: prepare_data(run))
    if refusal or known.learns(run):
        return refusal
    return answers.ask(run.algorithm, lambda: check_fit(learner, curate_once(run.dataset, run.curation)))


def _check_environment(data: Dataset) -> None:
    """Raise `EnvironmentMismatchError` where no policy could act there, `PlaceError` where it cannot be made here."""
    try:
        check_environment(data)
    except EnvironmentAbsentError as error:
        raise PlaceError(
            f"{error} If a module of yours registers it, name that module with --plugin. If not, install the package "
            "that does."
        ) from error
