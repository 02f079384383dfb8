"""The commands of `results`: what was made elsewhere, and what is to go elsewhere; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

results_app = typer.Typer(help="Bring results in, merge folders, push and pull them.", no_args_is_help=True)
Into = Annotated[Path, typer.Option("--results", help="The results folder to add them to.")]


@results_app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file with a row for each run and a column for each return.")],
    results: Into,
) -> None:
    """Add results of another project, marked external in every table."""
    from offline_bench.commands.results_files import import_results

    import_results(file, results)


@results_app.command()
def merge(
    first: Annotated[Path, typer.Argument(help="A results folder.")],
    second: Annotated[Path, typer.Argument(help="Another one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the records of both.")],
    prefer: Annotated[str | None, typer.Option(help="The folder that counts if runs differ: first or second.")] = None,
) -> None:
    """Make two results folders into one; runs that both have are compared."""
    from offline_bench.commands.results_files import merge_results

    merge_results(first, second, output, prefer)


@results_app.command()
def push(
    results: Annotated[Path, typer.Argument(help="A results folder.")],
    repository: Annotated[str, typer.Argument(help="A dataset repository of the Hub, such as me/my-results.")],
) -> None:
    """Put packed records into a dataset repository of the Hugging Face Hub."""
    from offline_bench.commands.results_files import push_results

    push_results(results, repository)


@results_app.command()
def pull(
    repository: Annotated[str, typer.Argument(help="A dataset repository of the Hub, such as me/my-results.")],
    results: Annotated[Path, typer.Argument(help="The folder to fetch them into.")],
    force: Annotated[bool, typer.Option(help="Overwrite packed records that lie there.")] = False,
) -> None:
    """Fetch packed records from a dataset repository of the Hugging Face Hub."""
    from offline_bench.commands.results_files import pull_results

    pull_results(repository, results, force)
