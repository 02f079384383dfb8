"""Records to numbers. Loads pandas and scipy.

A frame has one row per run; subrooms are named for the question they answer: `scores`, `decides`, `predictions`,
`published`, `behavior`; `digest` puts all of it in sentences. It imports the rooms from `core` to `runs`, and of itself
only what stands before in that order. Read `frame.py` first, then `summary.py`, where all that a report says is made.
"""
