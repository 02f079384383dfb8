"""How a dataset covers its task, and what a relabeling of it asks for, laid out as texts and drawings.

`description.py` and `picture.py` lay out what `data.coverage` measured; `relabeled_text.py` and `relabeled_picture.py`
lay out the properties of a relabeling.
"""
