"""The command line before anything trains: `describe relabeling`, `suite` and `costs`, `new relabeling`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offline_bench.commands.options import SuiteName

describe_app = typer.Typer(
    help="Show what a relabeling asks for, or what settings cost, before anything trains.", no_args_is_help=True
)
new_app = typer.Typer(help="Begin a scheme of your own: a file that works, and its test.", no_args_is_help=True)


@describe_app.callback()
def _describe() -> None:
    """Show what a relabeling asks for, or what settings cost, before anything trains."""


@new_app.callback()
def _new() -> None:
    """Begin a scheme of your own: a file that works, and its test."""


@describe_app.command("relabeling")
def describe_relabeling(
    spec: Annotated[str, typer.Argument(help="A relabeling, such as 'noisy(scale=0.5)'.")],
    dataset: Annotated[str, typer.Option(help="A dataset id.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of its random stream.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write the numbers to this file too.")] = None,
    png: Annotated[
        Path | None, typer.Option(help="Draw rewards, and returns against true returns and lengths.")
    ] = None,
) -> None:
    """Show how new rewards are distributed, what they go with, and whether ending early pays."""
    from offline_bench.commands.relabelings import print_relabeling

    print_relabeling(spec, dataset, seed, json, png)


@describe_app.command("suite")
def describe_suite_command(suite: SuiteName) -> None:
    """Measure the relabelings of a suite on its data, and write properties.json beside its file."""
    from offline_bench.commands.relabelings import describe_suite

    describe_suite(suite)


@describe_app.command("costs")
def describe_costs_command(suite: SuiteName) -> None:
    """Measure what each setting of a suite costs here, and write costs.json beside its file."""
    from offline_bench.commands.describe_costs import describe_costs

    describe_costs(suite)


@new_app.command("relabeling")
def new_relabeling(name: Annotated[str, typer.Argument(help="Its name in specs, such as my-reward.")]) -> None:
    """Write a relabeling that works and its test into the current folder."""
    from offline_bench.commands.relabelings import begin_relabeling

    begin_relabeling(name, Path())
