"""Claims: nobody has what another has in hand, and whoever is dead has nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from offline_bench.core import claims as claims_module
from offline_bench.core.claims import Claims
from offline_bench.core.errors import StorageError
from offline_bench.core.locks import NoLocksError, try_lock
from offline_bench.core.storage import remove_scratch, scratch_folder, scratch_path

# Takes what it is told in hand, says so, and stays until it is killed.
OWNER = """
import sys, time
from pathlib import Path
from offline_bench.core.claims import Claims
with Claims(Path(sys.argv[1])) as claims:
    claims.take(sys.argv[3:])
    if sys.argv[2] == "at the gate":
        claims.when_alone(lambda: print("in", flush=True) or time.sleep(60))
    print("in", flush=True)
    time.sleep(60)
"""
BUILDER = """
import sys, time
from pathlib import Path
from offline_bench.core.storage import scratch_folder
with scratch_folder(Path(sys.argv[1]), "building") as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    time.sleep(60)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of `script` that has said its first line."""
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def kill(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_one_has_in_hand_no_other_takes_and_is_told_who_it_is(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as two:
        assert one.take(["a", "b"]) == {}
        refused = two.take(["b", "c"])
        assert set(refused) == {"b"}
        assert refused["b"].startswith(f"process {os.getpid()} on ")
        assert set(one.take(["a", "b", "c"])) == {"c"}
        one.release(["b"])
        assert two.take(["b"]) == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("where", ["inside", "at the gate"])
def test_a_killed_owner_has_nothing_and_leaves_nothing(tmp_path: Path, where: str) -> None:
    owner = start(OWNER, str(tmp_path), where, "a", "b")
    if where == "inside":
        with Claims(tmp_path) as claims:
            assert set(claims.take(["a", "c"])) == {"a"}
            kill(owner)
            assert claims.take(["a", "b", "c"]) == {}
    kill(owner)
    for claim in (tmp_path / "claims").glob("*.claim"):
        claim.write_text('{"who": "it was killed whi')
    with Claims(tmp_path) as claims:
        assert claims.take(["a", "b"]) == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_done_alone_is_not_done_beside_another(tmp_path: Path) -> None:
    done: list[str] = []
    with Claims(tmp_path) as one:
        one.when_alone(lambda: done.append("one"))
        with Claims(tmp_path) as two:
            two.when_alone(lambda: done.append("two"))
        one.when_alone(lambda: done.append("one again"))
    assert done == ["one", "one again"]


def test_a_gate_that_stays_shut_is_told_and_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "PATIENCE", 0.2)
    gate = try_lock(tmp_path / "claims" / "gate.lock")
    assert gate is not None
    with pytest.raises(StorageError, match="Another process has locked"), Claims(tmp_path):
        pass
    gate.release()


def test_on_a_disk_that_is_full_at_last_nothing_stays_in_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, seconds: float = 0.0) -> None:
        raise StorageError("No space left on device")

    with Claims(tmp_path) as one:
        one.take(["a"])
        monkeypatch.setattr(claims_module, "try_lock", full)
    monkeypatch.undo()
    with Claims(tmp_path) as two:
        assert two.take(["a"]) == {}


def test_without_locks_everything_is_free_and_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, seconds: float = 0.0) -> None:
        raise NoLocksError("none here")

    monkeypatch.setattr(claims_module, "try_lock", refuse)
    with Claims(tmp_path) as one, Claims(tmp_path) as two:
        assert (one.blind, one.take(["a"]), two.take(["a"])) == (True, {}, {})
        one.when_alone(lambda: pytest.fail("nobody knows who is there"))
        one.release(["a"])


def test_a_folder_that_takes_no_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "claims").write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write .*claims"), Claims(tmp_path):
        pass


def test_two_processes_of_one_number_write_to_two_scratch_files(tmp_path: Path) -> None:
    with scratch_path(tmp_path / "a.txt") as one, scratch_path(tmp_path / "a.txt") as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_kill_left_of_a_write_is_removed_by_a_later_one_and_what_may_be_in_work_is_not(tmp_path: Path) -> None:
    names = ("a[1].txt.1-ab.scratch", "a[1].txt.2-cd.scratch", "b.txt.1-ab.scratch")
    for name in names:
        (tmp_path / name).write_text("half")
    for name in (names[0], names[2]):
        os.utime(tmp_path / name, (0, 0))
    with scratch_path(tmp_path / "a[1].txt") as scratch:
        scratch.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a[1].txt", *names[1:]}


@pytest.mark.slow
def test_the_next_scratch_folder_removes_those_of_the_dead_and_of_no_one_else(tmp_path: Path) -> None:
    dead, living = start(BUILDER, str(tmp_path)), start(BUILDER, str(tmp_path))
    try:
        before = set(tmp_path.glob("*.scratch"))
        assert len(before) == 2
        kill(dead)
        # As from before there were locks.
        (tmp_path / "building-4711.scratch").mkdir()
        (tmp_path / "other-4711.scratch").mkdir()
        with scratch_folder(tmp_path, "building") as folder:
            left = set(tmp_path.glob("building-*.scratch")) - {folder}
            assert len(left) == 1
            assert left < before
            assert (left.pop() / "half").exists()
        assert (tmp_path / "other-4711.scratch").exists()
        assert not folder.exists()
    finally:
        kill(dead)
        kill(living)
    with scratch_folder(tmp_path, "building"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["other-4711.scratch"]


def test_scratch_files_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/b.json", "a/b.json.12-ab.scratch", "c.scratch"):
        (tmp_path / name).write_text("")
    remove_scratch(tmp_path)
    remove_scratch(tmp_path / "nowhere")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b.json"]
