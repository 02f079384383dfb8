"""Printing: every text of a command goes to the terminal through here, made plain."""

from __future__ import annotations

import sys

import typer

from offline_bench.core.plain import cut, plain

LONGEST = 4_000  # characters of an error: a file's own words in it may have no end


def tell(text: str, err: bool = False) -> None:
    """Print `text` to standard output, or to standard error: made plain, as names and reasons come from strangers."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None)
    typer.echo(plain(text, encoding or "utf-8"), err=err)


def tell_error(error: Exception) -> None:
    """Print the sentence of `error` to standard error."""
    tell(f"error: {cut(str(error), LONGEST)}", err=True)
