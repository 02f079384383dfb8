"""The stacked trainer against d3rlpy: the same initial weights, minibatches and noise must lead to the same weights."""

from collections.abc import Callable

import pytest

from offline_bench.algorithms.stacked.algorithm import parameter_kinds
from tests.algorithms.stacked_parity import NETWORK, REFERENCES, UPDATES, Case, compare

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
# By how much the weights must have moved for their agreement to mean anything.
MOVED = 50 * TOLERANCE
# Targets move fast enough here to be seen moving.
RATES = {"actor_learning_rate": 1e-3, "critic_learning_rate": 1e-3, "tau": 0.05}

ATAC_CHANGES = {
    **RATES,
    "warm_start_actor_learning_rate": 2e-3,
    "temp_learning_rate": 3e-3,
    "initial_temperature": 0.7,
    "beta": 0.5,
    "n_warm_start_steps": 20,
}
SOFT_CHANGES = {**RATES, "temp_learning_rate": 3e-3, "gamma": 0.9}
SMOOTHED = {"target_smoothing_sigma": 0.5, "target_smoothing_clip": 0.3, "update_actor_interval": 3}
DEEP = {"critic_hidden_units": (64, 32, 48), "layer_norm": True}
CASES = [
    Case("bc"),
    Case("bc", {"learning_rate": 3e-4}, standardize=False),
    Case("bc", runs=3, place=1),
    Case("td3_plus_bc", RATES),
    Case("td3_plus_bc", {"update_actor_interval": 3, "alpha": 1.0, **RATES}, reward_scaler="standard"),
    Case(
        "td3_plus_bc",
        {"gamma": 0.9, "target_smoothing_sigma": 0.5, "target_smoothing_clip": 0.3, **RATES},
        runs=3,
        place=1,
    ),
    Case("rebrac", {**RATES, **DEEP}),
    Case(
        "rebrac",
        {"gamma": 0.9, "actor_beta": 0.1, "critic_beta": 0.3, "layer_norm": False, "tau": 0.02, **RATES, **SMOOTHED},
        runs=3,
        place=1,
    ),
    Case("iql", RATES),
    Case("iql", {"expectile": 0.9, "weight_temp": 0.3, **RATES}, runs=3, place=1),
    Case("td3_plus_bc", RATES, reward_scaler="return-range"),
    Case("iql", {"weight_temp": 10.0, "max_weight": 2.0, "gamma": 0.9, **RATES}, reward_scaler="min-max"),
    Case("td3_plus_bc", {**RATES, **DEEP}),
    Case("iql", {**RATES, **DEEP}, runs=3, place=1),
    Case("sac", {**RATES, **DEEP}),
    Case("sac", {"initial_temperature": 0.2, **SOFT_CHANGES}, runs=3, place=1),
    Case("sac", {"temp_learning_rate": 0.0, **RATES}, reward_scaler="standard"),
    Case("atac", ATAC_CHANGES),
    Case("atac", {**ATAC_CHANGES, "beta": 4.0, "clip_values": True, "actor_average_rate": 0.05}, runs=3, place=1),
    Case("atac", {**ATAC_CHANGES, "n_warm_start_steps": 0, "norm_bound": 3.0, "gamma": 0.9}, reward_scaler="standard"),
    Case("atac", {**ATAC_CHANGES, "n_warm_start_steps": UPDATES}),
    Case("atac", {**ATAC_CHANGES, **DEEP, "norm_bound": 3.0}),
    Case("pspi", {**ATAC_CHANGES, **DEEP}),
    Case("pspi", {**ATAC_CHANGES, "beta": 4.0, "clip_values": True, "actor_average_rate": 0.05}, runs=3, place=1),
    Case("pspi", {**ATAC_CHANGES, "n_warm_start_steps": 0, "norm_bound": 3.0, "gamma": 0.9}, reward_scaler="standard"),
    Case("cql", RATES),
    Case("cql", {"n_action_samples": 2, **RATES, **DEEP}),
    Case("cql", {"n_action_samples": 4, "alpha_threshold": 1.0, "alpha_learning_rate": 3e-3, **SOFT_CHANGES}),
    Case("cql", {"n_action_samples": 2, "conservative_weight": 0.5, **RATES}, runs=3, place=1),
    Case("cql", {"n_action_samples": 2, "alpha_learning_rate": 0.0, **RATES}, standardize=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_weights_agree_with_the_reference(case: Case, record_property: Callable[[str, object], None]) -> None:
    comparison = compare(case)
    record_property("worst", comparison.worst)
    assert comparison.worst < TOLERANCE, {k: v for k, v in comparison.weights.items() if v >= TOLERANCE}
    assert max(comparison.losses.values()) < 10 * TOLERANCE, comparison.losses
    frozen = {f"{name}.0" for name, rate in FROZEN_AT_ZERO.items() if case.parameters.get(rate) == 0.0}
    unmoved = {name for name, by in comparison.moved.items() if by < MOVED}
    assert unmoved == frozen, comparison.moved


# Numbers that learn only where their learning rate is above 0.
FROZEN_AT_ZERO = {"log_temp": "temp_learning_rate", "log_alpha": "alpha_learning_rate"}


@pytest.mark.parametrize("name", REFERENCES)
def test_every_parameter_is_compared_away_from_its_default(name: str) -> None:
    changed = {parameter for case in CASES if case.name == name for parameter in {**NETWORK, **case.parameters}}
    assert set(parameter_kinds(REFERENCES[name].algorithm)) <= changed
