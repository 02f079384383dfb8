"""What runs will cost before any is carried out: a few gradient steps of each setting and a few steps of its task."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.algorithms import Learner, Member, StackedLearner, build_learner, parameters_of
from offline_bench.core.seeds import training_seed
from offline_bench.core.threads import one_thread
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.writer import lay_out, write_minari
from offline_bench.environments.make import make_environment
from offline_bench.environments.name import find_spec
from offline_bench.evaluation.rollout import roll_out
from offline_bench.runs.experiment import Job

SAMPLE_STEPS = 1_000
SAMPLE = "cost/sample-v0"
PLACES = 5  # in the middles of as many equal parts of the budget: an actor may wait, a warm start may end
BLOCK = 40  # gradient steps at each place
MOST_TOGETHER = 16
NO_LIMIT = 1_000  # steps of an episode where the environment has no limit of its own


@dataclass(frozen=True)
class Sample:
    """A little of an environment, acted in at random.

    step_seconds  of the processor for one step of it, resets included
    row_bytes     of a transition on disk
    longest       steps of an episode at its longest
    """

    environment: str
    data: Dataset
    step_seconds: float
    row_bytes: float
    longest: int


@dataclass(frozen=True)
class RunCost:
    """Seconds of a processor for one run of a setting: `training`, and all its evaluations at their longest."""

    training: float
    evaluation: float


def sample_environment(environment: str) -> Sample:
    """Act at random for at least `SAMPLE_STEPS` steps. Raises what making the environment raises."""
    made = make_environment(environment)
    space = made.action_space
    made.close()
    space.seed(0)
    episodes: list[Episode] = []
    rng, started = np.random.default_rng(0), time.process_time()
    while sum(episode.length for episode in episodes) < SAMPLE_STEPS:
        seeds = rng.integers(2**31, size=4)
        episodes += roll_out(lambda seen: np.stack([space.sample() for _ in seen]), environment, seeds)
    seconds = time.process_time() - started
    with tempfile.TemporaryDirectory() as scratch:
        about = {"algorithm_name": "uniform actions", "author": "offline_bench"}
        write_minari(Path(scratch), SAMPLE, environment, [lay_out(episode) for episode in episodes], **about)
        folder = Path(scratch) / SAMPLE
        data = read_minari(folder, SAMPLE)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    longest = find_spec(environment).max_episode_steps or NO_LIMIT
    return Sample(environment, data, seconds / data.n, size / data.n, longest)


def group_settings(jobs: Sequence[Job], environments: Mapping[str, str]) -> list[list[Job]]:
    """`jobs` that cost the same: one environment, one budget, one shape of algorithm. `environments` is by dataset."""
    groups: dict[tuple[Any, ...], list[Job]] = {}
    for job in jobs:
        learner = build_learner(job.run.algorithm)
        shape = learner.shape() if isinstance(learner, StackedLearner) else job.run.algorithm
        kind = (environments[job.run.dataset], job.run.steps, job.run.episodes, job.at, shape)
        groups.setdefault(kind, []).append(job)
    return list(groups.values())


def measure_runs(jobs: Sequence[Job], sample: Sample) -> RunCost:
    """What one of `jobs` costs, which are of one setting and train together as far as a slab goes.

    Raises what the learner raises: a setting that cannot train on the environment's data says so here already.
    """
    some = jobs[:MOST_TOGETHER]
    run, learner = some[0].run, build_learner(some[0].run.algorithm)
    with one_thread():
        if isinstance(learner, StackedLearner):
            per_step, policy = _time_slab(learner, some, sample.data)
        else:
            per_step, policy = _time_alone(learner, run.steps, sample.data)
        acting = _time_acting(policy, len(some) if isinstance(learner, StackedLearner) else 0, run.episodes, sample)
    evaluated = len(some[0].at) * run.episodes * sample.longest
    return RunCost(per_step * run.steps, evaluated * (sample.step_seconds + acting))


def spread_places(steps: int, block: int) -> list[int]:
    """First steps of the blocks that are timed: in the middles of equal parts of `steps`, each at most once."""
    middles = [steps * (2 * place + 1) // (2 * PLACES) for place in range(PLACES)]
    return sorted({middle // block * block for middle in middles})


def _time_slab(learner: StackedLearner, jobs: Sequence[Job], data: Dataset) -> tuple[float, Any]:
    """Seconds per run and gradient step of a slab of `jobs`, and its policy."""
    from offline_bench.algorithms.stacked.slab import Setting, SlabTraining

    members = [
        Member(parameters_of(build_learner(job.run.algorithm)), data, training_seed(place))
        for place, job in enumerate(jobs)
    ]
    training = SlabTraining(Setting(learner.algorithm(), learner.standardize, learner.reward_scaler), members)
    block = training.draws.block
    seconds = []
    for place in spread_places(jobs[0].run.steps, block):
        for turn in range(2):  # the first one at a place is slow
            training.step = place + turn * block
            started = time.process_time()
            training.draws.at(training.step)
            drawn = time.process_time()
            training.advance(training.step + min(BLOCK, block))
            spent = (drawn - started) / block + (time.process_time() - drawn) / min(BLOCK, block)
        seconds.append(spent)
    return float(np.mean(seconds)) / len(jobs), training.snapshot().policy


def _time_alone(learner: Learner, steps: int, data: Dataset) -> tuple[float, Any]:
    """Seconds per gradient step of a run that trains alone, from its second snapshot to its last, and its policy."""
    few = max(1, min(BLOCK, steps // 3))
    snapshots = iter(learner.learn(data, (few, 3 * few), training_seed(0), lambda step: None))
    next(snapshots)
    started = time.process_time()
    last = next(snapshots)
    return (time.process_time() - started) / (2 * few), last.policy


def _time_acting(policy: Any, runs: int, episodes: int, sample: Sample) -> float:
    """Seconds of `policy` for one step of one episode of one run, in a slab of `runs`; alone where that is 0."""
    rows = np.resize(np.arange(sample.data.n), episodes * max(runs, 1))
    seen = sample.data.observations[rows]
    seen = seen.reshape(runs, episodes, *seen.shape[1:]) if runs else seen
    times = list(_repeat(policy, np.arange(episodes), seen))
    return float(np.median(times)) / (episodes * max(runs, 1))


def _repeat(policy: Any, names: np.ndarray, seen: np.ndarray, times: int = 5) -> Iterator[float]:
    for _ in range(times):
        started = time.process_time()
        policy.act_in(names, seen) if hasattr(policy, "act_in") else policy.act(seen)
        yield time.process_time() - started
