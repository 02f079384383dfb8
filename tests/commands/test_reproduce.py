"""What `run` and `reproduce` say at their end, and what a script learns of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from offline_bench.commands import reproduce
from offline_bench.commands.options import read_number
from offline_bench.core.errors import SpecError
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import Grid
from tests.conftest import MEDIUM

BC = "bc(batch_size=16, hidden_units=(8,))"
SCALED = "td3-plus-bc(batch_size=16, hidden_units=(8,), reward_scaler='standard')"


def run(folder: Path, relabelings: list[str], algorithms: list[str], retry_failed: bool = False) -> int:
    """The exit status of a grid."""
    grid = Grid([MEDIUM], algorithms, relabelings, [0], 4, 1)
    try:
        reproduce.run_grid(grid, folder, reproduce.Means(workers=0, retry_failed=retry_failed))
    except typer.Exit as ended:
        return ended.exit_code
    return 0


@pytest.mark.slow
def test_a_grid_of_which_nothing_ended_well_exits_with_1_and_says_how_many(
    at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The scaler divides by the spread of the rewards, and zeros have none: found out in training.
    for retry in (False, False, True):
        assert run(tmp_path, ["zero"], [SCALED], retry) == 1
        assert "1 of 1 runs did not end well: 1 failed. --retry-failed does them again." in capsys.readouterr().err
    assert run(tmp_path, ["zero", "original"], [SCALED]) == 0
    assert "1 of 2 runs did not end well: 1 failed." in capsys.readouterr().err
    assert run(tmp_path, ["original"], [SCALED]) == 0
    assert "did not end well" not in capsys.readouterr().err
    assert sorted(record.status for record in read_records(tmp_path).records) == ["failed", "ok"]


@pytest.mark.parametrize("text", ["0,1,2", "0, 1, 2", "0 1 2"])
def test_several_numbers_after_one_option_are_told_to_repeat_it(text: str) -> None:
    with pytest.raises(SpecError, match=r"repeat the option with one number each, 3 times here"):
        read_number(text)


@pytest.mark.parametrize(("text", "number"), [("0", 0), (" 12 ", 12), ("-1", -1), ("10_000", 10_000)])
def test_one_number_is_read(text: str, number: int) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("text", ["", "one", "1.5", "0x1", ","])
def test_what_is_no_number_is_told(text: str) -> None:
    with pytest.raises(SpecError, match=r"is not a whole number$"):
        read_number(text)
