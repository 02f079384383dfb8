"""README says what is so: its table is a committed one, its example runs, its links lead somewhere, and it is short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "offline_bench").rglob("README.md"))]
PAGES += sorted((ROOT / "results").glob("*/notes.md"))


def code_block(after: str) -> str:
    start = README.index("```python\n", README.index(after)) + len("```python\n")
    return README[start : README.index("```", start)]


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
    exec(compile(code_block("## Ten lines of Python"), "README.md", "exec"), {})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert shown[-1].startswith("ok [")
