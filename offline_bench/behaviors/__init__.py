"""Scripted behaviors by name: what acts where a built-in dataset is not collected from a trained policy."""

from offline_bench.behaviors import grid as grid
from offline_bench.behaviors import waypoints as waypoints
from offline_bench.behaviors.registry import Behavior, behaviors

__all__ = ["Behavior", "behaviors"]
