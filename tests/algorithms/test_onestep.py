"""`onestep` against what it is to be: values worked out exactly, gradients by autograd, and what it is invariant to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from offline_bench import ActionSpace, Dataset
from offline_bench.algorithms import build_learner
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.bounded_gaussian import BoundedGaussian
from offline_bench.algorithms.stacked.episode_rows import ReturnsToGo
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.algorithms.stacked.network import Network
from offline_bench.algorithms.stacked.onestep import OneStep
from offline_bench.algorithms.stacked.slab import Setting, SlabTraining
from offline_bench.algorithms.stacked.transitions import Batch
from offline_bench.core.errors import SpecError
from offline_bench.core.threads import one_thread
from offline_bench.schemes.checks import sample_dataset

SMALL = "batch_size=32, hidden_units=[16, 16]"
EXTRACTIONS = ("reverse-kl", "exp-weighted", "ddpg-bc")


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with one_thread():
        yield


def training(datasets: list[Dataset], more: str, standardize: bool = True) -> SlabTraining:
    """A slab of one run for each of `datasets`, all of one seed."""
    learner = build_learner(f"onestep({SMALL}, {more})")
    assert isinstance(learner, StackedLearner)
    learner.check()
    members = [Member(learner.parameters, data, np.random.SeedSequence(0)) for data in datasets]
    return SlabTraining(Setting(learner.algorithm(), standardize, "none"), members)


def sample() -> Dataset:
    return sample_dataset([20] * 6, [True, False] * 3)


def brute_returns(data: Dataset, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    earned, weights = np.zeros(data.n), np.zeros(data.n)
    for row in range(data.n):
        end = data.episode_ends[data.episode_of[row]]
        earned[row] = sum(gamma**k * r for k, r in enumerate(data.rewards[row : end + 1].astype(float)))
        weights[row] = 0.0 if data.terminals[end] else gamma ** (end - row + 1)
    return earned, weights


def test_returns_to_go_are_the_discounted_sums_and_what_a_cut_leaves() -> None:
    data = sample_dataset([5, 1, 8, 1, 3], [True, False, False, True, False])
    gammas = (0.9, 1.0)
    rewards = torch.from_numpy(np.stack([data.rewards, -2 * data.rewards]))
    found = ReturnsToGo.of(data, rewards, torch.tensor(gammas))
    for run, (gamma, sign) in enumerate(zip(gammas, (1, -2), strict=True)):
        earned, weights = brute_returns(data, gamma)
        np.testing.assert_allclose(found.rewards[run], sign * earned, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.weights[run], weights, rtol=1e-5)


def by_autograd(outputs: Tensor, value: Callable[[Normal], Tensor]) -> Tensor:
    """The gradient of `value` of a policy for its outputs."""
    leaf = outputs.clone().requires_grad_()
    value(normal_of(leaf)).backward()
    assert leaf.grad is not None
    return leaf.grad


def normal_of(outputs: Tensor) -> Normal:
    mean, raw = outputs.chunk(2, dim=-1)
    return Normal(mean.tanh(), (-5.0 + 5.0 * raw.sigmoid()).exp())


def test_the_policy_and_its_derivatives_are_those_of_torch() -> None:
    torch.manual_seed(0)
    outputs, others, actions = torch.randn(2, 7, 6), torch.randn(2, 7, 6), torch.rand(2, 7, 3) * 2 - 1
    noise, weight, by_actions = torch.randn(2, 7, 3), torch.randn(2, 7), torch.randn(2, 7, 3)
    policy, other, theirs = BoundedGaussian(outputs), BoundedGaussian(others), normal_of(others)
    close = torch.testing.assert_close
    close(policy.log_prob(actions), normal_of(outputs).log_prob(actions).sum(-1))
    close(policy.divergence(other), kl_divergence(normal_of(outputs), theirs).sum(-1))
    close(
        policy.by_log_prob(actions, weight),
        by_autograd(outputs, lambda p: (weight * p.log_prob(actions).sum(-1)).sum()),
    )
    close(
        policy.by_divergence(other, weight),
        by_autograd(outputs, lambda p: (weight * kl_divergence(p, theirs).sum(-1)).sum()),
    )
    drawn = policy.sample(noise)
    assert bool((drawn.abs() == 1.0).any()) and bool((drawn.abs() < 1.0).any())
    close(
        policy.by_sample(noise, by_actions),
        by_autograd(outputs, lambda p: (by_actions * (p.loc + p.scale * noise).clamp(-1, 1)).sum()),
    )
    close(policy.by_mean(by_actions), by_autograd(outputs, lambda p: (by_actions * p.loc).sum()))


def outputs_of(parameters: list[Tensor], inputs: Tensor) -> Tensor:
    """A network (runs · members, ...) of ReLU layers at inputs (b, n), written out."""
    units = inputs.expand(len(parameters[0]), -1, -1)
    for layer in range(0, len(parameters), 2):
        units = units @ parameters[layer] + parameters[layer + 1]
        units = units.relu() if layer + 2 < len(parameters) else units
    return units


def expected_loss(algorithm: OneStep, actor: list[Tensor], batch: Batch) -> Tensor:
    """The loss of an extraction, as the docstrings have it."""
    observations, actions = batch.observations[0], batch.actions[0]

    def value(chosen: Tensor) -> Tensor:
        pairs = torch.cat([observations, chosen], dim=-1)
        return outputs_of(algorithm.critics.parameters, pairs)[..., 0].amin(dim=0)

    behavior = normal_of(outputs_of(algorithm.behavior.parameters, observations)[0])
    policy = normal_of(outputs_of(actor, observations)[0])
    advantage = value(actions) - value(behavior.loc)
    scales = {"deviation": advantage.std(correction=0), "mean-abs": value(actions).abs().mean(), "none": 1.0}
    scale, temperature = scales[algorithm.normalize], algorithm.temperature[0]
    if algorithm.extraction == "reverse-kl":
        drawn = (policy.loc + policy.scale * batch.noise["action"][0]).clamp(-1, 1)
        divergence = kl_divergence(policy, behavior).sum(-1)
        return (-value(drawn) / scale + temperature * divergence).mean()
    if algorithm.extraction == "exp-weighted":
        weights = (advantage / scale / temperature).exp().clamp(max=algorithm.max_weight[0])
        assert 0.1 < float((weights == algorithm.max_weight[0]).float().mean()) < 0.9
        return -(weights * policy.log_prob(actions).sum(-1)).mean()
    values = value(policy.loc)
    weight = algorithm.alpha[0] / values.abs().mean().detach()
    return -weight * values.mean() + (policy.loc - actions).square().mean()


@pytest.mark.slow
@pytest.mark.parametrize("normalize", ["deviation", "mean-abs", "none"])
@pytest.mark.parametrize("extraction", EXTRACTIONS)
def test_an_extraction_steps_along_the_gradient_of_its_loss(extraction: str, normalize: str) -> None:
    more = f"n_critic_steps=30, extraction={extraction!r}, normalize={normalize!r}, max_weight=1.0"
    slab = training([sample()], f"{more}, critic_learning_rate=0.01, actor_learning_rate=0.01")
    slab.advance(33)
    algorithm: Any = slab.algorithm
    before = [p.clone().requires_grad_() for p in algorithm.actor.parameters]
    batch = slab.transitions.gather(slab.draws.at(33))
    loss = expected_loss(algorithm, before, batch)
    loss.backward()
    losses = algorithm.update(batch, 33)
    torch.testing.assert_close(losses["actor_loss"][0], loss.detach(), rtol=1e-4, atol=1e-5)
    for gradient, parameter in zip(algorithm.actor.gradients, before, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-3, atol=1e-5)


def chain(lengths: list[int], cut: bool) -> Dataset:
    """One state of value v: each step earns 1 and, half the time by the action's sign, 1 more; ends or is cut."""
    data = sample_dataset(lengths, [not cut] * len(lengths))
    places = np.arange(data.n) - data.episode_starts[data.episode_of]
    places = np.zeros(data.n) if cut else places
    observations = np.eye(max(lengths) + 1, dtype=np.float32)[places.astype(int)]
    following = observations if cut else np.eye(max(lengths) + 1, dtype=np.float32)[places.astype(int) + 1]
    actions = np.random.default_rng(0).choice([-1.0, 1.0], (data.n, 1)).astype(np.float32)
    box = ActionSpace(-np.ones(1, np.float32), np.ones(1, np.float32))
    return Dataset(
        id="chain",
        environment="",
        action_space=box,
        observations=observations,
        actions=actions,
        next_observations=following.copy(),
        true_rewards=1 + (actions[:, 0] > 0).astype(np.float32),
        terminals=data.terminals,
        timeouts=data.timeouts,
    )


