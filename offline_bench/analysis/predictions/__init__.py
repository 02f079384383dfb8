"""What a suite said would come out, and the verdict of its records on it.

Laid out by `report.predictions`. Read `prediction.py` first.
"""
