"""`report.html`: one self-contained page of a suite's findings. Every number in it is computed by `analysis`."""
