"""Scripted behaviors by name: what acts where a built-in dataset is not collected from a trained policy."""

from offline_bench.behaviors.registry import Behavior, behaviors

__all__ = ["Behavior", "behaviors"]
