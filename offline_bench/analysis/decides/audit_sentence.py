"""The verdict of an audit in one sentence, with the interval that carries it, and what would settle an open one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offline_bench.analysis.decides.verdict_of_set import FREE, MIXED, SENSITIVE, UNTOLD
from offline_bench.analysis.findings import Competence, RewardEffect, SetVerdict
from offline_bench.analysis.jackknife import seeds_to_tell, student_quantile
from offline_bench.analysis.scores.competence import MARGIN

CANNOT = "Cannot tell whether this data is reward-sensitive"


def say_verdict(found: SetVerdict, judged: Sequence[Competence], fault: str, unit: str) -> str:
    """The verdict in one sentence, with the interval that carries it. `fault` is a reason to believe no verdict."""
    if fault:
        return f"{CANNOT}: {fault[:1].lower()}{fault[1:]}"
    if found.verdict == SENSITIVE:
        most = max(found.effects, key=_order)
        best = f"the best of them, {say_effect(most, unit, ',')}"
        return f"Reward-sensitive: no wrong reward does as well as the true one; {best}."
    if found.verdict == FREE:
        least = min(found.effects, key=_order)
        return (
            "Reward-free: wrong rewards do as well as the true one, so a score on this data is no evidence that a "
            f"learner used its reward; the worst of them, {say_effect(least, unit, ',')}."
        )
    if found.verdict == MIXED:
        return f"Mixed: {_say_mixed(found, unit)}."
    if not found.effects:
        return f"{CANNOT}: {_say_nearest(judged, unit)}."
    widest = [item for item in (*found.effects, *found.by_learner) if item.side == "open"]
    told = "; ".join(say_effect(item, unit) for item in widest[:2])
    return f"{CANNOT}: an interval reaches across the line, {told}."


def say_settles(found: SetVerdict, judged: Sequence[Competence], longer: str) -> str:
    """What would settle the verdict 'cannot tell'; '' for any other."""
    if found.verdict != UNTOLD:
        return ""
    open_ones = [item for item in (*found.effects, *found.by_learner) if item.side == "open"]
    if found.effects:
        most = max((item.seeds for item in open_ones if np.isfinite(item.seeds)), default=np.inf)
        if np.isinf(most):
            return "Seeds would not: the wrong reward keeps about half of what the true one gives."
        return f"About {most:.0f} seeds (`--seeds {most:.0f}`), if means and spread stay as they are."
    nearest = _nearest(judged)
    parts = [f"Longer training: `{longer}`."] if longer else []
    if nearest is not None and nearest.difference.value > 0.0 and nearest.difference.n > 1:
        reach = nearest.difference.high - nearest.difference.value
        deviation = reach * np.sqrt(nearest.difference.n) / student_quantile(nearest.difference.n - 1)
        seeds = seeds_to_tell(nearest.difference.value, deviation)
        parts += [f"About {seeds:.0f} seeds for {nearest.label}, if it stays so." if np.isfinite(seeds) else ""]
    told = " ".join(filter(None, parts))
    return told or "Nothing here says how: no learner came out above cloning with the longest budget there is."


def _nearest(judged: Sequence[Competence]) -> Competence | None:
    """The learner that came nearest to being competent."""
    told = [item for item in judged if item.verdict != "reads no reward" and item.difference.n > 1]
    return max(told, key=_surely_above, default=None)


def _surely_above(item: Competence) -> float:
    """The difference over half its interval: 1 is competent."""
    reach = item.difference.high - item.difference.value
    return item.difference.value / reach if reach > 0.0 else float(np.sign(item.difference.value)) * np.inf


def _say_nearest(judged: Sequence[Competence], unit: str) -> str:
    nearest = _nearest(judged)
    if nearest is None:
        return "no learner ended well with two seeds that cloning has too"
    of = nearest.difference
    told = f"{of.value:+.1f} (95 % interval {of.low:+.1f} to {of.high:+.1f}, {of.n} seeds; {unit})"
    return f"under the true reward no learner is surely above cloning; {nearest.label}, the nearest, is {told}"


def _say_mixed(found: SetVerdict, unit: str) -> str:
    apart = {"below", "above"} <= {item.side for item in found.effects}
    items = found.effects if apart else (*found.effects, *found.by_learner)
    below, above = ([item for item in items if item.side == side] for side in ("below", "above"))
    worst, best = min(below, key=_order), max(above, key=_order)
    names = [", ".join(dict.fromkeys(_name(item) for item in part)) for part in (above, below)]
    return (
        f"some wrong rewards do as well as the true one ({names[0]}) and some do not ({names[1]}); "
        f"{say_effect(best, unit)}, and {say_effect(worst, unit)}"
    )


def say_effect(item: RewardEffect, unit: str, comma: str = "") -> str:
    """`zero keeps 12 % of what the true reward gives over cloning (95 % interval -5 to 30 %, 5 seeds)`.

    comma   what follows the name, where that stands apart: `the best of them, zero, keeps ...`
    """
    seeds = f"{item.excess.n} seeds"
    if item.by_half and np.isfinite(item.ratio.low):
        low, high = (round(100.0 * end) for end in (item.ratio.low, item.ratio.high))
        kept = f"{round(100.0 * item.ratio.value)} % of what the true reward gives over cloning"
        return f"{_name(item)}{comma} keeps {kept} (95 % interval {low} to {high} %, {seeds})"
    # Told as it is judged: from half of what the true reward gives, from cloning, or from what each learner is held to.
    shift, beside = {
        True: (0.0, "half of what the true reward gives"),
        False: (MARGIN, "cloning"),
        None: (0.0, "the line that each learner is held to"),
    }[item.by_half]
    ends = [f"{end - shift:+.1f}" for end in (item.excess.value, item.excess.low, item.excess.high)]
    return f"{_name(item)}{comma} is {ends[0]} from {beside} (95 % interval {ends[1]} to {ends[2]}, {seeds}; {unit})"


def _order(item: RewardEffect) -> float:
    return item.ratio.value if item.by_half and np.isfinite(item.ratio.value) else item.excess.value


def _name(item: RewardEffect) -> str:
    return f"{item.relabeling} in {item.learner}" if item.learner else item.relabeling
