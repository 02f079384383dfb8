"""The values an algorithm's parameters may have, whichever trainer takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from offline_bench.core.errors import SpecError

# Least and largest value, both allowed. What is not listed may be any number.
RANGES = {
    "gamma": (0.0, 1.0),
    "tau": (0.0, 1.0),
    "expectile": (0.0, 1.0),
    "actor_average_rate": (0.0, 1.0),
    "beta": (0.0, math.inf),
    "actor_beta": (0.0, math.inf),
    "critic_beta": (0.0, math.inf),
    "alpha": (0.0, math.inf),
    "weight_temp": (0.0, math.inf),
    "conservative_weight": (0.0, math.inf),
    "n_critic_steps": (0, math.inf),
    "max_weight": (0.0, math.inf),
    "n_warm_start_steps": (0, math.inf),
    "n_action_samples": (1, math.inf),
    "batch_size": (1, math.inf),
    "update_actor_interval": (1, math.inf),
    "initial_temperature": (1e-12, math.inf),
    "norm_bound": (1e-12, math.inf),
}

# Largest value, allowed; 0 is not.
ABOVE_ZERO = {"share": 1.0, "temperature": math.inf}
CHOICES = {
    "critic_target": ("sarsa", "monte-carlo"),
    "extraction": ("reverse-kl", "exp-weighted", "ddpg-bc"),
    "normalize": ("deviation", "mean-abs", "none"),
}


def check_ranges(name: str, parameters: Mapping[str, Any]) -> None:
    """Raise `SpecError`, naming algorithm and parameter, where a number is out of its range."""
    for key, value in parameters.items():
        rate = key.endswith("learning_rate")
        low, high = (0.0, math.inf) if rate else RANGES.get(key, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            raise SpecError(f"{key} of {name} must be between {low:g} and {high:g}, not {value!r}")
        if key in ABOVE_ZERO and isinstance(value, int | float) and not 0.0 < value <= ABOVE_ZERO[key]:
            limit = f" and at most {ABOVE_ZERO[key]:g}" if math.isfinite(ABOVE_ZERO[key]) else ""
            raise SpecError(f"{key} of {name} must be above 0{limit}, not {value!r}")
        if isinstance(value, str) and value not in CHOICES.get(key, (value,)):
            *others, last = map(repr, CHOICES[key])
            raise SpecError(f"{key} of {name} must be {', '.join(others)} or {last}, not {value!r}")
    if parameters.get("clip_values") and parameters.get("gamma") == 1.0:
        raise SpecError(f"clip_values of {name} needs gamma below 1: without it no value is bounded")
    for key in ("hidden_units", "critic_hidden_units"):
        _check_layers(name, key, parameters.get(key))


def _check_layers(name: str, key: str, hidden: Any) -> None:
    if hidden is None:
        return
    if not hidden or not all(type(size) is int and size > 0 for size in hidden):
        raise SpecError(f"{key} of {name} is a tuple of positive layer sizes, not {hidden!r}")
