"""Suite files: what they mean, and what is said of one that means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offline_bench.core.errors import SpecError, SuiteError
from offline_bench.runs.record import Run
from offline_bench.runs.suites import Grid, Suite, list_suites, load_suite

GOOD = """
title = "A study"

[[grids]]
datasets = ["a", "b"]
algorithms = ["bc", "iql(gamma=0.9)"]
relabelings = ["original", "random(high=1, low=-1)"]
curations = ["full", "truncate(steps=5)"]
seeds = [0, 1, 2]
steps = 100
episodes = 4
curve = [50, 10, 100]

[[grids]]
datasets = ["c"]
algorithms = ["bc"]
relabelings = ["zero"]
seeds = [0]
steps = 10
episodes = 1
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the suites 'quick' and 'locomotion', of a package that brings none."""
    monkeypatch.setattr("offline_bench.core.paths.CHECKOUT", tmp_path / "package")
    for name in ("quick", "locomotion"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "suite.toml").write_text(GOOD)
    (tmp_path / "results" / "no-suite").mkdir()
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    return tmp_path


def grid(**changes: Any) -> Grid:
    small: dict[str, Any] = {"datasets": ["d"], "algorithms": ["bc"], "relabelings": ["zero"], "seeds": [0]}
    return Grid(**{**small, "steps": 10, "episodes": 1, **changes})


def test_a_suite_is_found_by_name_and_by_path(home: Path) -> None:
    folder = (home / "results" / "quick").resolve()
    suite = load_suite("quick")
    assert (suite.name, suite.title, suite.folder, len(suite.grids)) == ("quick", "A study", folder, 2)
    assert load_suite(str(folder / "suite.toml")) == suite
    assert list_suites() == ["locomotion", "quick"]


def test_a_suite_of_ones_own_counts_before_one_of_the_package(home: Path) -> None:
    for name in ("quick", "grids"):
        (home / "package" / "results" / name).mkdir(parents=True)
        (home / "package" / "results" / name / "suite.toml").write_text(GOOD)
    assert list_suites() == ["grids", "locomotion", "quick"]
    assert load_suite("grids").folder == home / "package" / "results" / "grids"
    assert load_suite("quick").folder == home / "results" / "quick"


def test_runs_are_the_whole_grid_seed_by_seed_in_canonical_text(home: Path) -> None:
    runs = load_suite("quick").runs()
    assert len(runs) == 3 * 2 * 2 * 2 * 2 + 1
    assert list(runs)[:3] == [
        Run("a", "full", "original", "bc", 0, 100, 4),
        Run("a", "full", "random(low=-1.0)", "bc", 0, 100, 4),
        Run("a", "full", "original", "iql(gamma=0.9)", 0, 100, 4),
    ]
    seeds = [run.seed for run in list(runs)[:-1]]
    assert seeds == sorted(seeds)
    assert {run.curation for run in runs} == {"full", "truncate(steps=5)"}
    assert set(list(runs.values())[:-1]) == {(10, 50, 100)}
    assert runs[Run("c", "full", "zero", "bc", 0, 10, 1)] == (10,)


def test_one_run_said_in_many_ways_is_done_once() -> None:
    ways = ["random", "random(low=0)", "random( high=1.0 )", "random(low=0, high=1)"]
    assert len(Suite("s", "", Path(), (grid(relabelings=ways, seeds=[0, 0]), grid(relabelings=["random"]))).runs()) == 1


def test_a_run_of_two_grids_is_evaluated_where_either_says() -> None:
    suite = Suite("s", "", Path(), (grid(curve=[2, 5]), grid(curve=[5, 7]), grid()))
    assert list(suite.runs().values()) == [(2, 5, 7, 10)]


def test_an_unknown_suite_lists_near_ones(home: Path) -> None:
    with pytest.raises(SuiteError, match=r"no suite file .*unknown suite 'quik': did you mean quick\?"):
        load_suite("quik")
    with pytest.raises(SuiteError, match="known: locomotion, quick"):
        load_suite("zzz")
    with pytest.raises(SuiteError, match=r"no suite file missing\.toml"):
        load_suite("missing.toml")


def refused(home: Path, text: str) -> str:
    """What is said of the suite file `text`, after the file's name."""
    path = home / "results" / "quick" / "suite.toml"
    path.write_text(text)
    with pytest.raises(SuiteError) as caught:
        load_suite("quick")
    assert str(path) in str(caught.value)
    return str(caught.value).split(str(path))[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seeds = [0, 1, 2]", "seedz = [0, 1, 2]", "unknown key 'seedz': did you mean seeds"),
        ("steps = 100", "", "'steps'"),
        ('["a", "b"]', '"a"', "datasets must be a list of texts, not 'a'"),
        ('["a", "b"]', "5", "datasets must be a list of texts, not 5"),
        ('["a", "b"]', "{a = 1}", "datasets must be a list of texts, not {'a': 1}"),
        ('["a", "b"]', "[1]", "datasets must be a list of texts, not [1]"),
        ('["a", "b"]', "[]", "datasets must be a list of texts, not []"),
        ('["full", "truncate(steps=5)"]', "[]", "curations must be a list of texts, not []"),
        ("[0, 1, 2]", "3", "seeds must be a list of whole numbers, not 3"),
        ("[0, 1, 2]", "1.5", "seeds must be a list of whole numbers, not 1.5"),
        ("[0, 1, 2]", '"012"', "seeds must be a list of whole numbers, not '012'"),
        ("[0, 1, 2]", "[0, 1.0]", "seeds must be a list of whole numbers, not [0, 1.0]"),
        ("[0, 1, 2]", "[true]", "seeds must be a list of whole numbers, not [True]"),
        ("[0, 1, 2]", "[-1]", "seeds must be a list of whole numbers, not [-1]"),
        ("[0, 1, 2]", "[]", "seeds is empty"),
        ("[50, 10, 100]", "50", "curve must be a list of whole numbers, not 50"),
        ("[50, 10, 100]", "[50, 101]", "curve has step 101, but training ends at step 100"),
        ("[0, 1, 2]", f"[0, {2**63}]", "seeds must be a list of whole numbers below 2**63"),
        ("steps = 100", f"steps = {2**63}", "steps must be a whole number up to"),
        ("episodes = 4", f"episodes = {10**30}", "episodes must be a whole number up to"),
        ("steps = 100", "steps = 0", "steps must be a whole number from 1, not 0"),
        ("steps = 100", "steps = 1e5", "steps must be a whole number from 1, not 100000.0"),
        ("episodes = 4", "episodes = true", "episodes must be a whole number from 1, not True"),
        ('"bc", ', '"bcc", ', "unknown algorithm 'bcc': did you mean bc"),
        ('"original", ', '"origin", ', "unknown relabeling 'origin': did you mean original"),
        ("truncate(steps=5)", "truncate", "'truncate' lacks a parameter: write truncate(steps=...)"),
        ("iql(gamma=0.9)", "iql(gama=0.9)", "unknown parameter of iql 'gama': did you mean gamma"),
        ("random(high=1, low=-1)", "random(high=1", "    random(high=1\n"),
    ],
)
def test_a_grid_that_cannot_be_read_names_its_place_and_key(home: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    message = refused(home, GOOD.replace(old, new, 1))
    assert message.startswith(", [[grids]] number 1: ")
    assert said in message


def test_the_second_grid_is_told_from_the_first(home: Path) -> None:
    assert refused(home, GOOD.replace('"zero"', '"zeroo"')).startswith(
        ", [[grids]] number 2: unknown relabeling 'zeroo'"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", ": Invalid value (at "),
        (GOOD.replace("[0, 1, 2]", "[0, 1"), "(at line "),
        ("titel = 'x'\n" + GOOD, "unknown: titel"),
        ("title = 'x'", "a suite file has a title and [[grids]]"),
        ("[grids]\nsteps = 1", "a suite file has a title and [[grids]]"),
        ("grids = [1]", ", [[grids]] number 1: must be a table of"),
        ("grids = ['x']", ", [[grids]] number 1: must be a table of"),
    ],
)
def test_a_file_that_is_no_suite_is_told(home: Path, text: str, said: str) -> None:
    assert said in refused(home, text)


def test_a_file_that_is_no_text_is_told(home: Path) -> None:
    (home / "results" / "quick" / "suite.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(SuiteError, match=r"cannot read the suite file .*utf-8"):
        load_suite("quick")


def test_a_grid_made_in_python_checks_its_components() -> None:
    with pytest.raises(SpecError, match="lacks a parameter"):
        grid(relabelings=["constant"]).runs()


def test_a_suite_is_held_against_its_own_published_numbers_or_those_of_the_folder_it_names(home: Path) -> None:
    path = home / "results" / "quick" / "suite.toml"
    assert load_suite("quick").published == path.parent.resolve()
    text = path.read_text()
    (home / "results" / "facts").mkdir()
    (home / "results" / "facts" / "published.toml").write_text("")
    path.write_text('published = "../facts"\n' + text)
    assert load_suite("quick").published.resolve() == (home / "results" / "facts").resolve()
    assert "published names '../fact', a folder without a published.toml" in refused(
        home, 'published = "../fact"\n' + text
    )
