"""The one line: load, curate, relabel, train, evaluate, record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from offline_bench.algorithms import Snapshot, build_learner
from offline_bench.curate import curate, curations
from offline_bench.dataset import Dataset
from offline_bench.errors import DivergedError, EnvironmentMismatchError, OfflineBenchError
from offline_bench.evaluate import evaluate
from offline_bench.loaders import load
from offline_bench.loaders.cards import find_task
from offline_bench.provenance import read_machine, read_versions
from offline_bench.record import CurvePoint, Record, Run
from offline_bench.relabel import relabel, relabelings
from offline_bench.rollout import Episode
from offline_bench.seeds import training_seed
from offline_bench.sketch import sketch_visits


@dataclass(frozen=True)
class Job:
    """A run, and the steps at which its policy is evaluated, ascending, the last step included."""

    run: Run
    at: tuple[int, ...]


def carry_out(job: Job, progress: Callable[[float], None] = lambda share: None) -> Record:
    """Do the run. What goes wrong in training is recorded as `diverged` or `failed` with its reason, not raised."""
    run, started = job.run, time.monotonic()
    data = prepare_data(run)
    learner = build_learner(run.algorithm)
    status, reason = "ok", ""
    evaluated: list[tuple[Snapshot, list[Episode]]] = []
    try:
        snapshots = learner.learn(data, job.at, training_seed(run.seed), lambda step: progress(step / run.steps))
        # One by one, so that what was seen before a failure stays in the record.
        for point in _evaluate_each(snapshots, data, run):
            evaluated.append(point)
    except DivergedError as error:
        status, reason = "diverged", str(error)
    except OfflineBenchError as error:
        status, reason = "failed", str(error)
    except Exception as error:  # noqa: BLE001 - whatever a learner raises is data, and the suite goes on
        status, reason = "failed", _describe(error)
    return _record(run, data, evaluated, status, reason, learner.trainer, time.monotonic() - started)


def prepare_data(run: Run) -> Dataset:
    """What the learner of `run` is given. Raises what loading, curating and relabeling raise."""
    data = _load_once(run.dataset)
    data = curate(data, run.curation)
    return relabel(data, run.relabeling, run.seed)


@lru_cache(maxsize=2)
def _load_once(dataset: str) -> Dataset:
    # Read-only, so consecutive runs on one dataset can share it.
    return load(dataset)


def _evaluate_each(snapshots: Iterator[Snapshot], data: Dataset, run: Run) -> Iterator[tuple[Snapshot, list[Episode]]]:
    if not data.environment:
        raise EnvironmentMismatchError(f"dataset {data.id!r} names no environment, so no policy can be evaluated.")
    for snapshot in snapshots:
        yield snapshot, evaluate(snapshot.policy, data.environment, run.episodes)


def _record(
    run: Run,
    data: Dataset,
    evaluated: list[tuple[Snapshot, list[Episode]]],
    status: str,
    reason: str,
    trainer: str,
    seconds: float,
) -> Record:
    last = evaluated[-1][1] if status == "ok" else []
    weights = evaluated[-1][0].weights if status == "ok" else ""
    return Record(
        run=run,
        status=status,
        reason=reason,
        returns=_returns(last),
        lengths=[episode.length for episode in last],
        curve=[CurvePoint(snapshot.step, _returns(episodes), snapshot.losses) for snapshot, episodes in evaluated],
        sketch=_sketch(last, run.dataset),
        data={
            "transitions": data.n,
            "episodes": data.n_episodes,
            "mean_return": float(data.true_returns.mean()),
            "mean_length": float(data.lengths.mean()),
        },
        fingerprints={
            "dataset": data.fingerprint,
            "policy": weights,
            "relabeling_source": relabelings.bind(run.relabeling).source_hash,
            "curation_source": curations.bind(run.curation).source_hash,
        },
        provenance={
            "trainer": trainer,
            "device": "cpu",
            "versions": read_versions(),
            "machine": read_machine(),
            "seconds": round(seconds, 1),
        },
    )


def _sketch(episodes: list[Episode], dataset: str) -> list[float]:
    task = find_task(dataset)
    return sketch_visits(episodes, task.observation_mean, task.observation_scale) if task else []


def _returns(episodes: list[Episode]) -> list[float]:
    return [float(np.sum(episode.rewards)) for episode in episodes]


def _describe(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
