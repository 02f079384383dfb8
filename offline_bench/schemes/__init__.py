"""What a user adds: relabelings, which decide rewards, curations, which decide what is there, and their contracts.

`relabel.relabel`, `curate.curate` and the two registries come from here; it imports `core`, `environments` and
`data`. Read `relabel/as_it_was.py` first: it has the shortest rewards.
"""
