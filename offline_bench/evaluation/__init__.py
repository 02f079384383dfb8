"""A policy in the true task: acting, returns, exact answers where a task has them, and how far it stays with its data.

No relabeled reward can enter here: nothing takes one. It imports `core`, `environments` and `data`. Read
`evaluate.py` first.
"""
