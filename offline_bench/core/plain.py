"""Text from strangers made plain: a terminal shows it, and obeys nothing in it."""

from __future__ import annotations

import unicodedata

# Control, format, surrogate, private and unassigned characters, and separators of lines and paragraphs.
UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# What this project prints beyond ASCII, for a terminal that has no such signs.
_STAND_INS = {"▲": "^", "–": "-", "—": "-", "−": "-", "…": "...", "·": "*", "×": "x", "∞": "inf", "½": "1/2"}


def plain(text: str, encoding: str = "utf-8") -> str:
    """`text` with its lines kept and every invisible character written as its code, such as `\\x1b`.

    A sign that `encoding` lacks is written as another: ▲ as ^, a letter without its accents, else a question mark.
    """
    shown = text if text.isprintable() else "".join(mark if mark == "\n" else _show(mark) for mark in text)
    return "".join(_fit(mark, encoding) for mark in shown) if not _fits(shown, encoding) else shown


def plain_line(text: str) -> str:
    """`text` as `plain`, in one line, so that a message cannot pretend to be the next one."""
    return plain(" ".join(text.splitlines()))


def cut(text: str, most: int) -> str:
    """`text`, or its first `most` characters and how many more there were."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} more characters)"


def _show(mark: str) -> str:
    if unicodedata.category(mark) not in UNPRINTABLE:
        return mark
    return mark.encode("unicode_escape", "surrogatepass").decode("ascii")


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _fit(mark: str, encoding: str) -> str:
    if _fits(mark, encoding):
        return mark
    bare = "".join(part for part in unicodedata.normalize("NFKD", mark) if not unicodedata.combining(part))
    return _STAND_INS.get(mark) or (bare if _fits(bare, encoding) else "?")
