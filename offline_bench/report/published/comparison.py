"""Our scores beside published ones, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.published.comparison import Agreement, Comparison, Setting, Tally, Verdict
from offline_bench.analysis.published.facts import Published
from offline_bench.analysis.scores.entries import Cell
from offline_bench.report.markdown import NO_VALUE, escape, number, table

VERDICTS = {True: "agree", False: "**disagree**", None: "no verdict"}


def published_section(comparison: Comparison) -> str:
    """`## Beside the published numbers`: the scores side by side, the signs of the wrong rewards, and their counts."""
    facts = comparison.published
    parts = [
        "## Beside the published numbers\n",
        f"Published: {escape(facts.source)}. Read to within {number(facts.reading_error)}.\n",
    ]
    if comparison.unscored:
        names = ", ".join(map(escape, comparison.unscored))
        parts.append(f"Not compared, as they have no normalized score here: {names}.\n")
    if not comparison.settings:
        parts.append(f"This suite has no run of {escape(facts.algorithm)} on a published dataset to compare.\n")
        return "\n".join(parts)
    for setting in comparison.settings:
        parts += _setting(setting, facts)
    return "\n".join([*parts, _notes(facts)])


def lift_text(lift: float, firm: bool) -> str:
    """A lift with its sign, which small ones keep, in parentheses where it is not firm."""
    text = number(lift, digits=1 if abs(lift) >= 0.05 else 2, sign=True)
    return text if firm or text == NO_VALUE else f"({text})"


def _setting(setting: Setting, facts: Published) -> list[str]:
    return [
        f"### {escape(setting.label)}, ours / published\n",
        _scores(setting, facts),
        f"### {escape(setting.label)}: does a wrong reward end above the data, and above BC?\n",
        _sentence("behavior", setting.over_behavior),
        _sentence("BC", setting.over_bc),
        _tallies(setting),
        "Lift of each wrong reward:\n",
        _signs(setting),
    ]


def _scores(setting: Setting, facts: Published) -> str:
    rows = [
        [
            escape(part.published.dataset),
            _pair(part.behavior, part.published.behavior),
            _pair(part.bc, part.published.bc),
            *(_pair(cell.value, part.published.scores[cell.relabeling]) + _runs(cell) for cell in part.cells),
        ]
        for part in setting.datasets
    ]
    return table(["dataset", "behavior", "BC", *map(escape, facts.relabelings)], rows, text_columns=1)


def _pair(ours: float, published: float) -> str:
    return f"{number(ours)} / {number(published)}"


def _runs(cell: Cell) -> str:
    return "" if cell.n_ok == cell.n_expected else f", {cell.n_ok}/{cell.n_expected} runs"


def _sentence(reference: str, tally: Tally) -> str:
    by_reward = ", ".join(f"{escape(name)} {agree} of {of}" for name, agree, of in tally.by_relabeling)
    untold = f", {tally.no_verdict} without a verdict" if tally.no_verdict else ""
    return (
        f"**Against {reference}**: {tally.agree.cells} of {tally.of} signs agree with the published ones, "
        f"{tally.disagree.cells} disagree{untold}. Above {reference}: {tally.above} here, {tally.published_above} "
        f"there. Agreement by reward: {by_reward}.\n"
    )


def _tallies(setting: Setting) -> str:
    tallies = (setting.over_behavior, setting.over_bc)
    rows = [
        *_agreement("agree", [tally.agree for tally in tallies]),
        *_agreement("disagree", [tally.disagree for tally in tallies]),
        ["no verdict", *(str(tally.no_verdict) for tally in tallies)],
        ["all", *(str(tally.of) for tally in tallies)],
    ]
    return table(["signs", "against behavior", "against BC"], rows, text_columns=1)


def _agreement(name: str, counts: Sequence[Agreement]) -> list[list[str]]:
    return [
        [f"**{name}**", *(str(count.cells) for count in counts)],
        [f"{name}, firm here and clear there", *(str(count.sure) for count in counts)],
        [f"{name}, published within reading error", *(str(count.unclear) for count in counts)],
    ]


def _signs(setting: Setting) -> str:
    rows = [
        [escape(cell.dataset), escape(cell.relabeling), *_verdict(cell.over_behavior), *_verdict(cell.over_bc)]
        for cell in setting.cells
    ]
    header = ["dataset", "reward", "over behavior: ours", "published", "signs", "over BC: ours", "published", "signs"]
    return table(header, rows, text_columns=2)


def _verdict(verdict: Verdict) -> list[str]:
    published = number(verdict.published_lift, sign=True)
    return [
        lift_text(verdict.lift, verdict.firm),
        published if verdict.clear else f"= ({published})",
        VERDICTS[verdict.agrees],
    ]


def _notes(facts: Published) -> str:
    lines = [
        "**agree**: both lifts are above 0, or neither is. A lift of exactly 0 is not above.",
        "**(+1.2)** of ours, not firm: the 95 % interval of the score reaches across the value of behavior or BC. The "
        "spread of BC over seeds is not in it, so firm against BC says less than firm against behavior.",
        f"**= (+1.2)** of the published, within reading error: each was read to {number(facts.reading_error)}, so "
        "two of them surely differ only if they are more than twice that apart. The others are clear. "
        "All counts still go by the sign.",
        f"**no verdict** and {NO_VALUE}: our runs, or those of BC, are missing or failed; the leaderboard says which.",
    ]
    return "".join(f"- {line}\n" for line in lines)
