"""Frames of runs with scores made by hand, for tests of the analysis: rows as `to_frame` makes them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from offline_bench.analysis.frame import COLUMNS


def runs(scores: Iterable[float], relabeling="original", algorithm="iql", **columns) -> list[dict]:
    """One run that ended well for each score, its seeds 0, 1, 2, ...; the true return is ten times the score."""
    row = {
        "dataset": "toy/one",
        "curation": "full",
        "relabeling": relabeling,
        "algorithm": algorithm,
        "steps": 100,
        "episodes": 2,
        "status": "ok",
        "reason": "",
        "stale": "",
        "behavior_score": 30.0,
        **columns,
    }
    return [
        {**row, "seed": seed, "score": float(score), "true_return": 10.0 * float(score)} | _keep(columns, "seed")
        for seed, score in enumerate(scores)
    ]


def frame_of(rows: list[dict]) -> pd.DataFrame:
    named = [{"key": str(at), **row} for at, row in enumerate(rows)]
    return pd.DataFrame(named, columns=list(COLUMNS)).astype(COLUMNS)


def _keep(columns: dict, name: str) -> dict:
    return {name: columns[name]} if name in columns else {}
