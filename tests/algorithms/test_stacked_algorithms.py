"""What must hold of every stacked algorithm: a run is the same alone and beside others, and BC sees no reward."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from offline_bench import Dataset, relabel
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.algorithm import Slab, StackedAlgorithm, parameter_kinds
from offline_bench.algorithms.stacked.atac import ATAC
from offline_bench.algorithms.stacked.bc import BC
from offline_bench.algorithms.stacked.cql import CQL
from offline_bench.algorithms.stacked.draws import Draw, Draws, weights_rng
from offline_bench.algorithms.stacked.iql import IQL
from offline_bench.algorithms.stacked.onestep import OneStep
from offline_bench.algorithms.stacked.pct_bc import PctBC
from offline_bench.algorithms.stacked.pspi import PSPI
from offline_bench.algorithms.stacked.rebrac import ReBRAC
from offline_bench.algorithms.stacked.sac import SAC
from offline_bench.algorithms.stacked.slab import Setting, SlabTraining
from offline_bench.algorithms.stacked.td3_plus_bc import TD3PlusBC
from offline_bench.algorithms.stacked.transitions import Transitions
from offline_bench.core.threads import one_thread
from offline_bench.schemes.checks import sample_dataset
from tests.schemes.examples import texts_for

pytestmark = pytest.mark.slow

STACKED: dict[str, type[StackedAlgorithm]] = {
    "bc": BC,
    "pct_bc": PctBC,
    "onestep": OneStep,
    "onestep, exp-weighted": OneStep,
    "onestep, ddpg-bc": OneStep,
    "td3_plus_bc": TD3PlusBC,
    "rebrac": ReBRAC,
    "iql": IQL,
    "cql": CQL,
    "sac": SAC,
    "atac": ATAC,
    "pspi": PSPI,
}
REWARDED = [name for name in STACKED if name not in ("bc", "pct_bc")]
# Each with one value for the whole slab, or, as a range, with one for every run of it.
PARAMETERS: dict[str, Any] = {
    "hidden_units": (24, 20),
    "critic_hidden_units": (16, 20),
    "layer_norm": True,
    "actor_beta": (0.01, 0.1),
    "critic_beta": (0.01, 0.1),
    "batch_size": 37,
    "learning_rate": 1e-3,
    "actor_learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "temp_learning_rate": 1e-3,
    "alpha_learning_rate": 1e-3,
    "warm_start_actor_learning_rate": 1e-3,
    "actor_average_rate": 0.01,
    "n_warm_start_steps": 40,
    "clip_values": True,
    "tau": 0.01,
    "update_actor_interval": 2,
    "n_action_samples": 3,
    "share": (0.05, 1.0),
    "n_critic_steps": 60,
    "temperature": (0.1, 2.0),
    "critic_target": "sarsa",
    "extraction": "reverse-kl",
    "normalize": "deviation",
    "beta": (0.1, 5.0),
    "norm_bound": (2.0, 100.0),
    "gamma": (0.9, 0.99),
    "alpha": (0.5, 5.0),
    "target_smoothing_sigma": (0.1, 0.3),
    "target_smoothing_clip": (0.2, 0.6),
    "expectile": (0.6, 0.9),
    "weight_temp": (0.5, 5.0),
    "max_weight": (2.0, 100.0),
    "initial_temperature": (0.1, 1.0),
    "conservative_weight": (0.5, 5.0),
    "alpha_threshold": (-1.0, 10.0),
}
# What one of several entries of a class has otherwise.
OTHERWISE: dict[str, dict[str, Any]] = {
    "onestep, exp-weighted": {"critic_target": "monte-carlo", "extraction": "exp-weighted"},
    "onestep, ddpg-bc": {"extraction": "ddpg-bc", "normalize": "none"},
}
RUNS = 12
UPDATES = 100


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """As all training is."""
    with one_thread():
        yield


class Training:
    """`places` of the slab of `RUNS` runs that differ in rewards, seeds and whatever parameter may differ."""

    def __init__(self, name: str, datasets: list[Dataset], places: list[int]) -> None:
        members = [
            Member(parameters_of(name, place), datasets[place], np.random.SeedSequence(place % 5)) for place in places
        ]
        slab = SlabTraining(Setting(STACKED[name], True, "none"), members)
        self.transitions, self.algorithm, self.draws = slab.transitions, slab.algorithm, slab.draws

    def run(self, updates: int = UPDATES) -> StackedAlgorithm:
        for step in range(updates):
            losses = self.algorithm.update(self.transitions.gather(self.draws.at(step)), step)
        assert all(loss.shape == (self.algorithm.runs,) and not loss.requires_grad for loss in losses.values())
        return self.algorithm


def parameters_of(name: str, place: int) -> dict[str, Any]:
    values = {}
    for parameter, kind in parameter_kinds(STACKED[name]).items():
        value = PARAMETERS[parameter]
        values[parameter] = float(np.linspace(*value, RUNS)[place]) if kind is torch.Tensor else value
    return values | OTHERWISE.get(name, {})


def datasets_with_rewards() -> list[Dataset]:
    data = sample_dataset([40] * 10, [True, False] * 5)
    return [data.with_rewards((1 + place) * data.true_rewards + place, f"affine{place}") for place in range(RUNS)]


@pytest.mark.parametrize("name", STACKED)
def test_a_run_is_the_same_to_the_bit_alone_and_beside_others(name: str) -> None:
    datasets = datasets_with_rewards()
    together = Training(name, datasets, list(range(RUNS))).run()
    for places in [[0], [11], [3, 8, 2]]:
        apart = Training(name, datasets, places).run()
        for number, place in enumerate(places):
            assert_same(together, place, apart, number)


@pytest.mark.parametrize("name", REWARDED)
def test_a_run_that_diverges_reaches_none_of_its_neighbors(name: str) -> None:
    healthy = datasets_with_rewards()
    spoiled = Training(name, healthy, list(range(RUNS)))
    # No dataset takes such a reward: a run comes to it by overflow.
    spoiled.transitions._rewards[4] = torch.nan
    together, undisturbed = spoiled.run(20), Training(name, healthy, list(range(RUNS))).run(20)
    assert any(tensor.isnan().any() for tensor in together.weights_of(4).values())
    for place in set(range(RUNS)) - {4}:
        assert_same(together, place, undisturbed, place)


def test_bc_is_the_same_to_the_bit_under_every_relabeling() -> None:
    data = sample_dataset([40] * 10, [True, False] * 5)
    datasets = [relabel(data, text, seed=3) for text in texts_for(data)]
    assert len({d.rewards.tobytes() for d in datasets}) > 3
    transitions = Transitions(datasets, True, "none", "cpu")
    seeds = [np.random.SeedSequence(3)] * len(datasets)
    slab = Slab(
        observation_size=3,
        action_size=2,
        parameters=[parameters_of("bc", 0)] * len(datasets),
        weights_rngs=[weights_rng(seed) for seed in seeds],
        reward_ranges=transitions.reward_ranges,
    )
    algorithm = BC(slab)
    draws = Draws({"rows": Draw("index", (algorithm.batch_size,), data.n)}, seeds, "cpu")
    for step in range(UPDATES):
        algorithm.update(transitions.gather(draws.at(step)), step)
    for place in range(1, len(datasets)):
        assert_same(algorithm, place, algorithm, 0)


@pytest.mark.parametrize("name", STACKED)
def test_greedy_actions_are_inside_the_box_and_carry_the_axis_of_runs(name: str) -> None:
    algorithm = Training(name, datasets_with_rewards(), [0, 1, 2]).run(1)
    actions = algorithm.act(torch.randn(3, 7, algorithm.slab.observation_size))
    assert actions.shape == (3, 7, algorithm.slab.action_size)
    assert bool((actions.abs() <= 1).all())


def assert_same(left: StackedAlgorithm, place: int, right: StackedAlgorithm, other: int) -> None:
    theirs = right.weights_of(other)
    for name, tensor in left.weights_of(place).items():
        assert torch.equal(tensor, theirs[name]), (name, place, float((tensor - theirs[name]).abs().max()))
