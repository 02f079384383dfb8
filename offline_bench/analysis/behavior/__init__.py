"""What policies do: how far apart they go, what divides them, how long they last, and their exact values.

Laid out by `report.behavior`. Read `sketched.py` first.
"""
