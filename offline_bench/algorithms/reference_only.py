"""The continuous algorithms that d3rlpy alone has here, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offline_bench.algorithms.learner import Learner, algorithms
from offline_bench.algorithms.trainers import reference_learner

# They are named in a spec with d3rlpy's own parameters and defaults.
REFERENCE_ONLY = {
    "bcq": "BCQConfig",
    "bear": "BEARConfig",
    "cal-ql": "CalQLConfig",
    "crr": "CRRConfig",
    "ddpg": "DDPGConfig",
    "plas": "PLASConfig",
    "plas-with-perturbation": "PLASWithPerturbationConfig",
    "td3": "TD3Config",
}


def _register_reference_only(name: str, config: str) -> None:
    def build(**parameters: Any) -> Learner:
        return reference_learner(config, parameters)

    build.__doc__ = f"d3rlpy's {config.removesuffix('Config')}, with any parameter of its {config}."
    factory: Callable[..., Learner] = build
    algorithms.register(name)(factory)


for _name, _config in REFERENCE_ONLY.items():
    _register_reference_only(_name, _config)
