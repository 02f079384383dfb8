"""Building the built-in datasets, and training the policies that made them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from offline_bench.behaviors.collect import find_recipe, load_recipes, size_id, write_collected
from offline_bench.behaviors.training import train_behavior
from offline_bench.commands.display import open_bar
from offline_bench.commands.tell import tell
from offline_bench.core.claims import Claims
from offline_bench.core.errors import OfflineBenchError, UnknownNameError
from offline_bench.core.paths import cache_folder
from offline_bench.core.registry import unknown_name
from offline_bench.data.loaders import load
from offline_bench.data.loaders.cards import Card, find_newest, load_cards
from offline_bench.runs.executors import Died, Done, Progressed, execute

# Seconds between two looks at what others are building.
POLL = 0.5


@dataclass(frozen=True)
class Order:
    """A built-in dataset to build, at its recipe's size or with so many `transitions`."""

    card: Card
    transitions: int | None = None

    @property
    def id(self) -> str:
        """What it is called: at another size it is another dataset."""
        if self.transitions in (None, find_recipe(self.card).transitions):
            return self.card.id
        return size_id(self.card.id, self.transitions or 0)


def build_datasets(ids: Sequence[str] | None, workers: int, transitions: int | None = None) -> None:
    """Build those of `ids`, else the newest version of every set with a recipe, that the cache lacks.

    Each is compared to its card, and says so.

    With `transitions`, at that size and under a name that says so: what stands on the cards stays as it is.
    """
    built_in = _built_in()
    wanted = list(ids or [dataset for dataset in built_in if find_newest(dataset, built_in) == dataset])
    for dataset in wanted:
        if dataset not in built_in:
            raise UnknownNameError(unknown_name("built-in dataset", dataset, built_in))
    built = _build_missing([Order(built_in[dataset], transitions) for dataset in wanted], workers)
    if built < len(wanted):
        tell(f"{len(wanted) - built} of {len(wanted)} datasets were already in {cache_folder()}")


def build_missing(ids: Iterable[str], workers: int) -> int:
    """Build those of `ids` that are built in and that the cache lacks; how many those were."""
    built_in = _built_in()
    return _build_missing([Order(built_in[id_]) for id_ in ids if id_ in built_in], workers)


def collect_and_compare(order: Order, progress: Callable[[float], None]) -> str:
    """Build a dataset; a line on what came out, whether it is the one of the card to the bit, and still the newest."""
    card = order.card
    recipe = find_recipe(card)
    write_collected(card, replace(recipe, transitions=order.transitions or recipe.transitions), order.id, progress)
    data = load(order.id)
    line = f"{data.id}: {data.n_episodes} episodes, {data.n} transitions, mean return {data.true_returns.mean():.0f}"
    line += f", fingerprint {data.fingerprint}{_compare(order, data.fingerprint)}"
    newest = find_newest(card.id, _built_in())
    return line if newest == card.id else f"{line}; superseded by {newest}"


def _compare(order: Order, fingerprint: str) -> str:
    card = order.card
    if order.id != card.id:
        return f": another size of {card.id}, so not the fingerprint on its card"
    if fingerprint == card.fingerprint:
        return " as on its card"
    return f", but its card has {card.fingerprint or 'none'}: the bytes differ, and results may differ in detail"


def _build_missing(orders: list[Order], workers: int) -> int:
    missing = {order.id: order for order in orders if not _is_built(order)}
    if missing:
        with Claims(cache_folder()) as claims:
            _build_with_others(missing, workers, claims)
    return len(missing)


def _build_with_others(missing: dict[str, Order], workers: int, claims: Claims) -> None:
    """Build those of `missing` that nobody else is building; wait for the rest, and build what comes to nothing."""
    told: set[str] = set()
    while missing:
        theirs = claims.take(list(missing))
        # Looked up once they are in hand: from now on nobody else builds them.
        ours = [order for id_, order in missing.items() if id_ not in theirs and not _is_built(order)]
        if ours:
            _build(ours, workers)
        claims.release([id_ for id_ in missing if id_ not in theirs])
        for id_ in theirs.keys() - told:
            tell(f"waiting for {id_}: it is being built by {theirs[id_]}", err=True)
        told.update(theirs)
        missing = {id_: order for id_, order in missing.items() if id_ in theirs}
        if missing:
            time.sleep(POLL)


def _is_built(order: Order) -> bool:
    return (cache_folder() / order.id).exists()


def _built_in() -> dict[str, Card]:
    return {card.id: card for card in load_cards().values() if card.recipe}


def _build(orders: list[Order], workers: int) -> None:
    shares = [0.0] * len(orders)
    finished = 0
    events = execute(collect_and_compare, orders, workers)
    with closing(events), open_bar("building datasets", len(orders), "datasets") as bar:
        for event in events:
            if isinstance(event, Died):
                raise OfflineBenchError(f"building {orders[event.task].id} failed: {event.reason}.")
            shares[event.task] = event.share if isinstance(event, Progressed) else 1.0
            finished += isinstance(event, Done)
            bar.show(sum(shares) / len(orders), finished, event.result if isinstance(event, Done) else "")


def train_behavior_policy(name: str, folder: Path) -> None:
    """Train by the recipe `name`, writing each checkpoint to `folder`."""
    recipes = load_recipes("behavior")
    if name not in recipes:
        raise UnknownNameError(unknown_name("behavior recipe", name, recipes))
    recipe = recipes[name]
    with open_bar(f"training {name}", recipe.steps, "steps") as bar:
        train_behavior(recipe, folder, lambda step, total, line: bar.show(step / total, step, f"step {step}: {line}"))
