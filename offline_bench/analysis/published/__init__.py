"""Beside the published numbers: the same places sign by sign, who survives wrong rewards, and positive bias.

Laid out by `report.published`. Read `facts.py` first: it reads what was published.
"""
