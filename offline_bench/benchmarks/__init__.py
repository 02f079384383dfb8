"""Speed and memory, side by side with what they replace, in one process and one call.

Each file measures one cost and gives it as a dataclass; `commands` prints them. It may import every room before it, and
torch and d3rlpy besides. Read `training_cost.py` first.
"""
