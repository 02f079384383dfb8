"""What decides, laid out: variance shares and what the headline leans on.

Each file lays out the file of its name in `analysis.decides`. Read `shares.py` first.
"""
