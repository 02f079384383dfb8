"""SVG as matplotlib writes it, made small, the same on every processor, and fit to stand in a page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from xml.etree import ElementTree

# What is drawn in these two colors follows the page when the drawing stands in one; alone, they are black and white.
INK = "#010101"
PAPER = "#fefefe"
DARK_INK, DARK_PAPER = "#e9e7e2", "#16171a"
FONT = "'DejaVu Sans', Verdana, sans-serif"
DISPLAY = 1.5  # pixels of a page per point of the drawing

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_HREF = f"{{{_LINK}}}href"
_GEOMETRY = ("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "points", "transform", "viewBox")
_NUMBER = re.compile(r"-?\d+\.\d+")
_NO_TURN = re.compile(r"rotate\(-?0[ )]")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_SHEET = 2  # where the sheet of paper lies in the root, after title and description; inline, the page is the paper
# matplotlib says this in a style sheet, which would rule the whole page.
_JOINS = {"stroke-linejoin": "round", "stroke-linecap": "butt"}

ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _LINK)
Element = ElementTree.Element


def finish(raw: str, name: str, title: str, description: str) -> str:
    """matplotlib's SVG with a title and a description, ids of its own, and coordinates to 0.01 points."""
    root = ElementTree.fromstring(raw)  # noqa: S314, just written by matplotlib
    _drop(root, lambda element: element.tag in (_tag("metadata"), _tag("style")))
    for element in root.iter():
        _spread_style(element)
        _compact(element)
    _rename(root, name)
    for group in root.iter(_tag("g")):
        _share_style(group)
    _drop(root, lambda element: element.tag in (_tag("g"), _tag("defs")) and not len(element))
    _unwrap(root)
    _label(root, name, title, description)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def inline_form(svg: str) -> str:
    """A finished SVG as an element of a page, see `Figure.inline`."""
    root = ElementTree.fromstring(svg)  # noqa: S314, made here
    root.remove(root[_SHEET])
    for key in ("height", "font-family"):
        del root.attrib[key]
    for element in root.iter():
        for key, value in element.attrib.items():
            if value in (INK, PAPER):
                element.set(key, "currentColor" if value == INK else "var(--paper, #fff)")
    return ElementTree.tostring(root, encoding="unicode")


def dark_form(svg: str) -> str:
    """A finished SVG for a dark page: its ink light, its paper dark, all else as it was."""
    return svg.replace(INK, DARK_INK).replace(PAPER, DARK_PAPER)


def _label(root: Element, name: str, title: str, description: str) -> None:
    words = [Element(_tag(tag), {"id": f"{name}-{tag}"}) for tag in ("title", "desc")]
    words[0].text, words[1].text = title, description
    root[:0] = [*words, Element(_tag("rect"), {"width": "100%", "height": "100%", "fill": PAPER})]
    box = root.get("viewBox", "0 0 0 0")
    _, _, width, height = (float(number) * DISPLAY for number in box.split())
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "width": f"{width:g}", "height": f"{height:g}", "font-family": FONT, **_JOINS})
    root.attrib.update({"role": "img", "aria-labelledby": f"{name}-title {name}-desc"})


def _spread_style(element: Element) -> None:
    """A style attribute as presentation attributes, which a content policy without inline styles allows."""
    for declaration in filter(None, element.attrib.pop("style", "").split(";")):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key != "font-family" and _JOINS.get(key) != value and (key, value) != ("stroke-dashoffset", "0"):
            element.set(key, value.removesuffix("px"))


def _compact(element: Element) -> None:
    for key in element.attrib.keys() & set(_GEOMETRY):
        element.set(key, " ".join(_NUMBER.sub(_rounded, element.attrib[key]).split()))
    if _NO_TURN.match(element.get("transform", "")):
        del element.attrib["transform"]
    element.tail = None
    if element.tag != _tag("text"):
        element.text = None


def _rounded(match: re.Match[str]) -> str:
    # From the six decimals that are written, not from the binary number: what differs in its last bit is gone by then.
    text = f"{Decimal(match.group()).quantize(Decimal('0.01')):f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _rename(root: Element, name: str) -> None:
    """Short ids that no drawing of another name has, and only where something refers to them."""
    prefix = f"f{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    names = {old: f"{prefix}-{number}" for number, old in enumerate(dict.fromkeys(_references(root)))}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in names:
            element.set("id", names[old])
        for key, value in element.attrib.items():
            if key == _HREF:
                element.set(key, f"#{names[value[1:]]}")
            elif key != "id":
                element.set(key, _REFERENCE.sub(lambda match: f"url(#{names[match[1]]})", value))


def _references(root: Element) -> Iterator[str]:
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == _HREF:
                yield value[1:]
            else:
                yield from _REFERENCE.findall(value)


def _share_style(group: Element) -> None:
    """What all marks of one series say alike is said once, by their group."""
    if not len(group) or any(child.tag != _tag("use") for child in group):
        return
    for key, value in dict(group[0].attrib).items():
        if key not in ("x", "y", _HREF) and all(child.get(key) == value for child in group):
            group.set(key, value)
            for child in group:
                del child.attrib[key]


def _drop(root: Element, unwanted: Callable[[Element], bool]) -> None:
    """Remove the descendants that are `unwanted`, from the leaves up."""
    for child in list(root):
        _drop(child, unwanted)
        if unwanted(child):
            root.remove(child)


def _unwrap(root: Element) -> None:
    """Groups that say nothing give way to what is in them."""
    for child in list(root):
        _unwrap(child)
        if child.tag == _tag("g") and not child.attrib:
            at = list(root).index(child)
            root[at : at + 1] = list(child)


def _tag(name: str) -> str:
    return f"{{{_SVG}}}{name}"
