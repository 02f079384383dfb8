"""One experiment, and thousands of it: runs, records, suites, slabs, and the executors that carry them out.

From here come `record.Run`, `record.Record` and `experiment.carry_out`; it imports the rooms from `core` to
`algorithms`. Read `experiment.py` first: it is the whole of a run as one line.
"""
