"""The base of every room, without any RL: errors, names, seeds, folders, files, plug-ins.

It imports no other room; every other room may import any of it. Read `registry.py` first: it says what a name and its
parameters are.
"""
