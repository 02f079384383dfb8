"""Making the true environment: the one place that does, so that all see the same observations of it.

An environment is named by its Gymnasium id, `Hopper-v5`; by `module:id`, where importing the module registers it; or
with arguments that it is made with, `PointMaze_UMaze-v3(continuing_task=True, max_episode_steps=300)`.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import io
import json
import warnings
from functools import cache
from typing import Any

from offline_bench.environments.model import TabularModel


def make_environment(environment: Any, **options: Any) -> Any:
    """The Gymnasium environment of a name or spec, its observations vectors where they can be.

    Dict observations, as those with goals, become one vector by Gymnasium's own `flatten`: their entries one after
    the other in the alphabetical order of their keys, nested ones likewise: achieved_goal, desired_goal, observation.
    Discrete ones become one-hot vectors, as parts and alone.
    Raises what `gymnasium.make` raises.
    """
    gymnasium = import_gymnasium()
    made: Any = gymnasium.make(find_spec(environment) if isinstance(environment, str) else environment, **options)
    space = made.observation_space
    if not isinstance(space, gymnasium.spaces.Dict | gymnasium.spaces.Discrete):
        return made
    # A Dict space may have been declared in another order; that of a file's metadata is lost when sets are combined.
    space = sort_space(space)
    flatten, flatten_space = gymnasium.spaces.utils.flatten, gymnasium.spaces.utils.flatten_space
    return gymnasium.wrappers.TransformObservation(made, lambda shown: flatten(space, shown), flatten_space(space))


def find_spec(environment: str) -> Any:
    """The `gymnasium.envs.registration.EnvSpec` of a name, with the arguments in it.

    Where nothing is registered under an id, the installed packages that bring environments are asked: Gymnasium 1.0
    does not do so itself. Raises `gymnasium.error.Error`, `ImportError` for a module that is not there.
    """
    gymnasium = import_gymnasium()
    name, arguments = _parse(environment)
    module, _, name = name.rpartition(":")
    if module:
        importlib.import_module(module)
    elif name not in gymnasium.registry:
        _load_packages()
    spec = copy.deepcopy(gymnasium.spec(name))
    spec.max_episode_steps = arguments.pop("max_episode_steps", spec.max_episode_steps)
    spec.kwargs.update(arguments)
    return spec


def name_environment(environment: str, max_episode_steps: int | None, arguments: dict[str, Any]) -> str:
    """The id `environment` with what is unlike its registered spec; the id alone where it is not registered here."""
    gymnasium = import_gymnasium()
    try:
        spec = find_spec(environment)
    except (gymnasium.error.Error, ImportError):
        return environment
    other = {key: value for key, value in arguments.items() if _as_text(spec.kwargs.get(key)) != _as_text(value)}
    if max_episode_steps != spec.max_episode_steps:
        other["max_episode_steps"] = max_episode_steps
    listed = ", ".join(f"{key}={other[key]!r}" for key in sorted(other))
    return f"{environment}({listed})" if other else environment


def sort_space(space: Any) -> Any:
    """`space` with the keys of Dict spaces in alphabetical order, at every depth."""
    gymnasium = import_gymnasium()
    if not isinstance(space, gymnasium.spaces.Dict):
        return space
    return gymnasium.spaces.Dict({key: sort_space(space[key]) for key in sorted(space.spaces)})


def import_gymnasium() -> Any:
    """Gymnasium, with this project's own environments in its registry: version 1.0 looks for no plug-ins itself."""
    import gymnasium

    from offline_bench.environments import register

    register()
    return gymnasium


def _parse(environment: str) -> tuple[str, dict[str, Any]]:
    name, bracket, rest = environment.partition("(")
    if not bracket:
        return name, {}
    try:
        call: Any = ast.parse(f"_({rest}", mode="eval").body
        if call.args or not all(keyword.arg for keyword in call.keywords):
            raise ValueError("arguments are to be given as key=value")
        return name, {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AttributeError, RecursionError) as error:
        raise import_gymnasium().error.Error(f"{environment!r} is no id(key=value, ...): {error}") from error


def _as_text(value: Any) -> str:
    # So that a tuple is the list it becomes in a file, and arrays compare.
    return json.dumps(value, default=repr)


@cache
def _load_packages() -> None:
    from importlib.metadata import entry_points

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # Some register themselves on import and again when called, or print notes on versions.
        warnings.simplefilter("ignore")
        for entry in entry_points(group="gymnasium.envs"):
            try:
                entry.load()()
            except (ImportError, AttributeError, TypeError):
                continue


@cache
def find_model(environment: str) -> TabularModel | None:
    """The tabular model that the environment of this Gymnasium id shows; None where it shows none."""
    made = make_environment(environment)
    try:
        model = getattr(made.unwrapped, "model", None)
    finally:
        made.close()
    return model if isinstance(model, TabularModel) else None