def critic_values(network: Network, observations: np.ndarray, action: float) -> np.ndarray:
    actions = np.full((len(observations), 1), action, np.float32)
    pairs = torch.from_numpy(np.concatenate([observations, actions], axis=1))[None]
    values: np.ndarray = network(pairs)[0, :, :, 0].numpy()
    return values


@pytest.mark.slow
@pytest.mark.parametrize("critic", ["sarsa", "monte-carlo"])
@pytest.mark.parametrize("cut", [False, True])
def test_critics_are_the_values_of_the_behavior(critic: str, cut: bool) -> None:
    """On average a step earns 1.5: with γ = ½, Q = r + ½ · 1.5 (1 + ½ + ...), over what is left of the chain."""
    # Pieces of one step have no next action at all in the data.
    data = chain([1] * 150 + [3] * 10 if cut else [3] * 60, cut)
    more = f"critic_target={critic!r}, gamma=0.5, critic_learning_rate=0.01, actor_learning_rate=0.01, tau=0.05"
    slab = training([data], f"{more}, n_critic_steps=600", standardize=False)
    slab.advance(600)
    algorithm: Any = slab.algorithm
    after = np.array([3.0]) if cut else np.array([2.25, 1.5, 0.0])
    states = np.eye(4, dtype=np.float32)[: len(after)]
    for action, reward in ((-1.0, 1.0), (1.0, 2.0)):
        found = critic_values(algorithm.critics, states, action)
        assert np.abs(found - (reward + 0.5 * after)).max() < 0.25, (found, reward + 0.5 * after)


