"""What a learner shows: each step that was asked for, in plain values; no other passes for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from offline_bench import Job, Run, Snapshot, algorithms, carry_out
from offline_bench.algorithms import look_through
from offline_bench.core.errors import AlgorithmError
from offline_bench.runs.record import to_text
from tests.conftest import MEDIUM

AT = (10, 20)


class Still:
    """Does nothing."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((len(observations), 3), np.float32)


SHOWN = Snapshot(10, Still(), {"loss": 1.0}, "a")


def test_numbers_of_a_library_become_plain_ones() -> None:
    odd = [replace(SHOWN, step=np.int64(step), losses={"loss": torch.tensor(0.5), "n": np.float32(2)}) for step in AT]
    plain = list(look_through(odd, AT))
    assert [one.step for one in plain] == [10, 20]
    assert json.dumps([[one.step, one.losses, one.facts] for one in plain]).count('{"loss": 0.5, "n": 2.0}') == 2
    assert all(one.policy is SHOWN.policy for one in plain)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": 10.5}, "whose step is no whole number: 10.5"),
        ({"step": "ten"}, "whose step is no whole number: 'ten'"),
        ({"step": 11}, r"at steps \[10, 20\] and gave \[11\]"),
        ({"weights": None}, "whose weights are a NoneType"),
        ({"losses": {"loss": "high"}}, "whose losses are not numbers by name"),
        ({"losses": {3: 1.0}}, "whose losses are not numbers by name"),
        ({"losses": {"loss": 10**400}, "facts": {}}, None),
        ({"losses": None}, "whose losses are not numbers by name"),
        ({"facts": {"kept": [1]}}, "whose facts are not numbers by name"),
    ],
)
def test_what_no_record_could_hold_is_refused(change: dict[str, Any], said: str | None) -> None:
    if said is None:
        json.dumps(next(look_through([replace(SHOWN, **change)], AT)).losses)
        return
    with pytest.raises(AlgorithmError, match=f"^the learner .*{said}"):
        next(look_through([replace(SHOWN, **change)], AT))
    with pytest.raises(AlgorithmError, match="yielded a tuple, and not a Snapshot"):
        next(look_through([(10, Still())], AT))  # type: ignore[list-item]


@dataclass(frozen=True)
class Liar:
    """Shows the snapshots of `steps`, whatever it is asked."""

    steps: Sequence[int]
    trainer: str = "mine"

    def check(self) -> None: ...

    def learn(self, data: Any, at: Any, seed: Any, progress: Callable[[int], None]) -> Iterator[Snapshot]:
        for step in self.steps:
            if step < 0:
                raise SystemExit(0)
            yield replace(SHOWN, step=step)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((10,), "was asked for snapshots at steps [10, 20] and gave [10]"),
        ((), "and gave []"),
        ((20,), "and gave [20]"),
        ((10, 20, 30), "and gave [10, 20, 30]"),
        ((10, -1), "left the program"),
    ],
)
def test_a_run_whose_last_step_was_not_shown_has_no_score(steps: Sequence[int], said: str, at_home: None) -> None:
    algorithms.register("liar")(lambda: Liar(steps))
    try:
        record = carry_out(Job(Run(MEDIUM, "full", "zero", "liar", 0, 20, 1), at=AT))
    finally:
        algorithms._functions.pop("liar")
    assert (record.status, record.returns) == ("failed", [])
    assert said in record.reason
    to_text(record)
