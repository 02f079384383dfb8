"""The architecture as a test: imports point down, the package loads light, files and functions stay small."""

import ast
import subprocess
import sys
from pathlib import Path

import offline_bench

PACKAGE = Path(offline_bench.__file__).parent
LAYERS = [
    {"errors", "paths"},
    {"environments"},
    {"environment"},
    {"registry", "storage", "seeds", "provenance", "plugins", "steppers"},
    {"dataset", "policy", "rollout", "record"},
    {"loaders", "relabel", "evaluate", "behavior", "behaviors", "sketch", "store", "exact"},
    {"curate", "coverage"},
    {"algorithms"},
    {"outcome", "evaluation_benchmark", "support"},
    {"suites", "experiment", "executors", "analysis", "checks", "collect"},
    {"slabs", "report", "display"},
    {"campaign"},
    {"commands"},
    {"cli"},
]
LAYER = {module: number for number, modules in enumerate(LAYERS) for module in modules}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("offline_bench.")}


def test_imports_point_down() -> None:
    for path in FILES:
        if path == PACKAGE / "__init__.py":
            continue
        for module in imported_modules(path) - {module_of(path)}:
            assert LAYER[module] < LAYER[module_of(path)], f"{path.relative_to(PACKAGE)} imports {module} from above"


def test_only_algorithms_import_d3rlpy_and_only_training_imports_torch() -> None:
    for path in FILES:
        nodes = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        heavy = {name.split(".")[0] for name in names} & {"d3rlpy", "torch"}
        allowed = {"algorithms": {"d3rlpy", "torch"}, "behavior": {"torch"}}.get(module_of(path), set())
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
