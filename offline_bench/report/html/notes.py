"""What the authors of a suite wrote about it, from Markdown to the page; its links fetch nothing until followed."""

from __future__ import annotations

from markupsafe import Markup

DEEPER = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6"}


def render_notes(text: str) -> Markup:
    """`text` as HTML: its own HTML is escaped, it has no images, and its headings go below those of the page."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block", "html_inline"])
    tokens = reader.parse(text)
    for token in tokens:
        token.tag = DEEPER.get(token.tag, token.tag)
        if token.type in ("table_open", "table_close"):
            token.attrs = {}
    made = reader.renderer.render(tokens, reader.options, {})
    return Markup(made)  # noqa: S704, every text in it was escaped by the reader
