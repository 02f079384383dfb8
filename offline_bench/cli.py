"""The command line: each command names what it wants and hands on; no logic."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from offline_bench import __version__
from offline_bench.commands.audit_command import audit
from offline_bench.commands.datasets_app import datasets_app
from offline_bench.commands.options import (
    Algorithms,
    Checkpoints,
    Curations,
    Datasets,
    Device,
    Executor,
    Folder,
    RayAddress,
    Relabelings,
    Retry,
    ShownFolder,
    ShownSuite,
    SuiteName,
    Workers,
    complete_family,
    read_number,
)
from offline_bench.commands.results_app import results_app
from offline_bench.commands.schemes_app import describe_app, new_app
from offline_bench.commands.tell import tell, tell_error
from offline_bench.core.errors import OfflineBenchError

app = typer.Typer(
    help="Did an offline-RL score come from the reward, or from the data?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(datasets_app, name="datasets")
app.add_typer(results_app, name="results")
app.add_typer(describe_app, name="describe")
app.add_typer(new_app, name="new")
app.command()(audit)

plugins: list[Path] = []


def _print_version(wanted: bool) -> None:
    if wanted:
        tell(f"offline-bench {__version__}")
        raise typer.Exit


@app.callback()
def _load_plugins(
    context: typer.Context,
    plugin: Annotated[list[Path] | None, typer.Option(help="A file that registers schemes; may be repeated.")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    from offline_bench.core.plugins import load_installed, load_plugin

    load_installed()
    context.obj = plugins
    for path in plugin or []:
        load_plugin(path)
        plugins.append(path)


@app.command()
def reproduce(
    suite: SuiteName,
    results: Folder = None,
    workers: Workers = 2,
    device: Device = "cpu",
    retry_failed: Retry = False,
    executor: Executor = "workers",
    ray_address: RayAddress = "",
    checkpoints: Checkpoints = "",
    only: Annotated[
        list[str], typer.Option(help="Only this part, such as 'dataset=hopper/*' or algorithm=atac; may be repeated.")
    ] = [],  # noqa: B006
    dry_run: Annotated[
        bool, typer.Option(help="Measure what the missing runs would cost, and carry out none.")
    ] = False,
) -> None:
    """Carry out the runs of a suite that are not done yet, then write its tables."""
    if dry_run:
        from offline_bench.commands.cost import print_suite_cost

        print_suite_cost(suite, results, only, workers, retry_failed)
        return
    from offline_bench.commands.reproduce import Means, reproduce_suite

    means = Means(workers, plugins, device, retry_failed, executor, ray_address, checkpoints)
    reproduce_suite(suite, results, means, only)


@app.command()
def run(
    dataset: Datasets,
    algorithm: Algorithms,
    relabeling: Relabelings = ["original"],  # noqa: B006
    curation: Curations = ["full"],  # noqa: B006
    seed: Annotated[list[int], typer.Option(help="May be repeated.", parser=read_number, metavar="INTEGER")] = [0],  # noqa: B006
    steps: Annotated[int, typer.Option(help="Gradient steps.")] = 10_000,
    episodes: Annotated[int, typer.Option(help="Evaluation episodes.")] = 10,
    curve: Annotated[
        list[int],
        typer.Option(help="A step to evaluate at on the way; may be repeated.", parser=read_number, metavar="INTEGER"),
    ] = [],  # noqa: B006
    results: Folder = None,
    workers: Workers = 2,
    device: Device = "cpu",
    retry_failed: Retry = False,
    executor: Executor = "workers",
    ray_address: RayAddress = "",
    checkpoints: Checkpoints = "",
) -> None:
    """Carry out every combination of the given names and seeds, and print the leaderboard."""
    from offline_bench.commands.reproduce import Means, run_grid
    from offline_bench.runs.suites import Grid

    grid = Grid(dataset, algorithm, relabeling, seed, steps, episodes, curation, curve)
    means = Means(workers, plugins, device, retry_failed, executor, ray_address, checkpoints)
    run_grid(grid, results, means)


@app.command()
def status(suite: ShownSuite = None, results: ShownFolder = None) -> None:
    """Show how much of a suite, or of --results, is done, and what failed."""
    from offline_bench.commands.show import show_status

    show_status(suite, results)


@app.command(name="list")
def list_names(
    family: Annotated[
        str | None,
        typer.Argument(help="datasets, relabelings, curations, algorithms or suites", autocompletion=complete_family),
    ] = None,
) -> None:
    """List the names of a family, each with a description; without a family, list the families."""
    from offline_bench.commands.show import show_families, show_names

    show_names(family) if family else show_families()


@app.command()
def leaderboard(suite: ShownSuite = None, results: ShownFolder = None) -> None:
    """Print the leaderboard of a suite's committed results, else of its local results, or of --results."""
    from offline_bench.commands.board import print_leaderboard

    print_leaderboard(suite, results)


