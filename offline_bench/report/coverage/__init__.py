"""How a dataset covers its task, laid out: `description.py` as text, `picture.py` as a drawing.

It lays out what `data.coverage` measured.
"""
