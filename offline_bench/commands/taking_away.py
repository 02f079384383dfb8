"""Taking data away: curate, relabel, write, and say how it is read again."""

from __future__ import annotations

import shlex
from pathlib import Path

import offline_bench
from offline_bench.commands.tell import tell
from offline_bench.data.loaders import load
from offline_bench.data.loaders.export import check_target, export
from offline_bench.schemes.curate import curate, curations
from offline_bench.schemes.relabel import relabel, relabelings


def export_dataset(dataset: str, to: str, path: Path, curation: str, relabeling: str, seed: int, force: bool) -> None:
    """Write `dataset`, curated and relabeled, to `path` as `to`, and print what it is and how to read it again."""
    check_target(to, path, force)
    # Mistyped schemes are told before a large set is read.
    curations.bind(curation), relabelings.bind(relabeling)
    data = relabel(curate(load(dataset), curation), relabeling, seed)
    export(data, to, path, {"seed": str(seed), "version": offline_bench.__version__})
    tell(
        f"{path}: {data.n_episodes} episodes, {data.n} transitions of {data.id}, curation {data.curation}, rewards of "
        f"{data.relabeling} (seed {seed}), fingerprint {data.fingerprint}. The true rewards lie beside them in infos."
    )
    words = ["offline-bench", "datasets", "import", str(path)]
    words += ["--env", data.environment] if to == "d4rl" and data.environment else []
    tell(f"To read it again: {shlex.join([*words, '--id', 'mine/NAME-v0'])}")
