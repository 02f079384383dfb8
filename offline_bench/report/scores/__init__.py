"""How good, laid out: what `analysis.scores` found, as Markdown, CSV, tables and drawings.

Each file lays out the file of its name in `analysis.scores`. Read `leaderboard.py` first.
"""
