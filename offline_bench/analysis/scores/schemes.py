"""Which property of a wrong reward predicts its score: relabelings beside the share of the true one's lift."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import Competence, Estimate
from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.scores.competence import cloning_by_seed, scores_by_seed, unit_of
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING
from offline_bench.core.errors import RecordError
from offline_bench.schemes.relabel.accuracy import correlate_ranks

Array = npt.NDArray[np.float64]
# Dataset → relabeling → property → its mean over seeds; None where it is undefined.
Measured = Mapping[str, Mapping[str, Mapping[str, float | None]]]

PREDICTORS = (
    "step_correlation",
    "return_rank_correlation",
    "length_correlation",
    "ending_pays",
)
FRAMES = 2_000
ENTROPY = 90_210
FEWEST = 5  # relabelings, for a rank correlation to say anything


@dataclass(frozen=True)
class Scheme:
    """One relabeling under one learner on one set: its score, K/L, and its properties in the order of `PREDICTORS`."""

    relabeling: str
    score: float
    kept: float
    seeds: int
    properties: tuple[float | None, ...]


@dataclass(frozen=True)
class SchemeTable:
    """The relabelings of a competent learner on a set, what is left most first; how well each property predicts it.

    true, cloning  mean score under the true reward, and of cloning, over the seeds that both have
    predictors     rank correlation of each property with what is left, with a 95 % interval over relabelings
    """

    dataset: str
    label: str
    true: float
    cloning: float
    schemes: tuple[Scheme, ...]
    predictors: tuple[Estimate, ...]


def load_properties(folder: Path) -> Measured:
    """`properties.json` of a suite's folder; empty where there is none. Raises `RecordError` for another file."""
    path = folder / "properties.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {d: {r: _read_properties(found) for r, found in schemes.items()} for d, schemes in content.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise RecordError(f"{path} is not a file of `describe suite` ({error}): run that command again") from error


def _read_properties(found: Mapping[str, Any]) -> dict[str, float | None]:
    wrong = [name for name, value in found.items() if value is not None and not _is_number(value)]
    if wrong:
        raise ValueError(f"{wrong[0]} is {found[wrong[0]]!r:.80}, not a number")
    return dict(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def compare_schemes(
    frame: pd.DataFrame, judged: Sequence[Competence], properties: Measured
) -> tuple[tuple[SchemeTable, ...], tuple[Competence, ...]]:
    """A table for each learner that the gate passes on a set with `properties`; and the learners left out.

    What is left is K/L = (score(r̃) − score(bc)) / (score(r) − score(bc)), means over the seeds that all three have.
    The interval of a rank correlation is of relabelings drawn anew with replacement (percentiles of `FRAMES`).
    """
    runs = select_counted(frame)
    asked = [item for item in judged if item.dataset in properties and item.verdict != "reads no reward"]
    passed = [item for item in asked if item.competent and item.true > item.cloning]
    tables = [_tabulate(runs, item, properties[item.dataset]) for item in passed]
    return tuple(table for table in tables if table.schemes), tuple(item for item in asked if item not in passed)


def _tabulate(runs: pd.DataFrame, item: Competence, properties: Mapping[str, Mapping[str, Any]]) -> SchemeTable:
    here = runs[(runs["dataset"] == item.dataset) & (runs["curation"] == item.curation)]
    unit = unit_of(here)
    base = [scores_by_seed(here, item, TRUE_RELABELING, unit), cloning_by_seed(here, item, unit)]
    found = []
    for name in sorted(set(here["relabeling"]) & set(properties) - {TRUE_RELABELING}):
        scores = pd.concat([*base, scores_by_seed(here, item, name, unit)], axis=1, join="inner").to_numpy(float)
        if len(scores):
            true, cloning, wrong = scores.mean(axis=0)
            kept = (wrong - cloning) / (true - cloning) if true > cloning else np.nan
            told = tuple(properties[name].get(key) for key in PREDICTORS)
            found.append(Scheme(name, float(wrong), float(kept), len(scores), told))
    # Where nothing is known of what is left, it stands last: NaN has no order.
    found.sort(key=lambda one: (np.isnan(one.kept), -np.nan_to_num(one.kept), one.relabeling))
    predictors = tuple(_predict(found, number) for number in range(len(PREDICTORS)))
    return SchemeTable(item.dataset, item.label, item.true, item.cloning, tuple(found), predictors)


def _predict(schemes: Sequence[Scheme], number: int) -> Estimate:
    """How property `number` goes with what is left, by ranks; NaN where fewer than `FEWEST` relabelings have it."""
    pairs = [(one.properties[number], one.kept) for one in schemes if np.isfinite(one.kept)]
    known = np.array([(told, kept) for told, kept in pairs if told is not None], np.float64).reshape(-1, 2)
    whole = correlate_ranks(known[:, 0], known[:, 1]) if len(known) >= FEWEST else None
    if whole is None:
        return Estimate(n=len(known))
    rng = np.random.default_rng(ENTROPY)
    drawn = [known[rng.integers(0, len(known), len(known))] for _ in range(FRAMES)]
    values = [value for one in drawn if (value := correlate_ranks(one[:, 0], one[:, 1])) is not None]
    low, high = np.quantile(values, [0.025, 0.975]) if values else (np.nan, np.nan)
    return Estimate(whole, float(low), float(high), len(known))
