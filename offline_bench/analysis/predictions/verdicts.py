"""Verdicts: each prediction of a suite held against its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.bounds import Range, keep_within, measure_range
from offline_bench.analysis.decides.design import arrange
from offline_bench.analysis.decides.shares import decompose, share_ratio
from offline_bench.analysis.findings import Competence, Estimate, Verdict
from offline_bench.analysis.frame import keep_longest, select_counted
from offline_bench.analysis.jackknife import jackknife_reach
from offline_bench.analysis.predictions.prediction import COLUMNS, Prediction, Selection
from offline_bench.analysis.scores.competence import is_cloning, name_learner, select_competent
from offline_bench.analysis.scores.leaderboard import ROW_KEY, label_algorithms

Array = npt.NDArray[np.float64]

# The sign of a, b, c and d in each kind that is a sum of means.
SIGNS = {"mean": (1,), "difference": (1, -1), "double-difference": (1, -1, -1, 1)}
WIDE_MEASURES = ("score", "true_return", "length", "lift")


@dataclass(frozen=True)
class Finding:
    """The number that a prediction is of, and what it is made of, in words."""

    number: Estimate
    basis: str


@dataclass(frozen=True)
class Contrast:
    """A sum of means of cells: `values` (cells, seeds) with NaN where there is no run, `weights` (cells,).

    missing   cells that a full grid would have beside these
    within    what the sum can be at all
    """

    values: Array
    weights: Array
    missing: int
    within: Range


def judge(
    predictions: Sequence[Prediction], frame: pd.DataFrame, judged: Sequence[Competence] | None = None
) -> tuple[Verdict, ...]:
    """A verdict for each prediction, from the runs of `frame` that count.

    "holds" where the whole 95 % interval is where it was predicted, "fails" where it is all elsewhere, "open" where
    it is in both or there is none. With `each`, "holds" where it does for all, "fails" where it does for any, with no
    correction for how many they are. The interval of means and differences is the jackknife over seeds with
    Student's t, which with a full grid is the paired t interval of the seeds' own differences; that of a difference of
    shares is put together from the two shares' (Zou & Donner 2008), as if the selections shared no noise.

    judged   of `judge_learners`, in a suite with a gate: only runs of learners that count are judged, and cloning's
             where a selection names cloning alone, as what others are held to. A case that nobody is left for is open.
    """
    rows = select_counted(frame)
    rows = rows.assign(lift=rows["score"] - rows["behavior_score"]) if "behavior_score" in rows else rows
    return tuple(_judge(prediction, rows, judged) for prediction in predictions)


def _judge(prediction: Prediction, rows: pd.DataFrame, judged: Sequence[Competence] | None) -> Verdict:
    if judged is None:
        return _decide_cases(prediction, {name: _find(prediction, g) for name, g in _groups(prediction, rows).items()})
    speaking = _speaking(prediction, rows, judged)
    groups = {
        name: group[speaking.loc[group.index].to_numpy(bool)]
        for name, group in _groups(prediction, rows).items()
        # Of cloning alone nothing was to be told of rewards.
        if speaking.loc[group.index].any() or not all(map(is_cloning, group["algorithm"]))
    }
    findings = {
        name: _find(prediction, group) if len(group) else Finding(Estimate(), "no run of a competent learner")
        for name, group in groups.items()
    }
    found = _decide_cases(prediction, findings)
    taken = rows[np.any([_mask(selection, rows) for selection in prediction.selections()], axis=0)]
    keys = set(taken[ROW_KEY].itertuples(index=False, name=None))
    silent = [item for item in judged if item.key in keys and not item.counts and not is_cloning(item.algorithm)]
    if not silent:
        return found
    names = tuple(name_learner(item) for item in silent)
    figures = f"{found.figures}; left out, as not competent: {', '.join(names)}"
    return replace(found, figures=figures, left_out=names)


def _speaking(prediction: Prediction, rows: pd.DataFrame, judged: Sequence[Competence]) -> pd.Series[bool]:
    """Whether each row may stand behind this prediction."""
    speaking = pd.Series(rows.index.isin(select_competent(rows, judged).index), index=rows.index)
    for selection in prediction.selections():
        texts = [text for column, named in selection.columns if column == "algorithm" for text in named]
        if texts and all(is_cloning(text) for text in texts):
            speaking |= _mask(selection, rows)
    return speaking


def _decide_cases(prediction: Prediction, findings: Mapping[str, Finding]) -> Verdict:
    outcomes = {name: _decide(prediction, finding.number) for name, finding in findings.items()}
    count = list(outcomes.values()).count
    verdict = "fails" if count("fails") else "open" if count("open") or not outcomes else "holds"
    cases = tuple((name, outcomes[name], _say(prediction, finding)) for name, finding in findings.items())
    if prediction.each and cases:
        figures = f"{count('holds')} hold, {count('fails')} fail, {count('open')} open of {len(cases)}"
        return Verdict(prediction.name, prediction.text, verdict, figures, cases)
    return Verdict(prediction.name, prediction.text, verdict, cases[0][2] if cases else "no run fits it")


def _groups(prediction: Prediction, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows that any selection takes; split by the columns of `each`, in order, named by their values."""
    taken = np.any([_mask(selection, rows) for selection in prediction.selections()], axis=0)
    rows = rows[taken]
    if not prediction.each:
        return {"": rows} if len(rows) else {}
    labels = label_algorithms(set(rows["algorithm"]))
    labelled = rows.assign(algorithm=[labels[text] for text in rows["algorithm"]])
    keys = [" · ".join(map(str, key)) for key in labelled[list(prediction.each)].itertuples(index=False, name=None)]
    names = np.array(keys, dtype=object)
    return {name: rows[names == name] for name in sorted(set(keys))}


