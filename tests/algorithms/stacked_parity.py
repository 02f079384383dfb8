"""Trains a stacked algorithm and its counterpart from the same weights on the same minibatches and noise."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from offline_bench import ActionSpace, Dataset
from offline_bench.algorithms import specs
from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.reference import ReferenceLearner
from offline_bench.algorithms.sampler import following_rows
from offline_bench.algorithms.stacked.algorithm import Slab, StackedAlgorithm, parameter_kinds
from offline_bench.algorithms.stacked.atac import ATAC
from offline_bench.algorithms.stacked.bc import BC
from offline_bench.algorithms.stacked.cql import CQL
from offline_bench.algorithms.stacked.draws import Draw, Draws, weights_rng
from offline_bench.algorithms.stacked.iql import IQL
from offline_bench.algorithms.stacked.pspi import PSPI
from offline_bench.algorithms.stacked.rebrac import ReBRAC
from offline_bench.algorithms.stacked.sac import SAC
from offline_bench.algorithms.stacked.td3_plus_bc import TD3PlusBC
from offline_bench.algorithms.stacked.transitions import Transitions

UPDATES = 50
NETWORK = {"hidden_units": (64, 64), "batch_size": 64}
# Draws the reference's initial weights. Adam's first step on a gradient within rounding of its ε, 1e-8, is a matter of
# rounding: in one comparison of twenty, chance has such a gradient for some of the thousands of weights.
WEIGHTS_SEED = 5

Noise = dict[str, Tensor]


@dataclass(frozen=True)
class Reference:
    """How an algorithm's counterpart is built and read.

    config     the class in d3rlpy, or in `native`
    modules    name of a stacked network → name of the module, or list of modules, it corresponds to
    noise      the draws of a step in the order in which, and the shapes in which, the counterpart asks for them
    """

    algorithm: type[StackedAlgorithm]
    config: str
    modules: Mapping[str, str]
    noise: Callable[[Noise], list[Tensor]] = lambda noise: []


def of_cql(noise: Noise) -> list[Tensor]:
    return [
        noise["samples"],
        noise["next_samples"],
        noise["random"].transpose(0, 1).flatten(0, 1),
        noise["action"],
    ]


SOFT = {"actor": "policy", "critics": "q_funcs", "target_critics": "targ_q_funcs", "log_temp": "log_temp"}
REFERENCES = {
    "bc": Reference(BC, "BCConfig", {"actor": "imitator"}),
    "td3_plus_bc": Reference(
        TD3PlusBC,
        "TD3PlusBCConfig",
        {"actor": "policy", "critics": "q_funcs", "target_actor": "targ_policy", "target_critics": "targ_q_funcs"},
        lambda noise: [noise["smoothing"]],
    ),
    "rebrac": Reference(
        ReBRAC,
        "ReBRACConfig",
        {"actor": "policy", "critics": "q_funcs", "target_actor": "targ_policy", "target_critics": "targ_q_funcs"},
        lambda noise: [noise["smoothing"]],
    ),
    "iql": Reference(
        IQL,
        "IQLConfig",
        {
            "actor": "policy",
            "spread": "policy._logstd",
            "critics": "q_funcs",
            "value": "value_func",
            "target_critics": "targ_q_funcs",
        },
    ),
    "sac": Reference(SAC, "SACConfig", SOFT, lambda noise: [noise["next_action"], noise["action"]]),
    "atac": Reference(
        ATAC,
        "ATACConfig",
        {**SOFT, "average_actor": "average_policy"},
        lambda noise: [noise["next_action"], noise["action"]],
    ),
    "pspi": Reference(
        PSPI,
        "PSPIConfig",
        {**SOFT, "average_actor": "average_policy"},
        lambda noise: [noise["next_action"], noise["action"], noise["starts"], noise["first_action"]],
    ),
    "cql": Reference(CQL, "CQLConfig", {**SOFT, "log_alpha": "log_alpha"}, of_cql),
}


@dataclass(frozen=True)
class Case:
    """One comparison: the compared run is number `place` of a slab of `runs`; parameters are the spec's, or these."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 1
    place: int = 0
    standardize: bool = True
    reward_scaler: str = "none"

    def __str__(self) -> str:
        settings = ",".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.name}({settings}){self.place}of{self.runs}"


