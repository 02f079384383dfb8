"""The commands of `datasets`: build, import, check and describe them; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offline_bench.commands.options import Workers

datasets_app = typer.Typer(help="Build the built-in datasets, and the policies that made them.", no_args_is_help=True)


@datasets_app.command()
def build(
    datasets: Annotated[list[str] | None, typer.Argument(help="Ids; all built-in ones where none is given.")] = None,
    workers: Workers = 2,
    transitions: Annotated[
        int | None, typer.Option(help="Another size, under a name that says so: x/medium-20k-v0 for 20000.", min=1)
    ] = None,
) -> None:
    """Build the built-in datasets that are not in the cache yet."""
    from offline_bench.commands.build import build_datasets

    build_datasets(datasets, workers, transitions)


@datasets_app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A D4RL HDF5 file, or the folder of a Minari dataset.")],
    id: Annotated[str, typer.Option(help="What to call it, such as mine/hopper-medium-v0.")],
    env: Annotated[str | None, typer.Option(help="What a D4RL file comes from: a Gymnasium id, or module:id.")] = None,
    clip_actions: Annotated[bool, typer.Option(help="Clip actions that leave the box of the action space.")] = False,
    drop_broken: Annotated[bool, typer.Option(help="Leave out episodes of a Minari dataset that are none.")] = False,
    ignore: Annotated[list[str], typer.Option(help="An array of a D4RL file to pass over; may be repeated.")] = [],  # noqa: B006
) -> None:
    """Check a D4RL file or a Minari dataset and take it over into the cache under an id."""
    from offline_bench.commands.dataset_files import import_dataset
    from offline_bench.data.loaders.leniency import Leniency

    import_dataset(file, env, id, Leniency(clip_actions, drop_broken, tuple(ignore)))


@datasets_app.command(name="export")
def export_file(
    dataset: Annotated[str, typer.Argument(help="A dataset id.")],
    path: Annotated[Path, typer.Argument(help="A file *.hdf5, or a folder whose name ends in a version: -v0.")],
    to: Annotated[str, typer.Option(help="minari or d4rl")],
    relabeling: Annotated[str, typer.Option(help="Such as negative.")] = "original",
    curation: Annotated[str, typer.Option(help="Such as 'truncate(steps=200)'.")] = "full",
    seed: Annotated[int, typer.Option(help="What a relabeling draws from.", min=0)] = 0,
    force: Annotated[bool, typer.Option(help="Write over an earlier export.")] = False,
) -> None:
    """Write a dataset for other programs to train on, relabeled; the true rewards lie beside, by another name."""
    from offline_bench.commands.dataset_files import export_dataset

    export_dataset(dataset, (relabeling, curation), seed, to, path, force)


@datasets_app.command()
def set_env(
    dataset: Annotated[str, typer.Argument(help="A Minari id.")],
    env: Annotated[str, typer.Option(help="Such as 'MyTask-v0(max_episode_steps=200)' or my_package:MyTask-v0.")],
) -> None:
    """Say in which environment policies of a Minari dataset are scored, and name its package once."""
    from offline_bench.commands.dataset_files import set_scoring_environment

    set_scoring_environment(dataset, env)


@datasets_app.command()
def verify(
    datasets: Annotated[list[str] | None, typer.Argument(help="Ids; all that are on disk where none is given.")] = None,
) -> None:
    """Read datasets whole, compare them to their cards and metadata, and name what differs."""
    from offline_bench.commands.dataset_files import verify_datasets

    verify_datasets(datasets)


@datasets_app.command()
def describe(
    dataset: Annotated[str, typer.Argument(help="A dataset id.")],
    json: Annotated[Path | None, typer.Option(help="Write the numbers to this file too.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw length against score, and where the states lie.")] = None,
    reference: Annotated[str | None, typer.Option(help="A set to compare to, for SACo; default: the task's.")] = None,
) -> None:
    """How a dataset covers its task: what it holds, how good it is, and what decides its scores."""
    from offline_bench.commands.describe import describe_dataset

    describe_dataset(dataset, json, png, reference)


@datasets_app.command()
def train_behavior(name: str, folder: Annotated[Path, typer.Argument(help="Where checkpoints go.")]) -> None:
    """Train the behavior policy of a recipe again, writing every checkpoint to FOLDER."""
    from offline_bench.commands.build import train_behavior_policy

    train_behavior_policy(name, folder)
