"""Large studies: what grows with their runs is looked at once, and many workers are kept busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offline_bench.commands.show import show_status
from offline_bench.core.errors import RelabelingError, SpecError
from offline_bench.data.dataset import Dataset
from offline_bench.runs import campaign, folding, rehearsal, store
from offline_bench.runs.campaign import carry_out_slabs, survey
from offline_bench.runs.experiment import Job, JobSlab, prepare_data
from offline_bench.runs.folding import fold_records
from offline_bench.runs.record import Record, Run, from_text, make_runs, to_text
from offline_bench.runs.slabs import order_slabs
from offline_bench.runs.store import (
    find_loose,
    find_own,
    find_parts,
    pack_records,
    read_heads,
    read_records,
    save_record,
)
from offline_bench.runs.suites import Grid, Suite
from tests.conftest import MEDIUM
from tests.runs.simulated_cluster import Cluster, cost_of, make_jobs, past, simulate

WORKERS = 40


def a_run(seed: int, **other: Any) -> Run:
    texts = {"dataset": "d", "curation": "full", "relabeling": "zero", "algorithm": "bc"} | other
    return Run(**texts, seed=seed, steps=9, episodes=1)


def a_record(seed: int) -> Record:
    return Record(a_run(seed), "ok", returns=[1.5], lengths=[3], provenance={"seconds": 2.0, "machine": "m"})


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file of a record is read."""
    seen: Counter[str] = Counter()
    for name in ("read_text", "read_packed", "read_packed_heads"):
        monkeypatch.setattr(store, name, _count(getattr(store, name), seen))
    return seen


def _count(read: Callable[[Path], Any], seen: Counter[str]) -> Callable[[Path], Any]:
    def counted(path: Path) -> Any:
        seen[path.name] += 1
        return read(path)

    return counted


def test_a_look_at_a_folder_reads_each_file_of_it_once(tmp_path: Path, reads: Counter[str]) -> None:
    pack_records(tmp_path, [a_record(seed) for seed in range(4)])
    for seed in range(4, 8):
        save_record(tmp_path, a_record(seed))
    standing = survey({a_run(seed): (9,) for seed in range(2, 10)}, tmp_path)
    assert len(standing.done()) == 6
    assert standing.others == 2
    assert len(reads) == 5
    assert set(reads.values()) == {1}


def test_status_reads_each_file_once(tmp_path: Path, reads: Counter[str], capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        save_record(tmp_path, a_record(seed))
    (tmp_path / "suite.toml").write_text(
        '[[grids]]\ndatasets = ["d"]\nalgorithms = ["bc"]\nrelabelings = ["zero"]\nseeds = [0, 1, 2, 3]\n'
        "steps = 9\nepisodes = 1\n"
    )
    show_status(str(tmp_path / "suite.toml"), tmp_path)
    assert "3 ok, 1 of 4 to do" in capsys.readouterr().out
    assert len(reads) == 3
    assert set(reads.values()) == {1}


def fold_all(folder: Path) -> Path:
    part = fold_records(folder, find_loose(folder))
    assert part is not None
    return part


def test_a_folder_reads_the_same_when_its_files_are_folded(tmp_path: Path) -> None:
    pack_records(tmp_path, [a_record(seed) for seed in range(3)])
    for seed in range(2, 7):
        save_record(tmp_path, a_record(seed))
    before = [to_text(record) for record in read_records(tmp_path).records]
    assert fold_records(tmp_path, find_loose(tmp_path)[:3]) is not None
    assert len(find_loose(tmp_path)) == 2
    assert [to_text(record) for record in read_records(tmp_path).records] == before
    assert len(before) == 7
    assert len(read_heads(tmp_path).records) == 7
    assert fold_records(tmp_path, []) is None


def test_of_a_run_the_newest_record_counts(tmp_path: Path) -> None:
    for reason in ("first", "second", "third"):
        save_record(tmp_path, Record(a_run(0), "failed", reason))
        for _ in range(2):
            assert [record.reason for record in read_records(tmp_path).records] == [reason]
            if find_loose(tmp_path):
                fold_all(tmp_path)
    assert len(find_parts(tmp_path)) == 3


def test_a_kill_before_folded_files_are_deleted_leaves_both_and_they_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException): ...

    def kill(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".json":
            raise Killed
        unlink(path, missing_ok)

    unlink = Path.unlink
    save_record(tmp_path, a_record(0))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "unlink", kill)
        fold_all(tmp_path)
    assert (len(find_loose(tmp_path)), len(find_parts(tmp_path))) == (1, 1)
    assert read_records(tmp_path).records == [a_record(0)]
    assert read_records(tmp_path).problems == []