@dataclass(frozen=True)
class Comparison:
    """Relative differences after training, by tensor: max|Δ| / max|θ|. `losses`: of the last update, by name."""

    weights: dict[str, float]
    moved: dict[str, float]
    losses: dict[str, float]

    @property
    def worst(self) -> float:
        return max(self.weights.values())


def compare(case: Case) -> Comparison:
    """Train both sides of `case` on the same minibatches and noise, from the reference's initial weights."""
    reference = REFERENCES[case.name]
    data, others = sample_data(0), [sample_data(0, rewards=i) for i in range(1, case.runs)]
    algorithm, transitions = stacked_side(case, [*others[: case.place], data, *others[case.place :]])
    learner = reference_side(case, data)
    copy_weights(learner, reference, algorithm, case.place)
    initial = {name: tensor.clone() for name, tensor in algorithm.weights_of(case.place).items()}
    rows = Draw("index", (algorithm.batch_size,), data.n)
    draws = Draws(
        {"rows": rows, **algorithm.plan_draws()}, [np.random.SeedSequence(i) for i in range(case.runs)], "cpu"
    )
    for step in range(UPDATES):
        drawn = draws.at(step)
        losses = algorithm.update(transitions.gather(drawn), step)
        own = {name: tensor[case.place] for name, tensor in drawn.items()}
        noise = reference.noise(own)
        if step < settings_of(case).get("n_warm_start_steps", 0):
            # The warm start of PSPI is that of ATAC: it asks for nothing more.
            noise = noise[:2]
        with noise_given(noise):
            expected = learner.update(minibatch(data, own["rows"].numpy()))
    weights = algorithm.weights_of(case.place)
    targets = reference_weights(learner, reference)
    assert weights.keys() == targets.keys()
    return Comparison(
        weights={name: difference(weights[name], target) for name, target in targets.items()},
        moved={name: difference(initial[name], target) for name, target in targets.items()},
        losses={name: difference(loss[case.place], torch.tensor(expected[name])) for name, loss in losses.items()},
    )


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-8))


def stacked_side(case: Case, datasets: list[Dataset]) -> tuple[StackedAlgorithm, Transitions]:
    transitions = Transitions(datasets, case.standardize, case.reward_scaler, "cpu")
    algorithm = REFERENCES[case.name].algorithm
    slab = Slab(
        observation_size=transitions.observation_size,
        action_size=transitions.action_size,
        parameters=[settings_of(case)] * case.runs,
        weights_rngs=[weights_rng(np.random.SeedSequence(i)) for i in range(case.runs)],
        reward_ranges=transitions.reward_ranges,
        n_starts=transitions.n_starts,
    )
    return algorithm(slab), transitions


def reference_side(case: Case, data: Dataset) -> Any:
    settings = settings_of(case)
    hidden_units = settings.pop("hidden_units")
    values = {name: settings.pop(name) for name in ("critic_hidden_units", "layer_norm") if name in settings}
    config = REFERENCES[case.name].config
    learner = ReferenceLearner(config, hidden_units, case.standardize, case.reward_scaler, settings, **values)
    with torch.random.fork_rng():
        torch.manual_seed(WEIGHTS_SEED)
        return learner._create(data)


def settings_of(case: Case) -> dict[str, Any]:
    """The parameters that the stacked class declares, as the spec has them by default or the case says."""
    declared = parameter_kinds(REFERENCES[case.name].algorithm)
    defaults = {name: p.default for name, p in inspect.signature(getattr(specs, case.name)).parameters.items()}
    assert declared.keys() <= defaults.keys()
    return {name: defaults[name] for name in declared} | NETWORK | dict(case.parameters)


