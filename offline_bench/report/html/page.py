"""The page itself: sections, definitions, look and script in one file that needs no other and no network."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.summary import Summary
from offline_bench.report.definitions import DEFINITIONS
from offline_bench.report.html.exhibits import ANSWER, Figures, Tables
from offline_bench.report.html.notes import render_notes
from offline_bench.report.html.sections import build_sections
from offline_bench.report.html.views import view_figure

if TYPE_CHECKING:
    from jinja2 import Environment


def report_page(summary: Summary, tables: Tables, figures: Figures, reading: str = "") -> str:
    """`report.html`; `tables` and `figures` by the id of the section where they stand, `reading` Markdown by hand.

    No clock, path or chance goes in: the same summary makes the same bytes. All text is escaped; the page's policy
    lets run only the script and style written here, by their hashes, and nothing be fetched.
    """
    style, script = _read("style.css"), _read("script.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            name=summary.name,
            title=summary.title,
            policy=_policy(style, script),
            style=Markup(style),  # noqa: S704, a file of this package
            script=Markup(script),  # noqa: S704, a file of this package
            headline=summary.headline.sentence,
            caveat=summary.leans_most,
            picture=tuple(view_figure(figure, "glance") for figure in figures.get(ANSWER, ())),
            findings=summary.digest.findings,
            trust=summary.digest.trust,
            reading=render_notes(reading),
            facts=tuple(_facts(summary.board)),
            sections=build_sections(summary, tables, figures),
            definitions=tuple(DEFINITIONS.items()),
        )
    )


def fill_template(name: str, **values: Any) -> str:
    """The template `name` of this folder with `values`, all of them escaped, and no script allowed to run."""
    style = _read("style.css")
    policy = _policy(style, "")
    # The style is a file of this package.
    return _environment().get_template(name).render(policy=policy, style=Markup(style), **values)  # noqa: S704


def _facts(board: Leaderboard) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What was run, as (name, lines)."""
    curations = dict.fromkeys(row.curation for part in board.tables for row in part.rows)
    names = {
        "dataset": tuple(part.dataset for part in board.tables),
        "curation": tuple(curations),
        "reward": board.relabelings,
        "algorithm": tuple(entry.label for entry in board.algorithms),
    }
    yield "runs", (f"{board.n_ok:,} of {board.n_expected:,} ended well",)
    for noun, values in names.items():
        yield _counted(noun, len(values)), values
    for name, field in (("seeds", "seeds"), ("gradient steps", "steps"), ("evaluation episodes", "episodes")):
        numbers = sorted({value for entry in board.algorithms for value in getattr(entry, field)})
        yield name, (", ".join(f"{value:,}" for value in numbers),)


def _counted(noun: str, count: int) -> str:
    return f"{count} {noun}" + "s" * (count != 1)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(_read),
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"breakable": _breakable, "held": _held}
    return made


def _finalize(value: Any) -> Any:
    # Control and direction marks in a name would hide or turn around what stands beside it.
    return _plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _plain(text: str) -> str:
    """`text` on one line, without the signs that are not seen."""
    if text.isprintable():
        return text
    return " ".join("".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text).split())


def _breakable(text: str) -> Markup:
    """`text` with places where a line may end: after a slash or a comma."""
    marked = escape(_plain(text))
    for sign in ("/", ","):
        marked = marked.replace(sign, Markup(f"{sign}<wbr>"))  # noqa: S704, two signs written here
    return marked


def _held(text: str) -> Markup:
    """`text` without a line's end before a percent sign."""
    return escape(_plain(text)).replace(" %", Markup("&nbsp;%"))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (files("offline_bench.report.html") / name).read_text(encoding="utf-8")