@pytest.mark.slow
def test_the_clone_reads_no_reward_and_acts_until_it_is_improved() -> None:
    data = sample()
    negative = data.with_rewards(-data.rewards, "negative")
    slab = training([data, negative], "n_critic_steps=40, actor_learning_rate=0.01")
    slab.advance(40)
    (actor, other), (critics, others) = ([net.of_run(run) for run in (0, 1)] for net in networks_of(slab))
    assert all(torch.equal(left, right) for left, right in zip(actor, other, strict=True))
    assert not any(torch.equal(left, right) for left, right in zip(critics, others, strict=True))
    acted = slab.snapshot().policy.act(np.stack([data.observations] * 2))
    assert np.array_equal(acted[0], acted[1])
    clone = [p.clone() for p in slab.algorithm.networks["actor"].parameters]
    slab.advance(60)
    acted = slab.snapshot().policy.act(np.stack([data.observations] * 2))
    assert not np.array_equal(acted[0], acted[1])
    kept = slab.algorithm.networks["behavior"].parameters
    assert all(torch.equal(left, right) for left, right in zip(clone, kept, strict=True))


def networks_of(slab: SlabTraining) -> tuple[Network, Network]:
    return slab.algorithm.networks["actor"], slab.algorithm.networks["critics"]


@pytest.mark.slow
def test_critics_are_fixed_while_the_policy_is_improved() -> None:
    slab = training([sample()], "n_critic_steps=20")
    slab.advance(20)
    before = [p.clone() for p in slab.algorithm.networks["critics"].parameters]
    slab.advance(40)
    after = slab.algorithm.networks["critics"].parameters
    assert all(torch.equal(left, right) for left, right in zip(before, after, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("extraction", "normalize"), [(e, n) for e in EXTRACTIONS for n in ("deviation", "mean-abs")])
def test_critics_of_another_scale_or_shift_lead_to_the_same_policy(extraction: str, normalize: str) -> None:
    """By deviation for both; by mean |Q|, and always for ddpg-bc, for the scale alone."""
    more = f"n_critic_steps=30, extraction={extraction!r}, normalize={normalize!r}, critic_learning_rate=0.01"
    slab = training([sample()] * 3, more)
    slab.advance(30)
    weight, bias = slab.algorithm.networks["critics"].parameters[-2:]
    # Two critics to a run: the first run is as it is, the second three times as large, the third one higher.
    weight[2:4] *= 3.0
    bias[2:4] *= 3.0
    bias[4:6] += 1.0
    slab.advance(60)
    acted = slab.snapshot().policy.act(np.stack([sample().observations] * 3))
    assert np.abs(acted[1] - acted[0]).max() < 1e-3
    shifted = np.abs(acted[2] - acted[0]).max()
    assert (shifted < 1e-3) == (normalize == "deviation" and extraction != "ddpg-bc"), shifted


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("critic_target='td'", "critic_target of onestep must be 'sarsa' or 'monte-carlo', not 'td'"),
        (
            "extraction='greedy'",
            "extraction of onestep must be 'reverse-kl', 'exp-weighted' or 'ddpg-bc', not 'greedy'",
        ),
        ("normalize='max'", "normalize of onestep must be 'deviation', 'mean-abs' or 'none', not 'max'"),
        ("temperature=0.0", "temperature of onestep must be above 0, not 0.0"),
        ("n_critic_steps=-1", "n_critic_steps of onestep must be between 0 and inf"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(setting: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build_learner(f"onestep({setting})").check()


@pytest.mark.slow
@pytest.mark.parametrize("extraction", EXTRACTIONS)
def test_a_reward_of_zero_ends_in_finite_numbers(extraction: str) -> None:
    data = sample()
    slab = training(
        [replace(data, rewards=np.zeros(data.n, np.float32))], f"n_critic_steps=20, extraction={extraction!r}"
    )
    slab.advance(40)
    assert slab.snapshot().diverged == [None]