def test_what_is_written_anew_or_cannot_be_read_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_record(tmp_path, Record(a_run(0), "failed", "once"))
    broken = tmp_path / "records" / "d" / "bc" / "broken.json"
    broken.write_text("{")
    write = folding.write_rows

    def and_again(path: Path, rows: Any) -> None:
        write(path, rows)
        save_record(tmp_path, a_record(0))

    monkeypatch.setattr(folding, "write_rows", and_again)
    fold_all(tmp_path)
    assert len(find_loose(tmp_path)) == 2
    assert read_records(tmp_path).records == [a_record(0)]
    assert len(read_records(tmp_path).problems) == 1


def test_a_reader_beside_one_that_folds_sees_every_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        save_record(tmp_path, a_record(seed))
    loose = find_loose(tmp_path)
    read = store.read_text

    def fold_first(path: Path) -> str:
        monkeypatch.setattr(store, "read_text", read)
        fold_records(tmp_path, loose)
        return read(path)

    monkeypatch.setattr(store, "read_text", fold_first)
    reading = read_records(tmp_path)
    assert [record.run.seed for record in reading.records] == [0, 1, 2, 3]
    assert reading.problems == []


def do_at_once(slab: JobSlab, progress: Any) -> list[Record]:
    return [a_record(job.run.seed) for job in slab.jobs]


def test_a_campaign_folds_what_is_there_and_what_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "PART", 3)
    monkeypatch.setattr(campaign, "carry_out_slab", do_at_once)
    for seed in range(5):
        save_record(tmp_path, a_record(seed))
    slabs = [JobSlab((Job(a_run(seed), (9,)),)) for seed in range(5, 12)]
    assert sum(len(step.records) for step in carry_out_slabs(slabs, tmp_path, 0)) == 7
    assert len(find_loose(tmp_path)) < 3
    assert [record.run.seed for record in read_records(tmp_path).records] == list(range(12))
    assert survey({a_run(seed): (9,) for seed in range(12)}, tmp_path).missing({a_run(0): (9,)}) == []


@pytest.mark.parametrize(("status", "again"), [("ok", 0), ("failed", 1)])
def test_what_another_has_finished_and_folded_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, again: int
) -> None:
    def do(slab: JobSlab, progress: Any) -> list[Record]:
        if slab.jobs[0].run.seed == 0:
            save_record(tmp_path, replace(a_record(1), status=status))
            fold_all(tmp_path)
        return do_at_once(slab, progress)

    monkeypatch.setattr(campaign, "carry_out_slab", do)
    slabs = [JobSlab((Job(a_run(seed), (9,)),)) for seed in range(2)]
    assert sum(len(step.records) for step in carry_out_slabs(slabs, tmp_path, 0)) == 1 + again