def sample_data(seed: int, rewards: int = 0) -> Dataset:
    """900 transitions whose rewards depend on state and action, in a box that is not [-1, 1]."""
    rng, reward_rng = np.random.default_rng(seed), np.random.default_rng(100 + rewards)
    n, low, high = 900, np.array([-2.0, 0.0], np.float32), np.array([1.0, 3.0], np.float32)
    observations = (2.0 + 3.0 * rng.standard_normal((n, 5))).astype(np.float32)
    actions = rng.uniform(low, high, (n, 2)).astype(np.float32)
    ends = np.arange(n) % 30 == 29
    return Dataset(
        id="sample",
        environment="",
        action_space=ActionSpace(low, high),
        observations=observations,
        actions=actions,
        next_observations=np.roll(observations, -1, axis=0),
        true_rewards=(observations[:, 0] * actions[:, 0] + reward_rng.standard_normal(n)).astype(np.float32),
        terminals=ends & (np.arange(n) % 60 > 30),
        timeouts=ends & (np.arange(n) % 60 <= 30),
    )


def minibatch(data: Dataset, rows: np.ndarray) -> Any:
    return import_d3rlpy().dataset.TransitionMiniBatch(
        observations=data.observations[rows],
        actions=data.actions[rows],
        rewards=data.rewards[rows, None],
        next_observations=data.next_observations[rows],
        next_actions=data.actions[following_rows(data)[rows]],
        terminals=data.terminals[rows, None].astype(np.float32),
        intervals=np.ones((len(rows), 1), np.float32),
        transitions=[],
    )


def copy_weights(learner: Any, reference: Reference, algorithm: StackedAlgorithm, place: int) -> None:
    views = algorithm.weights_of(place)
    weights = reference_weights(learner, reference)
    assert views.keys() == weights.keys()
    for name, view in views.items():
        assert view.shape == weights[name].shape, name
        view.copy_(weights[name])


def reference_weights(learner: Any, reference: Reference) -> dict[str, Tensor]:
    """The reference's weights as the stacked side names and shapes those of one run."""
    modules = learner.impl.modules
    weights = {}
    for name, path in reference.modules.items():
        if getattr(modules, path.split(".")[0]) is None:
            continue
        first, *rest = path.split(".")
        module = getattr(modules, first)
        for part in rest:
            module = getattr(module, part)
        weights |= {f"{name}.{i}": tensor for i, tensor in enumerate(stacked(module))}
    return weights


def stacked(module: Any) -> list[Tensor]:
    """A module's parameters in the layout of `Network.of_run`: (members, inputs, outputs) and (members, 1, outputs)."""
    if isinstance(module, nn.ModuleList):
        return [torch.cat(tensors) for tensors in zip(*map(stacked, module), strict=True)]
    if isinstance(module, nn.Parameter):
        return [module.detach().clone()[None]]
    if not hasattr(module, "_encoder"):
        (number,) = module.parameters()
        return [number.detach().clone()[None]]
    linears = [layer for layer in module._encoder.modules() if isinstance(layer, nn.Linear)]
    if hasattr(module, "_fc"):
        heads = [module._fc]
    else:
        heads = [head for head in (module._mu, module._logstd) if isinstance(head, nn.Linear)]
    layers = [(layer.weight, layer.bias) for layer in linears]
    layers.append((torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads])))
    norms = [layer for layer in module._encoder.modules() if isinstance(layer, nn.LayerNorm)]
    return [
        *(t for weight, bias in layers for t in (weight.detach().t()[None].clone(), bias.detach()[None, None].clone())),
        *(t.detach()[None, None].clone() for norm in norms for t in (norm.weight, norm.bias)),
    ]


@contextmanager
def noise_given(queue: list[Tensor]) -> Iterator[None]:
    """Whatever asks torch for random numbers gets the next of `queue`, which must be empty in the end."""

    def take(shape: Any) -> Tensor:
        given = queue.pop(0)
        assert tuple(shape) == tuple(given.shape)
        return given.clone()

    def randn(*shape: Any, **kwargs: Any) -> Tensor:
        return take(shape[0] if len(shape) == 1 else shape)

    def uniform_(self: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self.copy_(take(self.shape) * (high - low) + low)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.distributions.normal._standard_normal", lambda shape, dtype, device: take(shape))
        patch.setattr("torch.randn", randn)
        patch.setattr("torch.randint", lambda below, shape, device: take(shape))
        patch.setattr("torch.Tensor.uniform_", uniform_)
        yield
    assert not queue
