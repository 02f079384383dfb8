"""A rehearsal: all that can be known of runs before any of them trains."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
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
from offline_bench.data.loaders.tasks import find_task
from offline_bench.evaluation.match import check_environment
from offline_bench.runs.experiment import Job, curate_once, load_data, prepare_data, record_failure
from offline_bench.runs.record import Record, Run


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


def rehearse(jobs: Sequence[Job], device: str = "cpu") -> Rehearsal:
    """Try everything that comes before the training of `jobs`.

    Each environment is made and reset once, and its shapes are compared to the data's; the reference returns are read;
    every curation is carried out, and every relabeling with every seed; every learner is asked whether it takes the
    data. Raises `OfflineBenchError` for a mistake that no part of the grid is meant to have: an unknown name, a
    parameter that does not fit, data that is not here or is broken.
    """
    learners = {text: build_learner(text, device) for text in dict.fromkeys(job.run.algorithm for job in jobs)}
    for learner in learners.values():
        learner.check()
    refusals: dict[Run, OfflineBenchError | None] = {}
    environments = _Answers()
    # Data by data, as two sets are kept in memory at most.
    for (dataset, curation), cell in groupby(sorted(jobs, key=_data_of), key=_data_of):
        refusal = _refuse_data(dataset, curation, environments)
        answers = _Answers()
        for job in cell:
            refusals[job.run] = refusal or _refuse_run(job.run, learners[job.run.algorithm], answers)
    return Rehearsal(
        possible=[job for job in jobs if refusals[job.run] is None],
        failed=[
            record_failure(job.run, str(error), device)
            for job in jobs
            if (error := refusals[job.run]) is not None and not isinstance(error, PlaceError)
        ],
        undone=[(job.run, str(error)) for job in jobs if isinstance(error := refusals[job.run], PlaceError)],
    )


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


def _refuse_data(dataset: str, curation: str, environments: _Answers) -> OfflineBenchError | None:
    """Why no run can be on `dataset` under `curation`."""
    try:
        data = load_data(dataset)
    except EnvironmentMismatchError as error:
        return PlaceError(str(error))  # its spaces are those of an environment that is not here
    try:
        find_task(dataset)
    except DatasetError as error:
        return error
    return environments.ask(dataset, lambda: _check_environment(data)) or _Answers().ask(
        curation, lambda: curate_once(dataset, curation)
    )


def _refuse_run(run: Run, learner: Learner, answers: _Answers) -> OfflineBenchError | None:
    """Why `run` cannot be, where its data is there."""
    return answers.ask((run.relabeling, run.seed), lambda: prepare_data(run)) or answers.ask(
        run.algorithm, lambda: check_fit(learner, curate_once(run.dataset, run.curation))
    )


def _check_environment(data: Dataset) -> None:
    """Raise `EnvironmentMismatchError` where no policy could act there, `PlaceError` where it cannot be made here."""
    try:
        check_environment(data)
    except EnvironmentAbsentError as error:
        raise PlaceError(
            f"{error} If a module of yours registers it, name that module with --plugin. If not, install the package "
            "that does."
        ) from error
