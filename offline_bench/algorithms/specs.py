"""The algorithms by name, each with the one setting it has for every reward unless a spec says otherwise.

Settings follow the papers where they give one for locomotion: these are declared choices, not tuned ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offline_bench.algorithms.learner import Learner, algorithms
from offline_bench.algorithms.reference import ReferenceLearner

NETWORK = (256, 256)
SHARED = ("hidden_units", "standardize", "reward_scaler")

# Continuous algorithms of d3rlpy that are named in a spec with d3rlpy's own parameters and defaults.
REFERENCE_ONLY = {
    "bcq": "BCQConfig",
    "bear": "BEARConfig",
    "cal-ql": "CalQLConfig",
    "crr": "CRRConfig",
    "ddpg": "DDPGConfig",
    "plas": "PLASConfig",
    "plas-with-perturbation": "PLASWithPerturbationConfig",
    "rebrac": "ReBRACConfig",
    "td3": "TD3Config",
}


def build_learner(text: str) -> Learner:
    """The learner that `text` names. Raises `SpecError`, `UnknownNameError`."""
    learner: Learner = algorithms.bind(text)()
    return learner


def _reference(config: str, settings: dict[str, Any]) -> ReferenceLearner:
    shared = {name: settings[name] for name in SHARED if name in settings}
    return ReferenceLearner(config, **shared, parameters={k: v for k, v in settings.items() if k not in SHARED})


@algorithms.register("bc")
def bc(
    *,
    learning_rate: float = 1e-3,
    batch_size: int = 256,
    hidden_units: tuple[int, ...] = NETWORK,
    standardize: bool = True,
) -> Learner:
    """Behavior cloning by squared error: reads no reward, and so is blind to every relabeling."""
    return _reference("BCConfig", locals())


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
    standardize: bool = True,
    reward_scaler: str = "none",
) -> Learner:
    """TD3+BC: TD3 with a cloning term against α / mean|Q|. Source: Fujimoto & Gu 2021."""
    return _reference("TD3PlusBCConfig", locals())


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
    standardize: bool = True,
    reward_scaler: str = "none",
) -> Learner:
    """Implicit Q-learning: expectile values, advantage-weighted cloning. Source: Kostrikov et al. 2022."""
    return _reference("IQLConfig", locals())


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
    standardize: bool = True,
    reward_scaler: str = "none",
) -> Learner:
    """Conservative Q-learning, CQL(H) on soft actor-critic. Source: Kumar et al. 2020."""
    return _reference("CQLConfig", locals())


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
    return _reference("AWACConfig", locals())


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
    standardize: bool = True,
    reward_scaler: str = "none",
) -> Learner:
    """Soft actor-critic as it is, on offline data: the control without pessimism. Source: Haarnoja et al. 2018."""
    return _reference("SACConfig", locals())


def _register_reference_only(name: str, config: str) -> None:
    def build(**parameters: Any) -> Learner:
        return _reference(config, parameters)

    build.__doc__ = f"d3rlpy's {config.removesuffix('Config')}, with any parameter of its {config}."
    factory: Callable[..., Learner] = build
    algorithms.register(name)(factory)


for _name, _config in REFERENCE_ONLY.items():
    _register_reference_only(_name, _config)
