"""How good: scores of runs and cells, the leaderboard, and what is told of many tasks at once.

Laid out by `report.scores`. Read `leaderboard.py` first; `entries.py` has what it is made of.
"""
