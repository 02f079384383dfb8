"""The name of an environment, as a text that says all that it is made from.

That is its Gymnasium id, `Hopper-v5`; or `module:id`, where importing the module registers it; or either with arguments
that it is made with, `PointMaze_UMaze-v3(continuing_task=True, max_episode_steps=300)`.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import math
from typing import Any

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.environments.gymnasium_library import import_gymnasium, load_packages
from offline_bench.environments.packages import check_named

# Python writes these so, and reads them as names.
NUMBERS = {"inf": math.inf, "nan": math.nan}


def find_spec(environment: str) -> Any:
    """The `gymnasium.envs.registration.EnvSpec` of a name, with the arguments in it.

    Where nothing is registered under an id, the installed packages that bring environments are asked: Gymnasium 1.0
    does not do so itself. A module is imported where the user has named its package.
    Raises `gymnasium.error.Error`, `ImportError` for a module that is not there, `EnvironmentMismatchError` for one
    that was not named.
    """
    gymnasium = import_gymnasium()
    name, arguments = _parse(environment)
    module, _, name = name.rpartition(":")
    if module:
        check_named(module, environment)
        importlib.import_module(module)
    elif name not in gymnasium.registry:
        load_packages()
    spec = copy.deepcopy(gymnasium.spec(name))
    spec.max_episode_steps = arguments.pop("max_episode_steps", spec.max_episode_steps)
    spec.kwargs.update(arguments)
    return spec


def portable_spec(environment: str) -> Any:
    """`find_spec` as it goes into a file: with the module in its id, and what makes it as text.

    Raises as `find_spec`, and `EnvironmentMismatchError` for what no file can name.
    """
    spec = find_spec(environment)
    module = module_of(environment)
    spec.id = f"{module}:{spec.id}" if module else spec.id
    if callable(spec.entry_point):
        place, name = spec.entry_point.__module__, spec.entry_point.__qualname__
        if not name.isidentifier() or place == "__main__":
            raise EnvironmentMismatchError(
                f"environment {environment} is made by {name} of {place}, and a file cannot store that. Register it "
                "by a class or function at the top of a module, as 'module:Name'."
            )
        spec.entry_point = f"{place}:{name}"
    try:
        json.dumps(spec.kwargs)
    except (TypeError, ValueError) as error:
        raise EnvironmentMismatchError(
            f"environment {environment} has arguments that a file cannot store ({error}). Register it with numbers, "
            "texts and lists only."
        ) from error
    return spec


def name_environment(
    environment: str, max_episode_steps: int | None, arguments: dict[str, Any], entry_point: str = ""
) -> str:
    """The id `environment` with the arguments that differ from its registered spec.

    Where it is not registered here, with all arguments, and by the module of its `entry_point`; the id alone without
    one. Nothing is imported that the id or the entry point name.
    """
    gymnasium = import_gymnasium()
    module, _, name = environment.rpartition(":")
    if not module and name not in gymnasium.registry:
        load_packages()
    if not module and name in gymnasium.registry:
        spec = gymnasium.registry[name]
        known = {**spec.kwargs, "max_episode_steps": spec.max_episode_steps}
    else:
        module, known = module or entry_point.partition(":")[0], {}
        if not module:
            return environment
    given = {**arguments, "max_episode_steps": max_episode_steps}
    unlike = {key: value for key, value in given.items() if key not in known or _as_text(known[key]) != _as_text(value)}
    return _write(f"{module}:{name}" if module else name, unlike)


def same_environment(one: str, other: str) -> bool:
    """Whether two names say the same; False where one is not known here."""
    if one == other:
        return True
    try:
        specs = [find_spec(name) for name in (one, other)]
    except (import_gymnasium().error.Error, ImportError, EnvironmentMismatchError):
        return False
    first, second = ((spec.id, spec.max_episode_steps, _as_text(spec.kwargs)) for spec in specs)
    return first == second


def module_of(environment: str) -> str:
    """The module that a name has before its id; '' for none."""
    return environment.partition("(")[0].rpartition(":")[0]


def with_step_limit(environment: str, limit: int) -> str:
    """The name `environment` with a time limit of so many steps. Raises as `find_spec` for what is no name."""
    name, arguments = _parse(environment)
    return _write(name, {**arguments, "max_episode_steps": limit})


def _write(name: str, arguments: dict[str, Any]) -> str:
    listed = ", ".join(f"{key}={arguments[key]!r}" for key in sorted(arguments))
    return f"{name}({listed})" if listed else name


def _parse(environment: str) -> tuple[str, dict[str, Any]]:
    name, bracket, rest = environment.partition("(")
    if not bracket:
        return name, {}
    try:
        call: Any = _Numbers().visit(ast.parse(f"_({rest}", mode="eval").body)
        if call.args or not all(keyword.arg for keyword in call.keywords):
            raise ValueError("arguments must be given as key=value")
        return name, {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AttributeError, RecursionError) as error:
        raise import_gymnasium().error.Error(
            f"{environment!r} is not of the form id(key=value, ...): {error}"
        ) from error


class _Numbers(ast.NodeTransformer):
    """Puts the numbers of `NUMBERS` where their names stand as values."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(NUMBERS[node.id]) if node.id in NUMBERS else node


def _as_text(value: Any) -> str:
    # So that a tuple is the list it becomes in a file, and arrays compare.
    return json.dumps(value, default=repr)
