"""Walking the paths of a suite's tabular learners again: records say what came of a policy, not where it went."""

from __future__ import annotations

from offline_bench.algorithms import build_learner
from offline_bench.analysis.behavior.walks import WALKS, RunWalk, Walks, write_walks
from offline_bench.commands.build import build_missing
from offline_bench.commands.display import open_bar
from offline_bench.commands.records import check_own
from offline_bench.commands.tell import tell
from offline_bench.core.errors import SuiteError
from offline_bench.core.seeds import training_seed
from offline_bench.data.learner_view import LearnerView
from offline_bench.environments.make import find_model
from offline_bench.evaluation.walking import walk
from offline_bench.runs.experiment import load_data, prepare_data
from offline_bench.runs.record import Run
from offline_bench.runs.suites import load_suite

# Exact and quick on any machine: their policies can be made again whenever they are wanted.
TRAINER = "tabular"


def walk_suite(name: str) -> None:
    """Train the tabular learners of the suite again and write their walks beside its suite file.

    Raises `SuiteError` where it has none, or none on a grid.
    """
    suite = load_suite(name)
    check_own(suite, "walk")
    runs = [run for run in sorted(suite.runs()) if build_learner(run.algorithm).trainer == TRAINER]
    if not runs:
        raise SuiteError(f"{suite.name} has no tabular learner, and this command follows only those.")
    datasets = list(dict.fromkeys(run.dataset for run in runs))
    build_missing(datasets, 1)
    grids = {dataset: rows for dataset in datasets if (rows := find_grid(dataset))}
    runs = [run for run in runs if run.dataset in grids]
    if not runs:
        raise SuiteError(f"{suite.name}: none of its environments shows a grid, so there is no path to draw.")
    walks = []
    with open_bar(suite.name, len(runs), "runs") as bar:
        for at, run in enumerate(runs, 1):
            walks.append(walk_run(run))
            bar.show(at / len(runs), at, str(run))
    write_walks(suite.folder / WALKS, Walks(grids, tuple(walks)))
    tell(
        f"wrote {WALKS} to {suite.folder}: {len(walks)} runs. Its report draws them: offline-bench report {suite.name}"
    )


def find_grid(dataset: str) -> tuple[str, ...]:
    """The rows of the grid of `dataset`, see `Layout`; none where its environment shows no grid."""
    environment = load_data(dataset).environment
    model = find_model(environment) if environment else None
    return model.layout.rows if model is not None and model.layout is not None else ()


def walk_run(run: Run) -> RunWalk:
    """Train the tabular learner of `run` as its record's was and walk its policy; needs its dataset."""
    data = prepare_data(run)
    learner = build_learner(run.algorithm)
    view = LearnerView.of(data)
    (snapshot,) = learner.learn(view, (run.steps,), training_seed(run.seed), lambda step: None)
    return RunWalk(run, snapshot.weights, walk(snapshot.policy, data.environment))
