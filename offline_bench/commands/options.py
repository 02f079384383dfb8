"""The options that several commands have: what they are called, how they are read, what a shell completes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from offline_bench.core.errors import SpecError

ShownFolder = Annotated[Path | None, typer.Option(help="A folder of records; without a suite, all that is there.")]
Folder = Annotated[Path | None, typer.Option(help="The folder of the records; default results/local/<suite>.")]
Workers = Annotated[int, typer.Option(help="Worker processes, one thread each; 0 runs in this process.", min=0)]
Device = Annotated[str, typer.Option(help="cpu, cuda, or cuda+tf32: faster, with rounder products. Records say which.")]
Executor = Annotated[
    str,
    typer.Option(help="workers: processes of this machine; ray: the nodes of a cluster, --ray-address, else of here."),
]
RayAddress = Annotated[str, typer.Option(help="HOST:PORT of a Ray cluster's head, or auto.")]
Checkpoints = Annotated[
    str,
    typer.Option(help="A folder that all nodes see, or a URL of fsspec: what is half trained survives a node there."),
]
Retry = Annotated[bool, typer.Option(help="Do diverged and failed runs again.")]


def complete(family: str) -> Callable[[str], list[str]]:
    """What a shell may complete where a name of `family` is wanted."""

    def names(incomplete: str) -> list[str]:
        from offline_bench.commands.show import name_all

        return [name for name in name_all(family) if name.startswith(incomplete)]

    return names


def _repeated(what: str, family: str) -> Any:
    return typer.Option(help=f"{what}; may be repeated.", autocompletion=complete(family))


def complete_family(incomplete: str) -> list[str]:
    """The families of names that `incomplete` begins."""
    from offline_bench.commands.show import FAMILIES

    return [family for family in FAMILIES if family.startswith(incomplete)]


_SUITE = "A suite's name, or the path of its file"
SuiteName = Annotated[str, typer.Argument(help=f"{_SUITE}.", autocompletion=complete("suites"))]
ShownSuite = Annotated[
    str | None,
    typer.Argument(
        help=f"{_SUITE}; without it and --results, quick.",
        autocompletion=complete("suites"),
        show_default=False,
    ),
]

Datasets = Annotated[list[str], _repeated("A dataset id", "datasets")]
Algorithms = Annotated[list[str], _repeated("Such as bc or 'iql(expectile=0.9)'", "algorithms")]
Relabelings = Annotated[list[str], _repeated("Such as zero", "relabelings")]
Curations = Annotated[list[str], _repeated("Such as 'truncate(steps=200)'", "curations")]


def read_number(text: str) -> int:
    """One whole number of an option that may be repeated. Raises `SpecError`, naming how several are given."""
    try:
        return int(text)
    except ValueError:
        pass
    parts = [part for part in text.replace(",", " ").split() if part]
    if len(parts) > 1:
        raise SpecError(
            f"{text!r} is not a whole number. To give several, repeat the option with one number each, {len(parts)} "
            "times here"
        )
    raise SpecError(f"{text!r} is not a whole number")
