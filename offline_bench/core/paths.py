"""Where the project's own folders lie."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """The folder with `datasets/` and `results/`: $OFFLINE_BENCH_HOME, else the checkout this package lies in.

    Where the package was installed without its checkout, the current folder.
    """
    home = os.environ.get("OFFLINE_BENCH_HOME")
    if home:
        return Path(home)
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "datasets" / "cards.toml").exists() else Path.cwd()


def datasets_folder() -> Path:
    """Cards, recipes and behavior policies."""
    return project_root() / "datasets"


def cache_folder() -> Path:
    """Datasets built or imported here, in Minari's format; ignored by git."""
    return datasets_folder() / "cache"


def results_folder() -> Path:
    """One folder of committed results per suite."""
    return project_root() / "results"
