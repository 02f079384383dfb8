"""Records whose code or data was another: stale, said so, and done again; and none of those that stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offline_bench import Run, algorithms, load, relabelings
from offline_bench.analysis.frame import to_frame
from offline_bench.commands import reproduce
from offline_bench.commands.show import show_status
from offline_bench.core.plugins import load_plugin
from offline_bench.core.registry import hash_source
from offline_bench.runs import contents
from offline_bench.runs.campaign import list_missing, list_stale
from offline_bench.runs.code import trace_code
from offline_bench.runs.experiment import WHOLE
from offline_bench.runs.record import Record
from offline_bench.runs.slabs import Job
from offline_bench.runs.staleness import find_stale, find_stale_among
from offline_bench.runs.store import save_record
from offline_bench.schemes.curate import curate, curations
from tests.conftest import MEDIUM

PLUGIN = """\
import numpy as np
import offline_bench as ob
from offline_bench.algorithms.specs import bc

SCALE = 1.0
UNITS = (8,)

def pay(data):
    return -data.true_rewards

@ob.relabelings.register("mine")
def mine(data, rng):
    return SCALE * pay(data)

@ob.curations.register("mine")
def part(data):
    return ob.select_rows(data, data.true_rewards > LEAST)

LEAST = -1.0

@ob.algorithms.register("mine")
def learner():
    return bc(hidden_units=UNITS)
