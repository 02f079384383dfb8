"""ATAC and PSPI as d3rlpy algorithms: what they learn, how they begin, and that they go on after a load."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch

from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.reference import ReferenceLearner
from offline_bench.algorithms.sampler import MinibatchSampler
from offline_bench.core.seeds import training_seed
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.relabel import relabel

d3rlpy = import_d3rlpy()

from offline_bench.algorithms.native import ATAC, PSPI, ATACConfig, PSPIConfig  # noqa: E402

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("config", [ATACConfig, PSPIConfig])
FAST = {f"{name}_learning_rate": 3e-3 for name in ("actor", "warm_start_actor", "critic", "temp")}


def create(config=ATACConfig, data=None, seed=0, hidden=16, **settings):
    torch.manual_seed(seed)
    data = data or sample_dataset([40] * 5, [True] * 5)
    encoder = d3rlpy.models.VectorEncoderFactory(hidden_units=[hidden])
    algorithm = config(
        **(FAST | {"batch_size": 32, "n_warm_start_steps": 0} | settings),
        actor_encoder_factory=encoder,
        critic_encoder_factory=encoder,
    ).create(device="cpu:0")
    algorithm.create_impl(data.observations.shape[1:], data.actions.shape[1])
    algorithm.observe(data.observations[data.episode_starts], (float(data.rewards.min()), float(data.rewards.max())))
    return algorithm, MinibatchSampler(data, 32, np.random.default_rng(seed))


def train(algorithm, sampler, steps):
    return [algorithm.update(sampler.sample()) for _ in range(steps)]


def weights(algorithm, *names):
    modules = algorithm.impl.modules.get_torch_modules()
    return [p.detach().clone() for name in names or sorted(modules) for p in modules[name].state_dict().values()]


def same(one, other):
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def bandit(actions):
    """Every episode one step, reward = action."""
    n = len(actions)
    observations = np.random.default_rng(0).standard_normal((n, 2)).astype(np.float32)
    return Dataset(
        id="bandit",
        environment="",
        action_space=ActionSpace(-np.ones(1, np.float32), np.ones(1, np.float32)),
        observations=observations,
        actions=actions.astype(np.float32)[:, None],
        next_observations=observations.copy(),
        true_rewards=actions.astype(np.float32),
        terminals=np.ones(n, bool),
        timeouts=np.zeros(n, bool),
    )


def mdp_dataset(n=120, length=20):
    rng = np.random.default_rng(0)
    ends = np.arange(n) % length == length - 1
    return d3rlpy.dataset.MDPDataset(
        observations=rng.standard_normal((n, 3)).astype(np.float32) + 5,
        actions=rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        rewards=np.where(ends, 9.0, rng.uniform(0, 1, n)).astype(np.float32),
        terminals=np.zeros(n, np.float32),
        timeouts=ends.astype(np.float32),
    )


@BOTH
def test_the_true_reward_is_followed_and_so_is_its_negative(config) -> None:
    data = bandit(np.random.default_rng(0).uniform(-1, 1, 2000))
    parameters = FAST | {"batch_size": 64, "n_warm_start_steps": 30, "beta": 4.0}
    learner = ReferenceLearner(config.__name__, hidden_units=(32, 32), parameters=parameters)
    means = {}
    for reward in ("original", "negative"):
        relabeled = relabel(data, reward, seed=0)
        (snapshot,) = learner.learn(relabeled, [250], training_seed(0), lambda step: None)
        means[reward] = float(snapshot.policy.act(data.observations[:200]).mean())
    assert means["original"] > 0.3, means
    assert means["negative"] < -0.3, means


def test_without_beta_atac_imitates_and_pspi_does_not() -> None:
    data = bandit(np.random.default_rng(0).normal(0.6, 0.05, 2000).clip(-1, 1))
    distances = {}
    for config in (ATACConfig, PSPIConfig):
        found = []
        for seed in (0, 1):
            algorithm, sampler = create(config, data, seed, beta=0.0, n_warm_start_steps=50)
            train(algorithm, sampler, 300)
            found.append(np.abs(algorithm.predict(data.observations[:100]) - 0.6).mean())
        distances[config] = float(np.mean(found))
    assert distances[ATACConfig] < 0.3, distances
    assert distances[PSPIConfig] > 0.5, distances


def test_the_warm_start_is_blind_to_rewards_to_the_bit_and_the_same_for_both() -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    found = []
    for config, reward in ((ATACConfig, "original"), (ATACConfig, "negative"), (PSPIConfig, "zero")):
        algorithm, sampler = create(config, relabel(data, reward, 0), n_warm_start_steps=30)
        train(algorithm, sampler, 30)
        found.append(weights(algorithm, "policy", "log_temp"))
    assert same(found[0], found[1]) and same(found[0], found[2])
    train(algorithm, sampler, 1)
    assert not same(found[0], weights(algorithm, "policy", "log_temp"))


def test_the_warm_start_is_behavior_cloning() -> None:
    atac, sampler = create(n_warm_start_steps=30)
    policy = copy.deepcopy(atac.impl.policy)
    batches = [sampler.sample() for _ in range(20)]
    torch.manual_seed(7)
    for batch in batches:
        atac.update(batch)

    torch.manual_seed(7)
    log_temp = torch.zeros(1, requires_grad=True)
    optimizers = [torch.optim.Adam(policy.parameters(), lr=3e-3), torch.optim.Adam([log_temp], lr=3e-3)]
    for batch in batches:
        torch.normal(torch.zeros(32, 2), torch.ones(32, 2))
        mean, _, log_deviation = policy(torch.from_numpy(batch.observations))
        squash = torch.distributions.TransformedDistribution(
            torch.distributions.Independent(torch.distributions.Normal(mean, log_deviation.exp()), 1),
            torch.distributions.TanhTransform(cache_size=1),
        )
        entropy = -squash.log_prob(squash.rsample()).mean()
        likelihood = squash.log_prob(torch.from_numpy(batch.actions)).mean()
        optimizers[1].zero_grad()
        (log_temp * (entropy.detach() + 2)).sum().backward()
        optimizers[1].step()
        alpha = log_temp.detach().exp()
        loss = -likelihood - alpha * entropy if alpha <= 1 else -likelihood / alpha - entropy
        optimizers[0].zero_grad()
        loss.sum().backward()
        optimizers[0].step()
    for ours, theirs in zip(atac.impl.policy.parameters(), policy.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.allclose(weights(atac, "log_temp")[0], log_temp, atol=1e-5)


@BOTH
def test_the_main_phase_starts_from_warm_critics_and_targets_with_fresh_optimizers_and_temperature(config) -> None:
    algorithm, sampler = create(config, n_warm_start_steps=10, tau=0.1, actor_average_rate=0.5)
    warm = train(algorithm, sampler, 10)
    modules = algorithm.impl.modules
    critics, targets, policy = (
        weights(algorithm, "q_funcs"),
        weights(algorithm, "targ_q_funcs"),
        weights(algorithm, "policy"),
    )
    assert warm[-1]["temp"] != 1 and not same(critics, targets)
    fresh = (modules.actor_optim, modules.critic_optim, modules.temp_optim)
    assert all(not optimizer.optim.state for optimizer in fresh)

    (first,) = train(algorithm, sampler, 1)
    # λ(H − H*) is 0 at λ = 0, and Adam's first step is one learning rate long, in every weight it moves.
    assert first["temp_loss"] == 0
    assert abs(np.log(first["temp"])) == pytest.approx(3e-3, rel=1e-3)
    for before, after in zip(critics, weights(algorithm, "q_funcs"), strict=True):
        assert (before - after).abs().max() <= 3.01e-3
    for optimizer in fresh:
        assert {float(state["step"]) for state in optimizer.optim.state.values()} == {1.0}
    moved = [0.9 * before + 0.1 * q for before, q in zip(targets, weights(algorithm, "q_funcs"), strict=True)]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(moved, weights(algorithm, "targ_q_funcs"), strict=True))
    middle = [(a + b) / 2 for a, b in zip(policy, weights(algorithm, "policy"), strict=True)]
    average = weights(algorithm, "average_policy")
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(middle, average, strict=True))


def test_predict_follows_the_average_policy_which_begins_as_the_policy() -> None:
    observations = np.zeros((4, 3), np.float32)
    atac, sampler = create(n_warm_start_steps=10, actor_average_rate=1e-6)
    plain, _ = create(n_warm_start_steps=10)
    assert np.array_equal(atac.predict(observations), plain.predict(observations))
    first = weights(atac, "policy")
    train(atac, sampler, 5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(first, weights(atac, "average_policy"), strict=True))
    assert np.allclose(atac.predict(observations), plain.predict(observations), atol=1e-4)
    assert not np.allclose(
        atac.impl.trained_policy(torch.zeros(4, 3)).squashed_mu.detach(), plain.predict(observations), atol=1e-4
    )


@BOTH
@pytest.mark.parametrize("steps", [7, 10, 15])
def test_a_loaded_algorithm_predicts_the_same_and_goes_on_the_same(config, steps, tmp_path) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    algorithm, sampler = create(config, n_warm_start_steps=10, actor_average_rate=0.1, clip_values=True)
    train(algorithm, sampler, steps)
    predicted = algorithm.predict(data.observations)
    algorithm.save(str(tmp_path / "whole.d3"))
    algorithm.save_model(str(tmp_path / "weights.pt"))
    loaded = d3rlpy.load_learnable(str(tmp_path / "whole.d3"))
    other, _ = create(config, seed=1, n_warm_start_steps=10, actor_average_rate=0.1, clip_values=True)
    other.load_model(str(tmp_path / "weights.pt"))
    assert type(loaded) is type(algorithm) and loaded.config == algorithm.config
    with pytest.raises(ValueError, match="of the dataset are not known"):
        loaded.update(sampler.sample())
    loaded.observe(data.observations[data.episode_starts], (float(data.rewards.min()), float(data.rewards.max())))

    batches = [sampler.sample() for _ in range(8)]
    found = []
    for one in (algorithm, loaded, other):
        assert one.grad_step == steps
        assert np.array_equal(one.predict(data.observations), predicted)
        torch.manual_seed(3)
        found.append([list(one.update(batch).values()) for batch in batches])
    assert found[0] == found[1] == found[2]
    assert same(weights(algorithm), weights(loaded)) and same(weights(algorithm), weights(other))


@BOTH
def test_same_seed_same_weights_and_another_seed_others(config) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    learner = ReferenceLearner(config.__name__, (16,), parameters={"n_warm_start_steps": 5, "batch_size": 32})
    found = [list(learner.learn(data, [12], training_seed(seed), lambda step: None))[-1].weights for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_pspi_says_at_its_first_step_that_it_lacks_the_initial_observations() -> None:
    pspi = PSPIConfig(n_warm_start_steps=5).create()
    pspi.create_impl((3,), 2)
    sampler = MinibatchSampler(sample_dataset([40], [True]), 32, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"initial observations of the dataset are not known.*call.*`observe"):
        pspi.update(sampler.sample())


@BOTH
def test_fit_takes_what_it_needs_from_a_d3rlpy_dataset(config) -> None:
    dataset = mdp_dataset()
    np.random.seed(0)  # noqa: NPY002
    algorithm = config(
        **FAST,
        n_warm_start_steps=10,
        batch_size=16,
        clip_values=True,
        observation_scaler=d3rlpy.preprocessing.StandardObservationScaler(),
        reward_scaler=d3rlpy.preprocessing.MultiplyRewardScaler(10.0),
    ).create()
    logger = d3rlpy.logging.NoopAdapterFactory()
    history = algorithm.fit(dataset, n_steps=20, n_steps_per_epoch=10, logger_adapter=logger, show_progress=False)
    assert len(history) == 2 and algorithm.grad_step == 20
    assert all(np.isfinite(value) for _, metrics in history for value in metrics.values())

    starts, (least, greatest) = algorithm._observed
    assert starts.shape == (6, 3) and starts.mean().abs() < 1.5
    # The last reward of an episode that was cut is no transition's.
    assert 0 <= least < greatest <= 10
    for act in (algorithm.predict, algorithm.sample_action):
        actions = act(np.zeros((5, 3), np.float32))
        assert actions.shape == (5, 2) and (np.abs(actions) <= 1).all()


def test_what_the_reference_trainer_observes_is_the_dataset_as_relabeled() -> None:
    data = relabel(sample_dataset([5, 1, 8, 3], [True, False, False, True]), "constant(value=2.0)", 0)
    algorithm = ReferenceLearner("PSPIConfig", (8,), parameters={"clip_values": True})._create(data)
    starts, rewards = algorithm._observed
    scaled = (data.observations - data.observations.mean(axis=0)) / data.observations.std(axis=0)
    assert np.allclose(starts, scaled[[0, 5, 6, 14]], atol=1e-2)
    assert rewards == (2.0, 2.0)


def test_a_config_out_of_range_is_refused() -> None:
    for wrong in (
        {"beta": -1.0},
        {"norm_bound": 0.0},
        {"actor_average_rate": 2.0},
        {"clip_values": True, "gamma": 1.0},
    ):
        with pytest.raises(ValueError, match=f"ATACConfig: {next(iter(wrong))}"):
            ATACConfig(**wrong)
    with pytest.raises(NotImplementedError, match="several devices"):
        ATACConfig().create(enable_ddp=True)
    assert isinstance(ATACConfig().create(), ATAC) and isinstance(PSPIConfig().create(), PSPI)


def test_the_package_is_imported_quietly_and_only_when_asked_for() -> None:
    light = "import sys, offline_bench.algorithms; assert not {'torch', 'd3rlpy'} & set(sys.modules);"
    heavy = "from offline_bench.algorithms.native import ATACConfig; print(ATACConfig().create())"
    done = subprocess.run([sys.executable, "-c", f"{light} {heavy}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "ATAC object" in done.stdout
