"""The command `audit`: its options, and which of the two audits they ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from offline_bench.commands.options import Device, Folder, Retry, Workers, complete


def audit(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="A dataset id: is it reward-sensitive?", autocompletion=complete("datasets"))
    ],
    budget: Annotated[str, typer.Option(help="minutes, hour or night; what each takes here is said first.")] = "hour",
    seeds: Annotated[int, typer.Option(help="How many, from 0.")] = 5,
    steps: Annotated[int, typer.Option(help="Gradient steps instead of the budget's.", min=0)] = 0,
    learner: Annotated[list[str], typer.Option(help="Instead of the budget's learners; may be repeated.")] = [],  # noqa: B006
    results: Folder = None,
    workers: Workers = 2,
    device: Device = "cpu",
    retry_failed: Retry = False,
) -> None:
    """Ask whether a dataset is reward-sensitive; ends in a verdict, with a card, a page and JSON to keep."""
    from offline_bench.commands.audit import audit_dataset
    from offline_bench.commands.reproduce import Means
    from offline_bench.runs.audit_plan import Wish

    wish = Wish(dataset, budget, seeds=seeds, steps=steps, learners=tuple(learner))
    audit_dataset(wish, results, Means(workers, context.obj or (), device, retry_failed))
