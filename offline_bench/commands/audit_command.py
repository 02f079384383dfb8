"""The command `audit`: its options, and which of the two audits they ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from offline_bench.commands.options import Checkpoints, Device, Executor, Folder, RayAddress, Retry, Workers, complete


def audit(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="A dataset id: is it reward-sensitive?", autocompletion=complete("datasets"))
    ] = "",
    algorithm: Annotated[
        str, typer.Option(help="A learner: does it use its reward?", autocompletion=complete("algorithms"))
    ] = "",
    budget: Annotated[
        str, typer.Option(help="For a dataset: minutes, hour or night. The audit says first how long each takes here.")
    ] = "hour",
    seeds: Annotated[int, typer.Option(help="For a dataset: how many seeds, from 0.")] = 5,
    steps: Annotated[int, typer.Option(help="Gradient steps, instead of the budget's or the suite's.", min=0)] = 0,
    learner: Annotated[list[str], typer.Option(help="For a dataset: instead of the budget's; may be repeated.")] = [],  # noqa: B006
    suite: Annotated[
        str, typer.Option(help="For a learner: the suite of its sets and rivals.", autocompletion=complete("suites"))
    ] = "quick",
    results: Folder = None,
    workers: Workers = 2,
    device: Device = "cpu",
    retry_failed: Retry = False,
    executor: Executor = "workers",
    ray_address: RayAddress = "",
    checkpoints: Checkpoints = "",
) -> None:
    """Ask whether a dataset is reward-sensitive, or whether a learner uses its reward; ends in a verdict to keep."""
    from offline_bench.commands.audit import audit_dataset
    from offline_bench.commands.audit_learner import audit_algorithm
    from offline_bench.commands.reproduce import Means
    from offline_bench.core.errors import SpecError
    from offline_bench.runs.audit_plan import Wish

    if bool(dataset) == bool(algorithm):
        raise SpecError("an audit is of a dataset or of a learner: give --dataset ID or --algorithm SPEC")
    means = Means(workers, context.obj or (), device, retry_failed, executor, ray_address, checkpoints)
    if algorithm:
        audit_algorithm(algorithm, suite, steps, results, means)
    else:
        audit_dataset(Wish(dataset, budget, seeds=seeds, steps=steps, learners=tuple(learner)), results, means)
