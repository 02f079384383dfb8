"""Transitions: the `Dataset`, how it is read and written, and how it covers its task.

From here come `dataset.Dataset`, `episode.Episode`, the loaders of `loaders/` and the numbers of `coverage/`; it
imports `core` and `environments`. Read `dataset.py` first: every later room is handed one.
"""
