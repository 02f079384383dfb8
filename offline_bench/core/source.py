"""A hash of code that changes with the code, and not with its comments, docstrings or layout."""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import sysconfig
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

OURS = Path(__file__).resolve().parents[1]
# From Python 3.12 on an f-string is many tokens, where it was one.
F_STRING = tuple(getattr(tokenize, f"FSTRING_{part}", None) for part in ("START", "END"))
LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)
WORDS = (tokenize.STRING, tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)  # What a docstring is made of.
MARKS = {tokenize.INDENT: "{", tokenize.DEDENT: "}", tokenize.NEWLINE: "\n"}


def hash_source(function: Callable[..., Any]) -> str:
    """Sixteen hex digits over the function's source; docstring, comments and layout do not count.

    Over its characters, not its syntax tree: how a tree is written down differs between versions of Python.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return ""
    kinds = ast.FunctionDef | ast.ClassDef
    worded = [node for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node)]
    docstrings = {(node.body[0].lineno, node.body[0].col_offset) for node in worded}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    kept = [t.string for t in tokens if t.type != tokenize.COMMENT and t.start not in docstrings]
    return _digest("".join("".join(kept).split()))


def hash_files(*paths: Path) -> str:
    """Sixteen hex digits over the code of `paths` and of what they import from beside themselves; '' for no file.

    Beside a file lies its package, or its folder where it is in none. Docstrings, comments, blank lines and the
    breaks within a statement do not count; neither does where the files lie. Files of data do not count either.
    """
    found = list_files(*paths)
    return _digest("\0".join(_read_code(path) for path in found)) if found else ""


def list_files(*paths: Path) -> list[Path]:
    """Those of `paths` that are files, then the files that these import from beside themselves, and so on."""
    found = [path.resolve() for path in paths if path.is_file()]
    for path in found:
        found.extend(other for other in sorted({*_imported(path)}) if other not in found)
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_code(path: Path) -> str:
    try:
        about = path.stat()
        return _code_of(path, about.st_mtime_ns, about.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=256)
def _code_of(path: Path, changed: int, size: int) -> str:
    """The code in the file at `path`; the other two say which state of it."""
    content = path.read_bytes()
    try:
        with tokenize.open(path) as file:
            return strip_words(file.read())
    except (SyntaxError, ValueError, RecursionError):
        return content.hex()  # Nobody can run it: then every byte counts.


def strip_words(source: str) -> str:
    """`source` without docstrings, comments and layout, but with what indentation says.

    Raises `SyntaxError` where it is no Python.
    """
    lines = source.splitlines(keepends=True)
    docstrings = _find_docstrings(ast.parse(source))
    parts: list[str] = []
    begun: list[tuple[int, int]] = []
    skipping = False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        skipping = token.start in docstrings or (skipping and token.type in WORDS)
        if skipping:
            continue
        if token.type == F_STRING[0]:
            begun.append(token.start)
        elif token.type == F_STRING[1]:
            start = begun.pop()
            if not begun:
                parts.append(_slice(lines, start, token.end))
        elif not begun and token.type not in LAYOUT:
            parts.append(MARKS.get(token.type, token.string))
    return " ".join(parts)


def _find_docstrings(tree: ast.Module) -> set[tuple[int, int]]:
    """Where docstrings begin: line from 1, column from 0."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    worded = [node for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node) is not None]
    return {(node.body[0].lineno, node.body[0].col_offset) for node in worded}


def _slice(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    taken = lines[start[0] - 1 : end[0]]
    taken[-1] = taken[-1][: end[1]]
    taken[0] = taken[0][start[1] :]
    return "".join(taken)


def _imported(path: Path) -> Iterator[Path]:
    """The files that the file at `path` imports and that lie beside it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    package = _package_of(path)
    root = package.parent if package else path.parent
    if not package and str(root) in sysconfig.get_paths().values():
        return  # What lies beside it there is everything that was ever installed.
    if package:
        yield from (folder / "__init__.py" for folder in path.parents if folder == package or package in folder.parents)
    for start, name in _imported_names(tree, path, root):
        place = start
        for part in name.split("."):
            place = place / part
            for file in (place.with_name(f"{part}.py"), place / "__init__.py"):
                if file.is_file() and (package is None or package in file.parents) and OURS not in file.parents:
                    yield file.resolve()


def _imported_names(tree: ast.Module, path: Path, root: Path) -> Iterator[tuple[Path, str]]:
    """Every dotted name that `tree` imports, with the folder it starts from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((root, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = path.parents[min(node.level, len(path.parents)) - 1] if node.level else root
            names = [".".join(filter(None, (node.module, alias.name))) for alias in node.names]
            yield from ((start, name) for name in names)


def _package_of(path: Path) -> Path | None:
    """The folder of the outermost package that the file at `path` is in; None for none."""
    packages = []
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            break
        packages.append(folder)
    return packages[-1] if packages else None
