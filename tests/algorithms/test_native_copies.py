"""Copying from one ATAC or PSPI to another, as d3rlpy asks of its own algorithms, at our defaults and in each phase."""

import io
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.sampler import MinibatchSampler
from offline_bench.schemes.checks import sample_dataset

d3rlpy = import_d3rlpy()

from offline_bench.algorithms.native import ATACConfig, PSPIConfig  # noqa: E402

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("config", [ATACConfig, PSPIConfig])
DEFAULTS = {}
AVERAGED = {"actor_average_rate": 0.3, "n_warm_start_steps": 4, "warm_start_actor_learning_rate": 1e-2}
MAIN = {"n_warm_start_steps": 0}
OBSERVATIONS = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)
ACTIONS = np.random.default_rng(2).uniform(-1, 1, (50, 2)).astype(np.float32)


def create(config, seed=0, steps=0, **settings):
    """An algorithm after `steps` gradient steps."""
    torch.manual_seed(seed)
    data = sample_dataset([40] * 5, [True] * 5)
    encoder = d3rlpy.models.VectorEncoderFactory(hidden_units=[16])
    small = {"batch_size": 32, "actor_encoder_factory": encoder, "critic_encoder_factory": encoder}
    algorithm = config(**(small | settings)).create(device="cpu:0")
    algorithm.create_impl((3,), 2)
    algorithm.observe(data.observations[data.episode_starts], (float(data.rewards.min()), float(data.rewards.max())))
    sampler = MinibatchSampler(data, algorithm.batch_size, np.random.default_rng(seed))
    for _ in range(steps):
        algorithm.update(sampler.sample())
    return algorithm


def create_other(name):
    """One of d3rlpy's own, of the same shape."""
    torch.manual_seed(7)
    encoder = d3rlpy.models.VectorEncoderFactory(hidden_units=[16])
    config = getattr(d3rlpy.algos, name)
    algorithm = config(batch_size=32, actor_encoder_factory=encoder, critic_encoder_factory=encoder).create()
    algorithm.create_impl((3,), 2)
    return algorithm


def state_of(optimizer):
    return [tensor.clone() for state in optimizer.state_dict()["state"].values() for tensor in state.values()]


def same(one, other):
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def weights(module):
    return list(module.state_dict().values())


@BOTH
@pytest.mark.parametrize("steps", [0, 2, 6])
@pytest.mark.parametrize("settings", [DEFAULTS, AVERAGED, MAIN], ids=["defaults", "averaged", "main"])
def test_a_copied_policy_acts_the_same(config, steps, settings) -> None:
    one, other = create(config, 0, steps, **settings), create(config, 1, **settings)
    assert not np.all(one.predict(OBSERVATIONS) == other.predict(OBSERVATIONS))
    other.copy_policy_from(one)
    assert np.all(one.predict(OBSERVATIONS) == other.predict(OBSERVATIONS))
    assert same(weights(one.impl.trained_policy), weights(other.impl.trained_policy))


@BOTH
def test_a_policy_copied_between_averaging_and_none_acts_the_same(config) -> None:
    averaged, plain, sac = create(config, 0, 6, **AVERAGED), create(config, 1), create_other("SACConfig")
    own = averaged.impl.trained_policy
    assert not same(weights(own), weights(averaged.impl.policy))
    for other in (plain, sac):
        other.copy_policy_from(averaged)
        assert np.all(averaged.predict(OBSERVATIONS) == other.predict(OBSERVATIONS))
    for source in (create(config, 2), create_other("SACConfig")):
        averaged.copy_policy_from(source)
        assert np.all(averaged.predict(OBSERVATIONS) == source.predict(OBSERVATIONS))
        assert same(weights(own), weights(source.impl.policy))
    with pytest.raises(ValueError, match="Invalid policy type"):
        averaged.copy_policy_from(create_other("TD3Config"))


@BOTH
def test_a_copied_q_function_values_the_same(config) -> None:
    one, other = create(config, 0, 2), create(config, 1)
    values = one.predict_value(OBSERVATIONS, ACTIONS)
    assert values.shape == (50,) and not np.all(values == other.predict_value(OBSERVATIONS, ACTIONS))
    other.copy_q_function_from(one)
    assert np.all(values == other.predict_value(OBSERVATIONS, ACTIONS))


