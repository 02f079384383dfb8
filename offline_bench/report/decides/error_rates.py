"""How often an audit's verdict is right, wrong and silent, as a table."""

from __future__ import annotations

from offline_bench.analysis.decides.error_rates import TRUTHS, audit_rates
from offline_bench.analysis.decides.verdict_of_set import UNTOLD, VERDICTS
from offline_bench.report.markdown import table

NOISES = ("normal", "t(3)", "collapse")


def rates_table(learners: int, seeds: int) -> str:
    """Per cent of each verdict for each thing that may be so, under each of `NOISES` in turn."""
    rates = [audit_rates(learners, seeds, noise) for noise in NOISES]
    rows = []
    for truth in rates[0]:
        right = TRUTHS[truth][2] if truth in TRUTHS else UNTOLD
        cells = [" / ".join(f"{100.0 * each[truth][verdict]:.1f}" for each in rates) for verdict in VERDICTS]
        rows.append([truth, right, *cells])
    return table(["what is so", "right", *VERDICTS], rows, text_columns=2)
