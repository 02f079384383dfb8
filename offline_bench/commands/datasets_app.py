"""The commands of `datasets`: build, import, check and describe them; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offline_bench.commands.options import Workers

datasets_app = typer.Typer(help="Build, import, check and describe datasets.", no_args_is_help=True)


@datasets_app.command()
def build(
    datasets: Annotated[list[str] | None, typer.Argument(help="Ids; without any, all built-in ones.")] = None,
    workers: Workers = 2,
    transitions: Annotated[
        int | None, typer.Option(help="Build another size, with a name that says so: x/medium-20k-v0 for 20000.", min=1)
    ] = None,
) -> None:
    """Build the built-in datasets that are not in the cache yet."""
    from offline_bench.commands.build import build_datasets

    build_datasets(datasets, workers, transitions)


@datasets_app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A D4RL HDF5 file, or the folder of a Minari dataset.")],
    id: Annotated[str, typer.Option(help="Its new id, such as mine/hopper-medium-v0.")],
    env: Annotated[
        str | None, typer.Option(help="The environment of a D4RL file: a Gymnasium id, or module:id.")
    ] = None,
    clip_actions: Annotated[bool, typer.Option(help="Clip actions that leave the box of the action space.")] = False,
    drop_broken: Annotated[bool, typer.Option(help="Leave out the broken episodes of a Minari dataset.")] = False,
    ignore: Annotated[list[str], typer.Option(help="An array of a D4RL file to pass over; may be repeated.")] = [],  # noqa: B006
) -> None:
    """Check a D4RL file or a Minari dataset and take it over into the cache under an id."""
    from offline_bench.commands.dataset_files import import_dataset
    from offline_bench.data.loaders.leniency import Leniency

    import_dataset(file, env, id, Leniency(clip_actions, drop_broken, tuple(ignore)))


@datasets_app.command(name="export")
def export_file(
    dataset: Annotated[str, typer.Argument(help="A dataset id.")],
    path: Annotated[Path, typer.Argument(help="The file to write, or the folder of the Minari dataset.")],
    to: Annotated[str, typer.Option(help="minari or d4rl.")],
    relabeling: Annotated[
        str, typer.Option(help="The relabeling whose rewards are written, beside the true ones.")
    ] = "original",
    curation: Annotated[str, typer.Option(help="The curation of the transitions that are written.")] = "full",
    seed: Annotated[int, typer.Option(help="Seed of the relabeling.", min=0)] = 0,
    force: Annotated[bool, typer.Option(help="Overwrite what lies at PATH.")] = False,
) -> None:
    """Write a dataset, curated and relabeled, for other code to train on."""
    from offline_bench.commands.taking_away import export_dataset

    export_dataset(dataset, to, path, curation, relabeling, seed, force)


@datasets_app.command()
def set_env(
    dataset: Annotated[str, typer.Argument(help="A Minari id.")],
    env: Annotated[str, typer.Option(help="Such as 'MyTask-v0(max_episode_steps=200)' or my_package:MyTask-v0.")],
) -> None:
    """Set the environment in which policies of a Minari dataset are scored, and allow its package."""
    from offline_bench.commands.dataset_files import set_scoring_environment

    set_scoring_environment(dataset, env)


@datasets_app.command()
def verify(
    datasets: Annotated[list[str] | None, typer.Argument(help="Ids; without any, all that are on disk.")] = None,
) -> None:
    """Read datasets whole, compare them to their cards and metadata, and name what differs."""
    from offline_bench.commands.dataset_files import verify_datasets

    verify_datasets(datasets)


@datasets_app.command()
def describe(
    dataset: Annotated[str, typer.Argument(help="A dataset id.")],
    json: Annotated[Path | None, typer.Option(help="Write the numbers to this file too.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw length against score, and where the states lie.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="A set to compare to, for SACo; default: the task's set.")
    ] = None,
) -> None:
    """Show how a dataset covers its task: what it holds, how good it is, and what decides its scores."""
    from offline_bench.commands.describe import describe_dataset

    describe_dataset(dataset, json, png, reference)


@datasets_app.command()
def train_behavior(name: str, folder: Annotated[Path, typer.Argument(help="Where checkpoints go.")]) -> None:
    """Train the behavior policy of a recipe again, and write every checkpoint to FOLDER."""
    from offline_bench.commands.build import train_behavior_policy

    train_behavior_policy(name, folder)
