"""Numbers to text, pictures and a page: everything is worked out in `analysis`, and only laid out here.

Subrooms have the names of those in `analysis`; `figures`, `tables` and `html` are what they are laid out with. It
imports the rooms from `core` to `analysis`. Read `results_page.py` first, then `html/page.py`.
"""
