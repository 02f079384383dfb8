"""What each command of the command line does: a file a command, or a few that belong together.

Only `cli.py` imports it, and it may import every room. Read `reproduce.py` first.
"""
