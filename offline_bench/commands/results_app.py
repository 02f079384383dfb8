"""The commands of `results`: import, merge, pull and push records; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

results_app = typer.Typer(help="Bring results back, join them, and share them.", no_args_is_help=True)
Repository = Annotated[str, typer.Argument(help="A dataset repository of the Hub, such as me/my-results.")]


@results_app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file: a row a run, then its returns, one an episode.")],
    results: Annotated[Path, typer.Option(help="The folder that the records go to.")],
) -> None:
    """Take in results that were measured elsewhere; every table marks them external."""
    from offline_bench.commands.results_files import import_results

    import_results(file, results)


@results_app.command()
def merge(
    first: Annotated[Path, typer.Argument(help="A results folder.")],
    second: Annotated[Path, typer.Argument(help="Another one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the records of both.")],
    prefer: Annotated[str | None, typer.Option(help="Where a run differs: first or second.")] = None,
) -> None:
    """Join two results folders; a run that differs between them stops it, and is named."""
    from offline_bench.commands.results_files import merge_results

    merge_results(first, second, output, prefer)


@results_app.command()
def push(folder: Annotated[Path, typer.Argument(help="A folder with packed records.")], repository: Repository) -> None:
    """Upload packed records to the Hub; it needs the extra `hub`."""
    from offline_bench.commands.results_files import push_results

    push_results(folder, repository)


@results_app.command()
def pull(repository: Repository, folder: Annotated[Path, typer.Argument(help="Where they go.")]) -> None:
    """Fetch packed records from the Hub; it needs the extra `hub`."""
    from offline_bench.commands.results_files import pull_results

    pull_results(repository, folder)
