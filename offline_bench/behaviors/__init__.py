"""Scripted behaviors by name: what acts where a built-in dataset is not collected from a trained policy."""

from offline_bench.behaviors import seeking as seeking
from offline_bench.behaviors import waypoints as waypoints
from offline_bench.behaviors.scripted import Behavior, behaviors

__all__ = ["Behavior", "behaviors"]
