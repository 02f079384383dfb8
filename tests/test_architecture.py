"""The architecture as a test: imports point back along the rooms, the package loads light, files stay small."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import offline_bench

PACKAGE = Path(offline_bench.__file__).parent
# The rooms in the order in which data walks through them: an import points to a room further up this list.
ROOMS = [
    "core",
    "environments",
    "data",
    "schemes",
    "evaluation",
    "behaviors",
    "algorithms",
    "runs",
    "analysis",
    "report",
    "benchmarks",
    "commands",
    "cli",
]
# Within a room, likewise: the modules at its front, its subrooms, and what draws on all of them.
ANSWERS = ["scores", "decides", "predictions", "published", "behavior"]
SUBROOMS = {
    "analysis": [
        ["findings", "bounds", "resampling", "statistics", "frame", "jackknife", "origin"],
        *([name] for name in ANSWERS),
        ["digest"],
        ["summary"],
    ],
    "report": [
        ["comma", "markdown", "definitions"],
        ["figures"],
        ["tables"],
        *([name] for name in ["coverage", *ANSWERS]),
        ["html", "results_page"],
    ],
}
# What may be loaded where: all other rooms work without.
HEAVY = {
    "core": {"torch"},  # `threads.py`, late
    "schemes": {"torch"},  # what learns a reward, late
    "algorithms": {"d3rlpy", "torch"},
    "behaviors": {"torch"},
    "benchmarks": {"d3rlpy", "torch"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def parts_of(path: Path) -> tuple[str, ...]:
    """A file's place, as `("analysis", "scores", "entries")`; a package's own file is named by its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported_modules(path: Path) -> set[tuple[str, ...]]:
    """The modules of this package that the file names in an import, wherever in it and for whatever purpose."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.relative_to(PACKAGE)} imports relative to itself"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {resolve(name) for name in names if name.partition(".")[0] == "offline_bench"}
    return found - {()}


def resolve(name: str) -> tuple[str, ...]:
    """The module that `name` is or lies in."""
    parts = tuple(name.split(".")[1:])
    while parts and not (PACKAGE.joinpath(*parts).with_suffix(".py").exists() or PACKAGE.joinpath(*parts).is_dir()):
        parts = parts[:-1]
    return parts


def test_every_module_has_a_room() -> None:
    assert {parts_of(path)[0] for path in FILES if parts_of(path)} - {"__main__"} == set(ROOMS)
    for room, order in SUBROOMS.items():
        inside = {parts_of(path)[1] for path in FILES if parts_of(path)[:1] == (room,) and len(parts_of(path)) > 1}
        assert inside == {name for group in order for name in group}, room


def test_imports_point_back_along_the_rooms() -> None:
    order = {room: number for number, room in enumerate(ROOMS)}
    for path in FILES:
        room = parts_of(path)[:1]
        if room in ((), ("__main__",)):
            continue
        for module in imported_modules(path):
            if module[0] != room[0]:
                told = f"{path.relative_to(PACKAGE)} imports {'.'.join(module)}, a room further on"
                assert order[module[0]] < order[room[0]], told


@pytest.mark.parametrize("room", SUBROOMS)
def test_imports_point_back_along_the_subrooms(room: str) -> None:
    order = {name: number for number, group in enumerate(SUBROOMS[room]) for name in group}
    for path in FILES:
        own = parts_of(path)
        if own[0:1] != (room,) or len(own) == 1:
            continue
        for module in imported_modules(path):
            if module[0] == room and len(module) > 1 and module[1] != own[1]:
                told = f"{path.relative_to(PACKAGE)} imports {'.'.join(module)}, a subroom further on"
                assert order[module[1]] <= order[own[1]], told


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {parts_of(path): imported_modules(path) for path in FILES if path.name != "__init__.py"}
    done: set[tuple[str, ...]] = set()

    def walk(module: tuple[str, ...], way: tuple[tuple[str, ...], ...]) -> None:
        assert module not in way, " -> ".join(".".join(step) for step in (*way, module))
        if module not in done:
            for other in graph.get(module, ()):
                walk(other, (*way, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_no_two_modules_of_one_name_mean_different_things() -> None:
    # One finding has one name where it is computed and where it is laid out; one algorithm has one with every trainer.
    named = defaultdict(set)
    for path in FILES:
        parts = parts_of(path)
        if path.name != "__init__.py":
            mirrored = parts[0] in ("analysis", "report") and len(parts) > 2
            named[parts[-1]].add(parts[1:] if mirrored else parts[:1] if parts[0] == "algorithms" else parts)
    assert not {name: places for name, places in named.items() if len(places) > 1}


def test_every_package_says_what_it_is_for_and_every_room_which_file_to_read_first() -> None:
    for path in FILES:
        if path.name == "__init__.py":
            told = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
            assert "." in told, path
            first = re.search(r"Read `([\w/]+\.py)`", told)
            assert len(parts_of(path)) != 1 or first, f"{path.relative_to(PACKAGE)} names no file to begin with"
            assert not first or (path.parent / first.group(1)).exists(), (
                f"{path.relative_to(PACKAGE)} names no file of its"
            )


def test_only_what_trains_or_measures_training_imports_torch_or_d3rlpy() -> None:
    for path in FILES:
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        heavy = {name.split(".")[0] for name in names} & {"d3rlpy", "torch"}
        allowed = HEAVY.get((parts_of(path) or ("",))[0], set())
        assert heavy <= allowed, f"{path.relative_to(PACKAGE)} imports {heavy}"


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "('torch', 'd3rlpy', 'mujoco', 'gymnasium', 'pandas', 'h5py', 'minari', 'scipy')"
    code = f"import sys, offline_bench; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_files_and_functions_stay_small() -> None:
    for path in FILES:
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 45, f"{path}: {node.name}"


def test_everything_promised_is_importable() -> None:
    assert all(hasattr(offline_bench, name) for name in offline_bench.__all__)
