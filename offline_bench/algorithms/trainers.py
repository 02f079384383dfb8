"""Which implementation trains what a spec names: the stacked trainer, d3rlpy, or a plug-in under watch."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from offline_bench.algorithms.learner import Learner, algorithms
from offline_bench.algorithms.reference import ReferenceLearner
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.algorithms.transformer import TransformerLearner
from offline_bench.algorithms.watched import WatchedLearner
from offline_bench.core.errors import SpecError

SHARED = ("hidden_units", "critic_hidden_units", "layer_norm", "standardize", "reward_scaler")
TRAINERS = ("stacked", "d3rlpy")


def build_learner(text: str, device: str = "cpu") -> Learner:
    """The learner that `text` names, to train on `device`. Raises `SpecError`, `UnknownNameError`."""
    component = algorithms.bind(text)
    made = component()
    lacking = [name for name in ("check", "learn") if not callable(getattr(made, name, None))]
    if lacking or not hasattr(made, "trainer"):
        told = ", ".join(lacking or ["trainer"])
        raise SpecError(f"algorithm {text} made a {type(made).__name__} that is no learner: it lacks {told}")
    learner = _on_device(made, text, device)
    # A plug-in may well give one of ours with other settings: that one is known to leave the data alone.
    ours = type(learner) in (StackedLearner, ReferenceLearner, TransformerLearner)
    plugin = algorithms.origin(component.spec.name).plugin
    return WatchedLearner(str(component), learner) if plugin and not ours else learner


def _on_device(learner: Learner, text: str, device: str) -> Learner:
    if device == "cpu":
        return learner
    if is_dataclass(learner) and not isinstance(learner, type) and "device" in {f.name for f in fields(learner)}:
        on_device: Learner = replace(learner, device=device)
        return on_device
    raise SpecError(f"{text} trains on the processor alone: leave out --device {device}.")


def either_trainer(name: str, config: str, settings: dict[str, Any]) -> Learner:
    """The learner `name` of the stacked trainer, or d3rlpy's of `config`, as `settings["trainer"]` says.

    Raises `SpecError` for another trainer.
    """
    trainer = settings.pop("trainer")
    if trainer not in TRAINERS:
        raise SpecError(f"trainer is {' or '.join(map(repr, TRAINERS))}, not {trainer!r}")
    if trainer == "d3rlpy":
        return reference_learner(config, settings)
    return stacked_learner(name, settings)


def stacked_learner(name: str, settings: dict[str, Any]) -> Learner:
    """The learner `name` of the stacked trainer."""
    shared = {name: settings[name] for name in ("standardize", "reward_scaler") if name in settings}
    return StackedLearner(name, {k: v for k, v in settings.items() if k not in shared}, **shared)


def reference_learner(config: str, settings: dict[str, Any]) -> ReferenceLearner:
    """The learner of d3rlpy's `config`: `settings` are its own parameters and those that every learner has."""
    shared = {name: settings[name] for name in SHARED if name in settings}
    return ReferenceLearner(config, **shared, parameters={k: v for k, v in settings.items() if k not in SHARED})