def _mask(selection: Selection, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    mask = np.ones(len(rows), bool)
    for column, _ in selection.columns:
        texts = [str(text) for text in rows[column].unique()]
        narrow = Selection(tuple(one for one in selection.columns if one[0] == column))
        mask &= rows[column].isin([text for text in texts if narrow.holds({column: text})]).to_numpy(bool)
    return mask


def _find(prediction: Prediction, rows: pd.DataFrame) -> Finding:
    chosen = [rows[_mask(selection, rows)] for selection in prediction.selections()]
    if prediction.kind == "share-ratio":
        ratio = share_ratio(chosen[0], prediction.source, prediction.over)
        return Finding(ratio, f"{ratio.n} runs")
    if prediction.kind.startswith("share"):
        shares = [dict(decompose("", arrange(one)).shares)[prediction.source] for one in chosen]
        basis = " and ".join(f"{share.n} runs" for share in shares)
        return Finding(shares[0] if len(shares) == 1 else _subtract(shares[0], shares[1]), basis)
    contrast = _contrast(prediction, rows)
    if contrast is None:
        return Finding(Estimate(), f"no runs to compare by {prediction.measure}")
    number = _estimate(contrast)
    missing = f", {contrast.missing} missing or without a counterpart" if contrast.missing else ""
    cells = f"{len(contrast.values)} cell{'' if len(contrast.values) == 1 else 's'}"
    return Finding(number, f"{number.n} runs in {cells}{missing}")


def _subtract(one: Estimate, other: Estimate) -> Estimate:
    """The difference of two shares with intervals of their own (Zou & Donner 2008)."""
    value = one.value - other.value
    low = value - np.hypot(one.value - one.low, other.high - other.value)
    high = value + np.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, *keep_within(float(low), float(high), (-1.0, 1.0)), one.n + other.n)


