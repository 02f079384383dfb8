"""Where the project's own folders lie: what it carries with it, and what is made here."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
IN_CHECKOUT = (CHECKOUT / "datasets" / "cards.toml").is_file() and (CHECKOUT / "pyproject.toml").is_file()
# Where the build of a wheel puts `datasets/` and `results/`, see setup.py.
CARRIED = PACKAGE / "carried"


def project_root() -> Path:
    """The folder that is written to: $OFFLINE_BENCH_HOME, else the checkout, else the user's data folder."""
    home = os.environ.get("OFFLINE_BENCH_HOME")
    if home:
        return Path(home)
    if IN_CHECKOUT:
        return CHECKOUT
    from platformdirs import user_data_path

    return user_data_path("offline-bench", appauthor=False)


def carried_root() -> Path:
    """The folder with what this package brings: its checkout, or what a wheel carries. Nothing is written there."""
    return CHECKOUT if IN_CHECKOUT else CARRIED


def datasets_folder() -> Path:
    """The user's cards and recipes, and the cache."""
    return project_root() / "datasets"


def is_carried(path: Path) -> bool:
    """Whether `path` is of this package and not the user's: nothing is written there."""
    place = path.resolve()
    return place.is_relative_to(carried_root()) and not place.is_relative_to(project_root().resolve())


def dataset_file(name: str) -> Path:
    """A file of `datasets/`, such as cards.toml: the user's own where there is one, else that of this package."""
    own = datasets_folder() / name
    if own.exists():
        return own
    carried = carried_root() / "datasets" / name
    return carried if carried.exists() else own


def cache_folder() -> Path:
    """Datasets built or imported here, in Minari's format; ignored by git."""
    return datasets_folder() / "cache"


def results_folder() -> Path:
    """One folder of results per suite, and what was made here in `local/`."""
    return project_root() / "results"


def suite_files() -> dict[str, Path]:
    """The suite file of each suite by name: the user's own, else that of this package."""
    folders = (carried_root() / "results", results_folder())
    return {path.parent.name: path for folder in folders for path in sorted(folder.glob("*/suite.toml"))}
