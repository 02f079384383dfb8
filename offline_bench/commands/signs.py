"""What a terminal or pipe that lacks a sign of ours shows in its place."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

PLAIN = {
    "▲": "^",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "·": "*",
    "×": "x",
    "∞": "inf",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
HANDLER = "offline-bench-plain"
ASCII = "offline-bench-ascii"


def show_plain_signs() -> None:
    """Let what is printed from here on survive an output that has no Unicode: a sign that it lacks gets another one."""
    codecs.register_error(HANDLER, _replace)
    codecs.register(_find_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            plain = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=ASCII if plain else stream.encoding, errors=HANDLER)


def _find_ascii(name: str) -> codecs.CodecInfo | None:
    """ASCII under a name of its own: an output called ASCII the command-line library sends UTF-8 all the same."""
    if name.replace("_", "-") != ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        ASCII,
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_plain, text)), error.end


def _plain(mark: str) -> str:
    """ASCII for one sign: its own, a letter without its accent, or a question mark."""
    base = unicodedata.normalize("NFKD", mark).encode("ascii", "ignore").decode()
    return PLAIN.get(mark) or base or ("" if unicodedata.combining(mark) else "?")