@app.command()
def report(suite: ShownSuite = None, results: ShownFolder = None) -> None:
    """Write the tables and the page of a suite's committed results, else of its local results, or of --results."""
    from offline_bench.commands.tables import write_report

    write_report(suite, results)


@app.command()
def publish(suite: SuiteName, results: Folder = None) -> None:
    """Pack the finished records of a suite into results/<suite>/, to be committed, and write its tables there."""
    from offline_bench.commands.tables import publish_results

    publish_results(suite, results)


@app.command()
def walk(suite: SuiteName = "grids") -> None:
    """Train a suite's tabular learners again and write the paths that their policies take, for its report to draw."""
    from offline_bench.commands.walk import walk_suite

    walk_suite(suite)


@app.command()
def check(
    family: Annotated[str, typer.Argument(help="relabeling, curation or algorithm")],
    spec: Annotated[str, typer.Argument(help="Such as 'flip(p=0.25)'")],
    steps: Annotated[int | None, typer.Option(help="Gradient steps of an algorithm; more than its warm start.")] = None,
) -> None:
    """Try a scheme or an algorithm against the contract of its family."""
    from offline_bench.commands.show import check_scheme

    check_scheme(family, spec, steps)


@app.command()
def bench(
    algorithm: Annotated[list[str], typer.Option(help="Measure only this one's training; may be repeated.")] = [],  # noqa: B006
    width: Annotated[
        list[int], typer.Option(help="Measure only training at 256 or 64.", parser=read_number, metavar="INTEGER")
    ] = [],  # noqa: B006
    slab: Annotated[
        list[int], typer.Option(help="Measure training in slabs of so many runs; may be repeated.", min=1)
    ] = [],  # noqa: B006
    quick: Annotated[bool, typer.Option(help="A rough answer: slabs of 12, fewer and shorter turns.")] = False,
    profile: Annotated[bool, typer.Option(help="Show where the time of a training step goes, instead.")] = False,
    growth: Annotated[bool, typer.Option(help="Show how the cost grows with slab, dataset and width.")] = False,
    device: Annotated[str, typer.Option(help="Show the cost on cuda or cuda+tf32, and whether bits agree.")] = "cpu",
    json: Annotated[Path | None, typer.Option(help="Also write the numbers to this file.")] = None,
) -> None:
    """Measure loading, relabeling, sampling, evaluation, training and memory side by side with what they replace."""
    from offline_bench.commands.bench import Choice, print_benchmarks, print_profiles
    from offline_bench.commands.bench_device import print_device
    from offline_bench.commands.bench_peers import print_growth

    choice = Choice(algorithm, width, slab, quick)
    if growth:
        choice.check()
        print_growth(algorithm, choice.pace)
    elif device != "cpu":
        choice.check()
        print_device(device, algorithm, width, slab, choice.pace)
    elif profile:
        print_profiles(choice)
    else:
        print_benchmarks(choice, json)


class _Interrupted(BaseException):
    """Ctrl-C, under a name that the command-line library does not turn into its own."""


def _interrupt(number: int, frame: object) -> NoReturn:
    raise _Interrupted


def main() -> None:
    """Run the command line. A mistake of the user's ends in a sentence, never in a traceback."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except OfflineBenchError as error:
        tell_error(error)
        sys.exit(2)
    except _Interrupted:
        tell("\ninterrupted: finished work is saved. Run the same command again to go on from there", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