"""


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    registries: list[Any] = [relabelings, curations, algorithms]
    yield
    for registry in registries:
        registry._functions.pop("mine", None)


def load_text(folder: Path, text: str) -> None:
    """What a new start with the plug-in file of `text` registers."""
    path = folder / "mine.py"
    path.write_text(text)
    for registry in (relabelings, curations, algorithms):
        registry._functions.pop("mine", None)  # type: ignore[attr-defined]
    load_plugin(path)


def run(seed: int = 0, **names: str) -> Run:
    standard = {"dataset": "d", "curation": "full", "relabeling": "zero", "algorithm": "bc"} | names
    return Run(**standard, seed=seed, steps=10, episodes=1)


def record_of(run: Run, content: str = "aaaa", whole: str = "", **fingerprints: str) -> Record:
    traced = {"dataset": content, **trace_code(run), **({WHOLE: whole} if whole else {}), **fingerprints}
    return Record(run, "ok", returns=[1.0], lengths=[1], fingerprints=traced)


@pytest.mark.parametrize("family", ["relabeling", "curation", "algorithm"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 1.0", "SCALE = 1000.0"),
        ("return -data.true_rewards", "return np.arange(data.n) % 7.0"),
        ("UNITS = (8,)", "UNITS = (64, 64)"),
        ("LEAST = -1.0", "LEAST = -2.0"),
        ("hidden_units=UNITS", "hidden_units=(9,)"),
    ],
)
def test_a_change_anywhere_in_the_file_of_a_plugin_makes_its_records_stale(
    family: str, old: str, new: str, tmp_path: Path
) -> None:
    load_text(tmp_path, PLUGIN)
    record = record_of(run(**{family: "mine"}))
    other = record_of(run())
    assert find_stale(record) == ""
    load_text(tmp_path, PLUGIN.replace(old, new))
    assert f"of the {family} mine changed after the run" in find_stale(record)
    assert find_stale(other) == ""
    load_text(tmp_path, "# More words.\n" + PLUGIN.replace("\n\n", "\n\n\n"))
    assert find_stale(record) == ""


def test_the_code_that_counts_is_that_which_was_loaded(tmp_path: Path) -> None:
    load_text(tmp_path, PLUGIN)
    before = trace_code(run(relabeling="mine", algorithm="mine"))
    (tmp_path / "mine.py").write_text(PLUGIN.replace("SCALE = 1.0", "SCALE = 2.0"))  # While a long run goes on.
    assert trace_code(run(relabeling="mine", algorithm="mine")) == before


def test_older_records_are_told_by_the_text_of_the_function_alone(tmp_path: Path) -> None:
    load_text(tmp_path, PLUGIN)
    own = hash_source(relabelings.function("mine"))
    older = replace(record_of(run(relabeling="mine")), fingerprints={"relabeling_source": own, "curation_source": ""})
    load_text(tmp_path, PLUGIN.replace("SCALE = 1.0", "SCALE = 2.0"))
    assert find_stale(older) == ""
    load_text(tmp_path, PLUGIN.replace("SCALE * pay", "2 * pay"))
    assert find_stale(older) == "the source of the relabeling mine changed after the run"


def test_what_is_built_in_keeps_the_hash_of_its_own_text_and_no_other() -> None:
    traced = trace_code(run())
    assert traced == {
        "relabeling_source": hash_source(relabelings.function("zero")),
        "curation_source": hash_source(curations.function("full")),
        "algorithm_version": "1",
    }


def test_a_built_in_algorithm_of_another_version_makes_its_records_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    record, old, none = record_of(run()), record_of(run()), replace(record_of(run()), fingerprints={})
    del old.fingerprints["algorithm_version"]
    assert [find_stale(each) for each in (record, old, none)] == [""] * 3
    monkeypatch.setitem(algorithms._origins, "bc", replace(algorithms.origin("bc"), version=2))
    said = "it was trained by version 1 of bc, and the version is now 2"
    assert [find_stale(each) for each in (record, old, none)] == [said, said, ""]
    assert find_stale(record_of(run())) == find_stale(record_of(run(algorithm="iql"))) == ""


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """What lies on this machine: fingerprints by dataset and curation."""
    found: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(contents, "find_content", lambda dataset, curation: found.get((dataset, curation), ""))
    return found


def test_records_of_one_content_count_whatever_is_here_and_are_held_to_it_where_that_is_asked(
    here: dict[tuple[str, str], str],
) -> None:
    records = [record_of(run(seed)) for seed in (0, 1)]
    assert find_stale_among(records, everywhere=True) == {}
    here["d", "full"] = "bbbb"
    assert find_stale_among(records) == {}
    said = "its data had another content (aaaa) than d has here (bbbb)"
    assert find_stale_among(records, everywhere=True) == {run(0): said, run(1): said}


def test_of_two_contents_that_which_is_here_counts_and_none_where_it_is_not(here: dict[tuple[str, str], str]) -> None:
    records = [record_of(run(0)), record_of(run(1), "bbbb"), record_of(run(0, dataset="other"), "cccc")]
    mixed = find_stale_among(records)
    assert set(mixed) == {run(0), run(1)}
    assert mixed[run(0)].startswith("records of d are of several contents (aaaa, bbbb), and without the dataset here")
    here["d", "full"] = "bbbb"
    assert set(find_stale_among(records)) == {run(0)}
    frame = to_frame(records)
    assert frame[frame["stale"] != ""]["key"].tolist() == [run(0).key]
    # What is stale for another reason is no second content.
    assert set(find_stale_among([replace(records[0], schema=0), records[1]])) == {run(0)}


def test_contents_differ_across_curations_where_records_tell_of_the_whole(here: dict[tuple[str, str], str]) -> None:
    cut = record_of(run(0, curation="truncate(steps=5)"), "cut-b", whole="bbbb")
    assert set(find_stale_among([record_of(run(0)), cut])) == {run(0), cut.run}
    assert find_stale_among([record_of(run(0), "bbbb"), cut]) == {}
    here["d", "full"] = "bbbb"
    assert find_stale_among([cut], everywhere=True) == {}
    here["d", "truncate(steps=5)"] = "cut-a"
    older = record_of(cut.run, "cut-b")
    assert set(find_stale_among([older], everywhere=True)) == {cut.run}


def test_what_is_here_is_found_and_what_is_not_is_not_fetched(at_home: Path) -> None:
    whole = load(MEDIUM)
    assert contents.find_content(MEDIUM, "full") == whole.fingerprint
    cut = contents.find_content(MEDIUM, "truncate(steps=5)")
    assert cut == curate(whole, "truncate(steps=5)").fingerprint != whole.fingerprint
    for dataset, curation in (
        ("offline-bench/hopper/expert-v0", "full"),
        ("no/such-v0", "full"),
        ("../../etc", "full"),
        (MEDIUM, "not-here"),
        (MEDIUM, "mix(id='no/such-v0', p=0.5)"),
    ):
        assert contents.find_content(dataset, curation) == ""


def test_a_run_of_other_content_is_done_again_and_status_says_why(
    at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = tmp_path / "two" / "suite.toml"
    suite.parent.mkdir()
    suite.write_text(
        f'[[grids]]\ndatasets = ["{MEDIUM}"]\nalgorithms = ["bc"]\nrelabelings = ["zero"]\nseeds = [0, 1]\n'
        "steps = 10\nepisodes = 1\n"
    )
    good, bad = (run(seed, dataset=MEDIUM) for seed in (0, 1))
    save_record(tmp_path, record_of(good, load(MEDIUM).fingerprint))
    save_record(tmp_path, record_of(bad, "0123456789abcdef"))
    runs = {good: (10,), bad: (10,)}
    assert list_missing(runs, tmp_path) == [Job(bad, (10,))]
    assert set(list_stale(runs, tmp_path)) == {bad}
    assert list_missing({bad: (10,)}, tmp_path) == [Job(bad, (10,))]  # Alone, it differs from no other record.
    show_status(str(suite), tmp_path)
    told = capsys.readouterr().out
    assert "1 ok, 1 stale, 1 of 2 to do" in told
    assert "stale: 1 of them: its data had another content (0123456789abcdef)" in told
    carried_out: list[Any] = []
    monkeypatch.setattr(
        reproduce, "carry_out_slabs", lambda slabs, *_: (one for one in carried_out.extend(slabs) or ())
    )
    reproduce.carry_out_runs(runs, tmp_path, "two", reproduce.Means(workers=0))
    told = capsys.readouterr().out
    assert "two: 1 of 2 runs are done" in told
    assert "1 runs are stale and are done again: its data had another content (0123456789abcdef)" in told
    assert [slab.jobs for slab in carried_out] == [(Job(bad, (10,)),)]
