"""A `Table` as LaTeX that pastes into a paper: it needs booktabs, graphicx and a LaTeX of 2020 or later."""

from __future__ import annotations

import re
import unicodedata

from offline_bench.report.tables.table import Cell, Column, Table, cell_text

LINE = 85  # letters of \footnotesize in a line of an article
_ASCII = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    '"': "''",
    # After the end of a row, these two would be its options.
    "[": "{[}",
    "*": "{*}",
} | {mark: f"\\{mark}" for mark in "{}$&#%_"}
_SIGNS = {
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "§": r"\S{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "ø": r"\o{}",
    "ł": r"\l{}",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
} | {
    sign: f"${command}$"
    for sign, command in {
        "−": "-",
        "±": r"\pm",
        "×": r"\times",
        "·": r"\cdot",
        "∞": r"\infty",
        "≤": r"\leq",
        "≥": r"\geq",
        "≈": r"\approx",
        "→": r"\rightarrow",
        "▲": r"\bigtriangleup",
        "ε\N{COMBINING CIRCUMFLEX ACCENT}": r"\hat{\varepsilon}",
        "α": r"\alpha",
        "β": r"\beta",
        "γ": r"\gamma",
        "ε": r"\varepsilon",
        "λ": r"\lambda",
        "μ": r"\mu",
        "π": r"\pi",
        "σ": r"\sigma",
        "τ": r"\tau",
        "Σ": r"\Sigma",
    }.items()
}
# Combining marks, from grave to cedilla, and LaTeX's accents; so no encoding of the paper's matters.
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327", "`'^~=u.\"rHvc", strict=True)
)
_SIGN = re.compile("|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True)))
_JOINED = re.compile(r"(-|,)(?=\1)")


def to_latex(made: Table) -> str:
    """A `table` float with caption, label `tab:<name>`, booktabs rules and the definitions below; all text escaped.

    Names stand left, numbers right; a table wider than the text is scaled to it. Nothing is ever left out: a sign that
    LaTeX's own fonts lack is written as its code point, [U+4E2D].
    """
    columns = "".join(map(_alignment, made.columns))
    rows = [
        " & ".join(_cell(cell, column) for cell, column in zip(row, made.columns, strict=True)) for row in made.rows
    ]
    scaled = _width(made) > LINE
    notes = [latex_text(made.note)] if made.note else []
    notes += [rf"\textbf{{{latex_text(entry.heading)}}}: {latex_text(entry.text)}" for entry in made.definitions]
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{latex_text(made.title)}.}}",
        rf"\label{{tab:{made.name}}}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        *([r"\resizebox{\linewidth}{!}{%"] if scaled else []),
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        " & ".join(latex_text(column.heading) for column in made.columns) + r" \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}" + "}" * scaled,
        *([r"\par\medskip", rf"\parbox{{\linewidth}}{{\scriptsize {' '.join(notes)}}}"] if notes else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _alignment(column: Column) -> str:
    if column.wide:
        return r"p{0.3\linewidth}"
    return "l" if column.text else "r"


def _width(made: Table) -> int:
    """Letters that its widest row takes, without the columns that break their lines."""
    narrow = [at for at, column in enumerate(made.columns) if not column.wide]
    rows = [[column.heading for column in made.columns]]
    rows += [[cell_text(cell, column) for cell, column in zip(row, made.columns, strict=True)] for row in made.rows]
    return sum(2 + max(len(row[at]) for row in rows) for at in narrow)


def latex_text(text: str) -> str:
    """`text` as one line that LaTeX prints as text: a plug-in's name cannot run a command."""
    plain = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text)
    plain = " ".join(unicodedata.normalize("NFC", plain).split())
    parts = []
    at = 0
    for match in _SIGN.finditer(plain):
        parts += [_letters(plain[at : match.start()]), _SIGNS[match.group()]]
        at = match.end()
    return "".join([*parts, _letters(plain[at:])])


def _letters(text: str) -> str:
    return "".join(map(_letter, _JOINED.sub("\\1\N{ZERO WIDTH SPACE}", text)))


def _letter(mark: str) -> str:
    if mark == "\N{ZERO WIDTH SPACE}":
        return "{}"
    if mark.isascii():
        return _ASCII.get(mark, mark)
    base, *accents = list(unicodedata.normalize("NFD", mark))
    if len(accents) == 1 and accents[0] in _ACCENTS and base.isascii():
        return f"\\{_ACCENTS[accents[0]]}{{{base}}}"
    return f"{{[}}U+{ord(mark):04X}]"


def _cell(cell: Cell, column: Column) -> str:
    text = latex_text(cell_text(cell, column))
    # A hyphen is no minus; a text keeps it.
    return text if isinstance(cell, str) else re.sub(r"-(?=[\d.])", "$-$", text)