def test_what_was_folded_was_made_here(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        pack_records(tmp_path / name, [a_record(0), a_record(1)])
    save_record(tmp_path / "ours", a_record(1))
    fold_all(tmp_path / "ours")
    own = find_own(tmp_path / "ours", tmp_path / "theirs", [a_run(0), a_run(1)])
    assert [a_run(seed) in own for seed in (0, 1)] == [False, True]


def test_a_head_has_what_says_whether_a_run_is_done_and_nothing_that_grows(tmp_path: Path) -> None:
    save_record(tmp_path, a_record(0))
    (head,) = read_heads(tmp_path).records
    (whole,) = read_records(tmp_path).records
    assert (head.run, head.status, head.fingerprints) == (whole.run, whole.status, whole.fingerprints)
    assert head.provenance == {"seconds": 2.0}
    assert not head.returns
    assert whole.returns == [1.5]


@pytest.mark.parametrize("reason", ["", "[ 1 ]", "{ }", "a, b", "end ,", "Ünicode", "two\nlines"])
def test_a_checksum_is_that_of_the_text_whatever_stands_in_it(reason: str) -> None:
    record = Record(a_run(0), "failed", reason)
    assert from_text(to_text(record), "here") == record


def test_a_suite_makes_each_of_its_runs_once_and_looks_at_each_of_its_values_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[int] = []
    check = Run.__post_init__
    monkeypatch.setattr(Run, "__post_init__", lambda run: (checked.append(1), check(run)))
    grids = (Grid(("d", "e"), ("bc",), ("zero", "sign"), tuple(range(50)), 9, 1),)
    runs = Suite("s", "", Path(), grids).runs()
    assert len(runs) == 200
    assert len(checked) == 2 + 1 + 2 + 1 + 50 + 1 + 1
    assert list(runs)[:2] == [a_run(0), a_run(0, relabeling="sign")]


def test_a_value_that_no_run_can_have_is_refused_wherever_it_stands() -> None:
    good = ("d", "full", "zero", "bc", 0, 9, 1)
    assert make_runs([good]) == [Run(*good)]
    assert make_runs([]) == []
    for place, value in enumerate(["\udfff", 1, None, "\udfff", -1, 2**63, 1.5]):
        with pytest.raises(SpecError):
            make_runs([good, (*good[:place], value, *good[place + 1 :])])  # type: ignore[arg-type]


def test_runs_of_two_grids_are_evaluated_where_either_says() -> None:
    grids = [Grid(("d",), ("bc",), ("zero",), (0,), 9, 1, curve=(at,)) for at in (6, 3)]
    assert list(Suite("s", "", Path(), tuple(grids)).runs().values()) == [(3, 6, 9)]


def test_of_many_seeds_one_is_rehearsed_and_all_where_it_cannot_be(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "TRIALS", 4)
    tried: list[tuple[str, int]] = []

    def prepare(run: Run) -> Dataset:
        tried.append((run.relabeling, run.seed))
        if run.relabeling == "sign" and run.seed < 2:
            raise RelabelingError("not with this seed")
        return prepare_data(run)

    monkeypatch.setattr(rehearsal, "prepare_data", prepare)
    jobs = [Job(a_run(s, dataset=MEDIUM, relabeling=r), (9,)) for r in ("zero", "sign") for s in range(3)]
    found = rehearsal.rehearse(jobs)
    assert [seed for name, seed in tried if name == "zero"] == [0]
    assert {seed for name, seed in tried if name == "sign"} == {0, 1, 2}
    assert [record.run.seed for record in found.failed] == [0, 1]
    assert len(found.possible) == 4


def test_long_slabs_are_begun_first_and_the_later_half_ends_with_the_shortest() -> None:
    costs = [1.0, 2.0, 1.0, 30.0, 1.0, 3.0, 2.0, 40.0, 1.0, 5.0]
    slabs = [JobSlab((Job(a_run(seed), (9,)),)) for seed in range(len(costs))]
    order = [slab.jobs[0].run.seed for slab in order_slabs(slabs, costs, workers=2)]
    assert order[:2] == [7, 3]
    assert sorted(order) == list(range(10))
    late = [costs[seed] for seed in order if costs[seed] < 30 and seed >= 7]
    assert late == sorted(late, reverse=True)
    assert order_slabs(slabs, costs, workers=1) == slabs


def test_a_simulated_cluster_is_kept_busy_to_the_end(tmp_path: Path) -> None:
    jobs = make_jobs(seeds=2)
    known = simulate(jobs, cluster := Cluster(WORKERS), past(), tmp_path)
    assert known.done == len(jobs)
    assert cluster.peak == WORKERS
    assert known.busy > 0.85
    # What is known of costs shortens the end: no slab of the dearest algorithm runs alone.
    assert known.makespan < simulate(jobs, Cluster(WORKERS), [], tmp_path / "other").makespan
    assert known.memory < 2**20


def test_a_lost_node_costs_what_its_workers_had_in_hand(tmp_path: Path) -> None:
    jobs = make_jobs(seeds=2)
    half = cost_of(jobs) / WORKERS / 2
    report = simulate(jobs, Cluster(WORKERS, [half]), past(), tmp_path)
    assert report.done == len(jobs)
    longest = cost_of(jobs) / WORKERS / 8 * 2  # a slab has an eighth of a worker's share, and at least one run
    assert 0.0 < report.wasted < 8 * longest
