"""What policies do, laid out: maps, distances, lengths and exact values.

Each file lays out the file of its name in `analysis.behavior`. Read `policy_map.py` first.
"""
