"""The algorithms by name, each with the one setting it has for every reward unless a spec says otherwise.

Settings follow the papers where they give one for locomotion: these are declared choices, not tuned ones.
`trainer='d3rlpy'` in a spec has d3rlpy itself train, one run at a time, where the stacked trainer is the default.
"""

from __future__ import annotations

from offline_bench.algorithms.learner import Learner, algorithms
from offline_bench.algorithms.trainers import either_trainer, reference_learner, stacked_learner
from offline_bench.algorithms.transformer import TransformerLearner

NETWORK = (256, 256)


@algorithms.register("bc")
def bc(
    *,
    learning_rate: float = 1e-3,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    standardize: bool = True,
    trainer: str = "stacked",
) -> Learner:
    """Behavior cloning by squared error: reads no reward, and so is blind to every relabeling."""
    return either_trainer("bc", "BCConfig", locals())


@algorithms.register("pct-bc")
def pct_bc(
    *,
    share: float = 0.1,
    learning_rate: float = 1e-3,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    standardize: bool = True,
) -> Learner:
    """Cloning of the best `share` of the data by its relabeled returns. Source: Chen et al. 2021.

    It reads a reward at cloning's price: the cheapest positive control. Equal returns are put in order by the run's
    seed, so that under zero rewards a random share is cloned.
    """
    return stacked_learner("pct-bc", locals())


@algorithms.register("td3-plus-bc")
def td3_plus_bc(
    *,
    alpha: float = 2.5,
    actor_learning_rate: float = 3e-4,
    critic_learning_rate: float = 3e-4,
    gamma: float = 0.99,
    tau: float = 0.005,
    target_smoothing_sigma: float = 0.2,
    target_smoothing_clip: float = 0.5,
    update_actor_interval: int = 2,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """TD3+BC: TD3 with a cloning term against α / mean|Q|. Source: Fujimoto & Gu 2021."""
    return either_trainer("td3-plus-bc", "TD3PlusBCConfig", locals())


@algorithms.register("rebrac")
def rebrac(
    *,
    actor_beta: float = 0.001,
    critic_beta: float = 0.01,
    actor_learning_rate: float = 1e-3,
    critic_learning_rate: float = 1e-3,
    gamma: float = 0.99,
    tau: float = 0.005,
    target_smoothing_sigma: float = 0.2,
    target_smoothing_clip: float = 0.5,
    update_actor_interval: int = 2,
    batch_size: int = 1024,
    hidden_units: tuple[int, ...] = (256, 256, 256),
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = True,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """ReBRAC: TD3 with a cloning penalty for the actor and one for the critics. Source: Tarasov et al. 2023."""
    return either_trainer("rebrac", "ReBRACConfig", locals())


@algorithms.register("iql")
def iql(
    *,
    expectile: float = 0.7,
    weight_temp: float = 3.0,
    max_weight: float = 100.0,
    actor_learning_rate: float = 3e-4,
    critic_learning_rate: float = 3e-4,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """Implicit Q-learning: expectile values, advantage-weighted cloning. Source: Kostrikov et al. 2022."""
    return either_trainer("iql", "IQLConfig", locals())


@algorithms.register("onestep")
def onestep(
    *,
    critic_target: str = "sarsa",
    extraction: str = "reverse-kl",
    normalize: str = "deviation",
    temperature: float = 0.3,
    max_weight: float = 100.0,
    alpha: float = 2.5,
    n_critic_steps: int = 50_000,
    actor_learning_rate: float = 3e-4,
    critic_learning_rate: float = 3e-4,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
) -> Learner:
    """One policy improvement on a critic of the behavior. Source: Brandfonbrener et al. 2021.

    `temperature` and `normalize` are of 'reverse-kl' and 'exp-weighted', `max_weight` of 'exp-weighted', `alpha` of
    'ddpg-bc'.
    """
    return stacked_learner("onestep", locals())


@algorithms.register("cql")
def cql(
    *,
    conservative_weight: float = 5.0,
    alpha_threshold: float = 10.0,
    alpha_learning_rate: float = 1e-4,
    n_action_samples: int = 10,
    actor_learning_rate: float = 1e-4,
    critic_learning_rate: float = 3e-4,
    temp_learning_rate: float = 1e-4,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """Conservative Q-learning, CQL(H) on soft actor-critic. Source: Kumar et al. 2020."""
    return either_trainer("cql", "CQLConfig", locals())


@algorithms.register("awac")
def awac(
    *,
    lam: float = 1.0,
    n_action_samples: int = 1,
    actor_learning_rate: float = 3e-4,
    critic_learning_rate: float = 3e-4,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 1024,
    hidden_units: tuple[int, ...] = NETWORK,
    standardize: bool = True,
    reward_scaler: str = "none",
) -> Learner:
    """Advantage-weighted actor-critic, offline. Source: Nair et al. 2020."""
    return reference_learner("AWACConfig", locals())


@algorithms.register("sac")
def sac(
    *,
    actor_learning_rate: float = 3e-4,
    critic_learning_rate: float = 3e-4,
    temp_learning_rate: float = 3e-4,
    initial_temperature: float = 1.0,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """Soft actor-critic on offline data: the control without pessimism. Source: Haarnoja et al. 2018."""
    return either_trainer("sac", "SACConfig", locals())


@algorithms.register("atac")
def atac(
    *,
    beta: float = 1.0,
    n_warm_start_steps: int = 100_000,
    actor_learning_rate: float = 5e-7,
    warm_start_actor_learning_rate: float = 5e-4,
    critic_learning_rate: float = 5e-4,
    temp_learning_rate: float = 5e-4,
    initial_temperature: float = 1.0,
    actor_average_rate: float = 0.0,
    norm_bound: float = 100.0,
    clip_values: bool = False,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """Adversarially trained actor-critic, relatively pessimistic. Source: Cheng et al. 2022."""
    return either_trainer("atac", "ATACConfig", locals())


@algorithms.register("pspi")
def pspi(
    *,
    beta: float = 1.0,
    n_warm_start_steps: int = 100_000,
    actor_learning_rate: float = 5e-7,
    warm_start_actor_learning_rate: float = 5e-4,
    critic_learning_rate: float = 5e-4,
    temp_learning_rate: float = 5e-4,
    initial_temperature: float = 1.0,
    actor_average_rate: float = 0.0,
    norm_bound: float = 100.0,
    clip_values: bool = False,
    gamma: float = 0.99,
    tau: float = 0.005,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    critic_hidden_units: tuple[int, ...] | None = None,
    layer_norm: bool = False,
    standardize: bool = True,
    reward_scaler: str = "none",
    trainer: str = "stacked",
) -> Learner:
    """ATAC with absolute pessimism at the initial states. Source: Xie et al. 2021, in the form of Cheng et al. 2022."""
    return either_trainer("pspi", "PSPIConfig", locals())


@algorithms.register("dt")
def dt(
    *,
    context_size: int = 10,
    target_quantile: float = 0.9,
    target_return: float | None = None,
    spend: bool = True,
    return_scale: float | None = None,
    learning_rate: float = 1e-3,
    warmup_steps: int = 500,
    batch_size: int = 64,
    hidden_size: int = 64,
    num_heads: int = 1,
    num_layers: int = 2,
    dropout: float = 0.1,
    weight_decay: float = 1e-4,
    clip_gradient: float = 0.25,
    max_timestep: int = 1000,
    standardize: bool = True,
) -> Learner:
    """Decision Transformer: handed the reward as an input, the return still to come. Source: Chen et al. 2021."""
    return TransformerLearner(**locals())