def _contrast(prediction: Prediction, rows: pd.DataFrame) -> Contrast | None:
    """None where no setting of the columns that the prediction does not name has runs in every selection."""
    measure = prediction.measure
    if measure not in rows:
        return None
    rows = rows[np.isfinite(rows[measure].to_numpy(float))]
    rows = keep_longest(rows)
    if not len(rows):
        return None
    table = rows.pivot(index=list(COLUMNS), columns="seed", values=measure)
    cells = table.index.to_frame(index=False)
    masks = [_mask(selection, cells) for selection in prediction.selections()]
    named = {c for one in (prediction.a, prediction.b, prediction.c, prediction.d) if one for c, _ in one.columns}
    setting = _number([column for column in COLUMNS if column not in named], cells)
    variant = _number([column for column in COLUMNS if column in named], cells)
    shared = [s for s in np.unique(setting) if all(mask[setting == s].any() for mask in masks)]
    weights, missing = np.zeros(len(cells)), 0
    for sign, mask in zip(SIGNS[prediction.kind], masks, strict=True):
        variants, settings = len(np.unique(variant[mask])), len(np.unique(setting[np.any(masks, axis=0)]))
        for one in shared:
            weights += sign * (mask & (setting == one)) / (mask & (setting == one)).sum() / len(shared)
        missing += variants * settings - int((mask & np.isin(setting, shared)).sum())
    used = np.any(masks, axis=0) & np.isin(setting, shared)
    if not len(shared):
        return None
    within = _sum_ranges(weights[used], _cell_ranges(measure, cells[used], rows))
    return Contrast(table.to_numpy(float)[used], weights[used], missing, within)


def _cell_ranges(measure: str, cells: pd.DataFrame, rows: pd.DataFrame) -> Array:
    """(cells, 2) what `measure` can be in each cell; a lift is a score less what the data itself scores."""
    if measure != "lift":
        return np.array([measure_range(str(name), measure) for name in cells["dataset"]], float)
    scores = np.array([measure_range(str(name), "score") for name in cells["dataset"]], float)
    behavior = rows.groupby(list(COLUMNS))["behavior_score"].mean()
    known = behavior.loc[list(cells.itertuples(index=False, name=None))].to_numpy(float)
    return np.asarray(scores - known[:, None])


def _sum_ranges(weights: Array, ranges: Array) -> Range:
    """What the weighted sum of cells can be, each within its range."""
    kept = weights != 0.0
    weights, ranges = weights[kept], ranges[kept]
    ends = np.where(weights[:, None] > 0.0, ranges, ranges[:, ::-1])
    low, high = (weights[:, None] * ends).sum(axis=0)
    return float(low), float(high)


def _number(columns: list[str], cells: pd.DataFrame) -> npt.NDArray[np.int64]:
    if not columns:
        return np.zeros(len(cells), np.int64)
    return np.asarray(cells.groupby(columns).ngroup().to_numpy(), np.int64)


def _estimate(contrast: Contrast) -> Estimate:
    values = contrast.values[:, np.isfinite(contrast.values).any(axis=0)]
    counts = np.isfinite(values).sum(axis=1)
    number = float(contrast.weights @ np.nanmean(values, axis=1))
    runs, seeds = int(counts.sum()), values.shape[1]
    if counts.min() < 2:
        return Estimate(number, n=runs)
    without = [contrast.weights @ np.nanmean(np.delete(values, at, axis=1), axis=1) for at in range(seeds)]
    reach = jackknife_reach(np.array(without), int(counts.min()) - 1)
    return Estimate(number, *keep_within(number - reach, number + reach, contrast.within), runs)


def _decide(prediction: Prediction, number: Estimate) -> str:
    low, high = number.low, number.high
    if np.isnan(low) or np.isnan(high):
        return "open"
    if prediction.expect == "near":
        least, most = prediction.to - prediction.within, prediction.to + prediction.within
        holds, fails = least <= low and high <= most, high < least or low > most
    elif prediction.expect == "greater":
        holds, fails = low > prediction.than, high <= prediction.than
    else:
        holds, fails = high < prediction.than, low >= prediction.than
    return "holds" if holds else "fails" if fails else "open"


def _say(prediction: Prediction, finding: Finding) -> str:
    number = finding.number
    if np.isnan(number.value):
        return f"nothing to tell ({finding.basis})"
    digits = 1 if prediction.measure in WIDE_MEASURES and not prediction.kind.startswith("share") else 3
    sign = "+" if "difference" in prediction.kind else ""
    if prediction.kind == "share-ratio":
        digits = 2

    def text(value: float) -> str:
        # Adding 0 turns −0.0 into 0.0.
        return "∞" if np.isinf(value) else f"{round(value, digits) + 0.0:{sign}.{digits}f}"

    if np.isnan(number.low):
        return f"{text(number.value)} (too few seeds for an interval; {finding.basis})"
    return f"{text(number.value)} (95 % interval {text(number.low)} to {text(number.high)}; {finding.basis})"
