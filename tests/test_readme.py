"""README says what is so: its table is a committed one, its example runs, its links lead somewhere, and it is short."""

import re
from pathlib import Path

import numpy as np
import pytest

import offline_bench as ob
from offline_bench.core.plugins import load_plugin
from tests.conftest import MEDIUM

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "offline_bench").rglob("README.md"))]
PAGES += sorted((ROOT / "results").glob("*/notes.md"))


def code_block(page: str, after: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    start = text.index("```python\n", text.index(after)) + len("```python\n")
    return text[start : text.index("```", start)]


def test_the_score_tables_are_committed_ones_to_the_letter() -> None:
    committed = (ROOT / "results" / "quick" / "leaderboard.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\|[^\n]*runs \|\n(?:\|[^\n]*\n)+", README, re.MULTILINE)
    assert len(tables) == README.count("runs |\n") == 1
    for table in tables:
        assert table.count("\n") > 4
        assert f"\n\n{table}\n" in committed


def test_it_is_short_and_has_a_picture_for_light_and_for_dark() -> None:
    assert len(README.splitlines()) <= 150
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', README)
    assert len(pictures) == 2
    light, dark = ((ROOT / path).read_text(encoding="utf-8") for path in sorted(pictures, key=len))
    assert light != dark
    assert light.count("<") == dark.count("<")
    assert README.index("<picture>") < README.index("## ")
    assert 'alt="' in README


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert not target or (page.parent / target).exists(), target


@pytest.mark.slow
def test_the_example_runs(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code_block("offline_bench/data/README.md", "## Ten lines of Python"), "README.md", "exec"), {})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert shown[-1].startswith("ok [")


@pytest.mark.parametrize(
    ("page", "name", "most"),
    [("README.md", "weighted-cloning", 40), ("offline_bench/algorithms/README.md", "cloning-critic", 150)],
)
@pytest.mark.slow
def test_the_learners_that_are_shown_keep_the_contract_and_run(
    page: str, name: str, most: int, tmp_path: Path, at_home: Path
) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if f'register("{name}")' in block]
    assert len(code.splitlines()) <= most
    assert set(re.findall(r"\bob\.(\w+)", code)) <= set(ob.__all__), "all that it takes is public"
    path = tmp_path / "my_learner.py"
    path.write_text(code)
    load_plugin(path)
    try:
        ob.check_algorithm(name)
        records = [ob.carry_out(ob.Job(run_of(name, reward), at=(4, 8))) for reward in ("original", "zero")]
        assert [record.status for record in records] == ["ok", "ok"], [record.reason for record in records]
        assert records[0].fingerprints["policy"] != records[1].fingerprints["policy"]
        assert all(np.isfinite(point.losses[kind]) for point in records[0].curve for kind in point.losses)
    finally:
        ob.algorithms._functions.pop(name)


def run_of(name: str, relabeling: str) -> ob.Run:
    return ob.Run(MEDIUM, "full", relabeling, name, seed=0, steps=8, episodes=1)
