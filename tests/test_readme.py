"""README says what is so: its table is the committed one, its example runs."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_block(after: str) -> str:
    start = README.index("```python\n", README.index(after)) + len("```python\n")
    return README[start : README.index("```", start)]


def test_the_score_tables_are_the_committed_ones_to_the_letter() -> None:
    committed = (ROOT / "results" / "quick" / "leaderboard.md").read_text(encoding="utf-8").splitlines()
    scores = [line for line in committed if line.startswith("|") and line.endswith("runs |")]
    assert len(scores) == 2
    for header in scores:
        at = committed.index(header)
        table = "\n".join(committed[at : committed.index("", at)])
        assert table.count("\n") > 3
        assert table in README


@pytest.mark.slow
def test_the_example_runs(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code_block("## Ten lines of Python"), "README.md", "exec"), {})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert shown[-1].startswith("ok [")
