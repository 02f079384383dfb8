"""Predictions and what came of them, laid out: `verdicts.py` is all there is."""
