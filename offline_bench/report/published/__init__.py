"""Beside the published numbers, laid out: the same places, survivors, and positive bias.

Each file lays out the file of its name in `analysis.published`. Read `comparison.py` first.
"""
