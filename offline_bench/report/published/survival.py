"""Who survives wrong rewards, as Markdown: the control first, then every algorithm, then place by place."""

from __future__ import annotations

from offline_bench.analysis.published.facts import Published
from offline_bench.analysis.published.survival import Control, Mark, Share, Survival
from offline_bench.report.markdown import NO_VALUE, escape, table
from offline_bench.report.published.comparison import lift_text


def survival_section(survival: Survival, facts: Published) -> str:
    """`## Survival with and without pessimism`: the control first, then every algorithm, then place by place."""
    if not survival.survivors:
        return "## Survival with and without pessimism\n\nNo runs on a published dataset.\n"
    control = escape(facts.control)
    lines = [_control(item, len(survival.at)) for item in survival.controls]
    lines = lines or [f"This suite has no run of the control, {control}, so nothing can be said of it.\n"]
    return "\n".join(
        [
            "## Survival with and without pessimism\n",
            f"{control} is the control: it learns without pessimism. {len(survival.at)} places: each dataset under "
            f"each wrong reward ({', '.join(map(escape, facts.wrong_relabelings))}).\n",
            *lines,
            "The number of places in which each algorithm, trained on a wrong reward, scores:\n",
            _counts(survival),
            "Lift over behavior, place by place:\n",
            _places(survival),
            "- 3/15: in 3 of the 15 places that have the numbers. Half of behavior is counted only where the score of "
            "behavior is positive.\n"
            "- (+1.2): the 95 % interval reaches across behavior, so the sign is not firm. "
            f"{NO_VALUE}: no run, or nothing to compare it with.\n",
        ]
    )


def _control(control: Control, places: int) -> str:
    untold = f", with {control.untold} untold" if control.untold else ""
    parts = [
        f"**{escape(control.label)}** is above behavior in {control.survives} of {places} places "
        f"({control.survives_firm} firmly) and not in {control.fails} ({control.fails_firm} firmly){untold}."
    ]
    for count, where, share in (
        (control.fails, "Where it is not", control.others_where_it_fails),
        (control.survives, "Where it is", control.others_where_it_survives),
    ):
        if count and share.of:
            parts.append(f"{where}, the pessimistic ones are above in {share.count} of their {share.of} cells.")
    return " ".join(parts) + "\n"


def _counts(survival: Survival) -> str:
    rows = [
        [
            escape(survivor.label),
            survivor.role,
            _share(survivor.above_behavior),
            *map(_share, survivor.above_behavior_under),
            _share(survivor.above_bc),
            _share(survivor.above_both),
            _share(survivor.keeps_half),
        ]
        for survivor in survival.survivors
    ]
    under = [f"under {escape(name)}" for name in survival.relabelings]
    header = ["algorithm", "role", "above behavior", *under, "above BC", "above both", "at least half of behavior"]
    return table(header, rows, text_columns=2)


def _share(share: Share) -> str:
    return f"{share.count}/{share.of}" if share.of else NO_VALUE


def _places(survival: Survival) -> str:
    rows = [
        [escape(dataset), escape(relabeling), *(_mark(survivor.marks[at]) for survivor in survival.survivors)]
        for at, (dataset, relabeling) in enumerate(survival.at)
    ]
    header = ["dataset", "reward", *(escape(survivor.label) for survivor in survival.survivors)]
    return table(header, rows, text_columns=2)


def _mark(mark: Mark) -> str:
    return lift_text(mark.lift, mark.firm)
