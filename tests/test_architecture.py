"""The architecture as a test: imports point down, the package loads light, files and functions stay small."""

import ast
import subprocess
import sys
from pathlib import Path

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
# Within `analysis` and `report`, likewise; what is in none of these stands at the room's front.
FRONT, TOP = "", "summary"
SUBROOMS = {
    "analysis": [FRONT, "scores", "decides", "predictions", "published", "behavior", TOP],
}
# Modules that are still to move, by the room that is theirs.
WAITING = {}
ALLOWED = {"algorithms": {"d3rlpy", "torch"}, "behaviors": {"torch"}, "benchmarks": {"torch"}}
ROOM_OF = {module: room for room, modules in WAITING.items() for module in modules.split()}
ORDER = {room: number for number, room in enumerate(ROOMS)}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("offline_bench.")}


def room_of(module: str) -> str:
    return ROOM_OF.get(module, module)


def test_every_module_has_a_room() -> None:
    assert {room_of(module_of(path)) for path in FILES} - {"__init__", "__main__"} == set(ROOMS) - {"benchmarks"} | (
        {"benchmarks"} if any(room_of(module_of(path)) == "benchmarks" for path in FILES) else set()
    )


def test_imports_point_back_along_the_rooms() -> None:
    for path in FILES:
        room = room_of(module_of(path))
        if room in ("__init__", "__main__"):
            continue
        for module in imported_modules(path):
            other = room_of(module)
            if other == room:
                continue
            assert ORDER[other] < ORDER[room], f"{path.relative_to(PACKAGE)} imports {module}, a room further on"


def test_only_algorithms_import_d3rlpy_and_only_training_imports_torch() -> None:
    for path in FILES:
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        heavy = {name.split(".")[0] for name in names} & {"d3rlpy", "torch"}
        allowed = ALLOWED.get(room_of(module_of(path)), set())
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
    assert sorted(offline_bench.__all__) == offline_bench.__all__
