"""Who collected the built-in data: trained policies, and scripted behaviors by name.

`collect.py` rolls them out into datasets, `training.py` trains the policies; it imports the rooms from `core` to
`evaluation`. Read `collect.py` first.
"""

from offline_bench.behaviors import seeking as seeking
from offline_bench.behaviors import waypoints as waypoints
from offline_bench.behaviors.scripted import Behavior, behaviors

__all__ = ["Behavior", "behaviors"]