@BOTH
@pytest.mark.parametrize("settings", [DEFAULTS, MAIN, AVERAGED], ids=["warm", "main", "both"])
@pytest.mark.parametrize("kind", ["policy", "q_function"])
def test_copied_optimizers_are_those_of_the_phase_and_of_the_other(config, settings, kind) -> None:
    one, other = create(config, 0, 6, **settings), create(config, 1, **settings)
    assert not getattr(other.impl, f"{kind}_optim").state
    getattr(other, f"copy_{kind}_optim_from")(one)
    place = ("policy", "q_function").index(kind)
    for warm in (True, False):
        ours, theirs = (a.impl.modules.optimizers(warm)[place].optim for a in (other, one))
        assert same(state_of(ours), state_of(theirs))
    assert getattr(one.impl, f"{kind}_optim").state
    # A fresh one begins in the phase that its own settings say.
    assert getattr(other.impl, f"{kind}_optim").state


@BOTH
def test_optimizers_of_another_algorithm_go_to_the_phase(config) -> None:
    sac, warm = create_other("SACConfig"), create(config)
    sac.update(MinibatchSampler(sample_dataset([40], [True]), 32, np.random.default_rng(0)).sample())
    warm.copy_policy_optim_from(sac)
    assert same(state_of(warm.impl.modules.warm_start_actor_optim.optim), state_of(sac.impl.policy_optim))
    assert not warm.impl.modules.actor_optim.optim.state
    warm.copy_q_function_optim_from(sac)
    assert same(state_of(warm.impl.modules.warm_start_critic_optim.optim), state_of(sac.impl.q_function_optim))


@BOTH
def test_the_optimizers_change_with_the_phase(config) -> None:
    for steps, warm in ((3, True), (4, False), (5, False)):
        algorithm = create(config, 0, steps, **AVERAGED)
        actor, critic, _ = algorithm.impl.modules.optimizers(warm)
        assert algorithm.impl.policy_optim is actor.optim and algorithm.impl.q_function_optim is critic.optim


@BOTH
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("settings", [DEFAULTS, AVERAGED], ids=["defaults", "averaged"])
def test_the_rest_of_what_d3rlpy_asks_of_an_algorithm(config, settings, tmp_path) -> None:
    algorithm = create(config, 0, 1, **settings)
    assert algorithm.grad_step == 1
    algorithm.set_grad_step(0)
    assert algorithm.grad_step == 0
    assert algorithm.sample_action(OBSERVATIONS).shape == algorithm.predict(OBSERVATIONS).shape == (50, 2)
    algorithm.save_policy(str(tmp_path / "policy.pt"))
    scripted = torch.jit.load(str(tmp_path / "policy.pt"))(torch.from_numpy(OBSERVATIONS))
    assert np.allclose(scripted.detach().numpy(), algorithm.predict(OBSERVATIONS), atol=1e-5)
    algorithm.save(str(tmp_path / "whole.d3"))
    kept = [io.BytesIO(), io.BytesIO()]
    for file, one in zip(kept, (algorithm, d3rlpy.load_learnable(str(tmp_path / "whole.d3"))), strict=True):
        one.impl.save_model(file)
    assert kept[0].getvalue() == kept[1].getvalue()

    algorithm.update = Mock(return_value={"loss": 0.5})
    rng = np.random.default_rng(0)
    dataset = d3rlpy.dataset.MDPDataset(
        observations=rng.standard_normal((100, 3)).astype(np.float32),
        actions=rng.uniform(-1, 1, (100, 2)).astype(np.float32),
        rewards=rng.uniform(0, 1, 100).astype(np.float32),
        terminals=(np.arange(100) % 25 == 24).astype(np.float32),
    )
    logger = d3rlpy.logging.NoopAdapterFactory()
    found = algorithm.fit(dataset, n_steps=10, n_steps_per_epoch=5, logger_adapter=logger, show_progress=False)
    assert len(found) == 2 and algorithm.update.call_count == 10
