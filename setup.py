"""What pyproject.toml cannot say: the cards, policies and suites of a checkout go into the package of a wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# What the commands read; the pages and tables made from it, the cache and local results stay behind.
CARRIED = (
    "datasets/*.toml",
    "datasets/behavior/*/*.safetensors",
    "results/*/suite.toml",
    "results/*/records.parquet",
    "results/*/notes.md",
    "results/*/published.toml",
    "results/*/properties.json",
    "results/*/costs.json",
    "results/*/walks.json",
)
LOCAL = Path("results", "local")  # never carried, whatever lies there


class BuildWithCarried(build_py):
    """Copies them to `offline_bench/carried/`; an editable install reads them where they lie."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "offline_bench", "carried")
        shutil.rmtree(target, ignore_errors=True)
        for path in list_carried():
            self.mkpath(str(target / path.parent))
            self.copy_file(str(path), str(target / path))

    def get_source_files(self) -> list[str]:
        return [*super().get_source_files(), *map(str, list_carried())]


def list_carried() -> list[Path]:
    """The files to carry, relative to this folder."""
    found = {path for pattern in CARRIED for path in Path().glob(pattern)}
    return sorted(path for path in found if path.is_file() and LOCAL not in path.parents)


setup(cmdclass={"build_py": BuildWithCarried})
