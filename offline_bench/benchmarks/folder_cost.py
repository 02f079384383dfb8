"""What a look at a folder of packed records costs, against the parsing of all of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from offline_bench.evaluation.sketch import FEATURES
from offline_bench.runs.record import CurvePoint, Record, Run
from offline_bench.runs.store import Reading, pack_records, read_briefs, read_heads, read_records

EPISODES = 10
STEPS = 8_000
DATASETS, SEEDS = 10, 10
LOSSES = ("actor_loss", "critic_loss", "bellman", "entropy")
VERSIONS = ("d3rlpy", "gymnasium", "minari", "mujoco", "numpy", "offline-bench", "python", "torch")


@dataclass(frozen=True)
class FolderCost:
    """Medians over rounds in which the three take turns, in seconds of processor time, a ratio that of each round's.

    heads    what `status` reads, `heads_ratio` over `whole`
    briefs   what `leaderboard` reads, `briefs_ratio` over `whole`
    whole    all records, parsed and looked at
    """

    records: int
    heads: float
    briefs: float
    whole: float
    heads_ratio: float
    briefs_ratio: float


def measure_folder(records: int = 4_000, rounds: int = 5) -> FolderCost:
    """Pack made-up records, as large as those of a locomotion suite, into a scratch folder, and read them each way."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pack_records(folder, make_records(records))
        times = [[_time(read, folder) for read in (read_heads, read_briefs, read_records)] for _ in range(rounds)]
    heads, briefs, whole = (median(column) for column in zip(*times, strict=True))
    return FolderCost(
        records,
        heads=heads,
        briefs=briefs,
        whole=whole,
        heads_ratio=median(one[0] / one[2] for one in times),
        briefs_ratio=median(one[1] / one[2] for one in times),
    )


def make_records(count: int) -> list[Record]:
    """Records of `count` runs, with random numbers of as many digits as measured ones have."""
    rng = np.random.default_rng(0)
    return [_make_record(number, rng) for number in range(count)]


def _make_record(number: int, rng: np.random.Generator) -> Record:
    cell, seed = divmod(number, SEEDS)
    relabeling = f"noisy(scale={cell // DATASETS / 10})"
    run = Run(f"benchmark/folder-{cell % DATASETS}-v0", "full", relabeling, "bc", seed, STEPS, EPISODES)
    points = [
        CurvePoint(
            step, rng.normal(size=EPISODES).tolist(), dict(zip(LOSSES, rng.normal(size=4).tolist(), strict=True))
        )
        for step in (STEPS // 2, STEPS)
    ]
    measured = {"transitions": 100_000.0, "episodes": 200.0, "mean_length": 500.0, "mean_return": float(rng.normal())}
    names = ("dataset", "policy", "relabeling_source", "curation_source")
    return Record(
        run,
        "ok",
        returns=points[-1].returns,
        lengths=[1000] * EPISODES,
        curve=points,
        sketch=[round(value, 6) for value in rng.normal(size=FEATURES).tolist()],
        support=dict(zip(("in_support", "concentrability", "effective_share"), rng.random(3).tolist(), strict=True)),
        data=measured,
        fingerprints={name: rng.bytes(8).hex() for name in names},
        provenance={
            "trainer": "stacked",
            "device": "cpu",
            "seconds": 11.9,
            "versions": dict.fromkeys(VERSIONS, "1.2.3"),
        },
    )


def _time(read: Callable[[Path], Reading], folder: Path) -> float:
    started = time.process_time()
    read(folder)
    return time.process_time() - started
