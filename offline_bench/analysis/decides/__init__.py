"""What decides: the shares that coverage, reward, algorithm and seed have of the score's variance, and the headline.

Laid out by `report.decides`. Read `design.py` first, then `shares.py`.
"""
