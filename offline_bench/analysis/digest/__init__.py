"""What the numbers come to, in sentences: the findings a page opens with, how far to trust them, a line a section.

Laid out by `report.html`. It imports all other subrooms. Read `digest.py` first.
"""
