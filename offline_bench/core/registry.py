"""Names to plug-ins: what is registered, where it comes from, and how a text is bound to it."""

from __future__ import annotations

import hashlib
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from offline_bench.core.errors import DuplicateNameError, SpecError, UnknownNameError
from offline_bench.core.near import find_near
from offline_bench.core.plugins import load_installed
from offline_bench.core.source import hash_files, hash_source
from offline_bench.core.spec import ARROW, NAME, Spec, mark_place, parse_spec, spec_name, split_stages

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Origin:
    """Where a function was registered, and its code at that time: a later edit changes no result.

    plugin    whether it came from outside of this package
    version   what its author counts up when what it does changes
    source    hash of the function's own source; '' where there is none, or where it is built in and not asked for yet
    files     hash of the files of a plug-in, see `hash_files`; '' for what is built in, or has no file
    """

    plugin: bool
    version: int = 1
    source: str = ""
    files: str = ""


@dataclass(frozen=True)
class Component(Generic[F]):
    """A plug-in with its parameters bound: call it with the arguments of its family.

    after: the stages that follow it where it begins a chain; who calls it calls them too, see `stages`.
    """

    spec: Spec
    function: F
    after: tuple[Component[F], ...] = ()

    @property
    def stages(self) -> tuple[Component[F], ...]:
        """The stages of a chain, in order; itself if it is not a chain."""
        return (replace(self, after=()), *self.after)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments, **dict(self.spec.parameters))

    def __str__(self) -> str:
        return ARROW.join(str(stage.spec) for stage in (self, *self.after))


class Registry(Generic[F]):
    """The plug-ins of one family, by name.

    handed   how many arguments its functions are called with
    chained  whether a text may name several, one working on what the one before it made: `noisy > sign`
    """

    def __init__(self, family: str, handed: int = 0, chained: bool = False) -> None:
        self.family = family
        self.handed = handed
        self.chained = chained
        self._functions: dict[str, F] = {}
        self._origins: dict[str, Origin] = {}
        self._helpers: dict[str, tuple[Callable[..., Any], ...]] = {}

    def register(self, name: str, version: int = 1, rests_on: Sequence[Callable[..., Any]] = ()) -> Callable[[F], F]:
        """Decorator that registers a function. Raises `DuplicateNameError`, or `SpecError` for a malformed name.

        Whoever changes what an algorithm does counts up its `version`: records of another version are stale. What a
        built-in scheme calls of ours and `rests_on` counts as its own source.
        """
        if not NAME.fullmatch(name):
            raise SpecError(
                f"{name!r} cannot name a {self.family}: use lower case, digits and '-', such as scaled-negative"
            )
        caller = sys._getframe(1).f_globals

        def add(function: F) -> F:
            known = self._functions.get(name)
            if known is not None and known is not function and not _same_source(known, function):
                raise DuplicateNameError(f"two {self.family}s are called {name!r}: choose another name for the new one")
            self._functions[name] = function
            self._origins[name] = _find_origin(function, caller, version)
            self._helpers[name] = tuple(rests_on)
            return function

        return add

    def names(self) -> list[str]:
        """All registered names and those of installed plug-ins, sorted."""
        load_installed()
        return sorted(self._functions)

    def function(self, name: str) -> F:
        """The function called `name`. Raises `UnknownNameError` with the nearest names."""
        load_installed()
        if name not in self._functions:
            told = unknown_name(self.family, name, self._functions)
            own = f" A {self.family} of your own needs its file: --plugin FILE, before the name of the command."
            raise UnknownNameError(told if find_near(name, self._functions) else f"{told}{own}")
        return self._functions[name]

    def origin(self, name: str) -> Origin:
        """Where the function called `name` comes from. Raises `UnknownNameError` with the nearest names."""
        function, origin = self.function(name), self._origins[name]
        return origin if origin.plugin else replace(origin, source=_hash_built_in(function, *self._helpers[name]))

    def _refuse_near(self, text: str) -> None:
        """Where `text` starts with no name but with what someone may call one, as `TD3+BC`, say which it is."""
        name = spec_name(text)
        if not NAME.fullmatch(name) and find_near(name, self._functions):
            raise UnknownNameError(unknown_name(self.family, name, self._functions))

    def bind(self, text: str) -> Component[F]:
        """The plug-in `text` names, parameters checked against its signature and coerced to its annotations.

        Parameters equal to their defaults are left out of the spec, so one meaning has one text.
        Raises `SpecError`, `UnknownNameError`; in a chain, with the place of the stage marked.
        """
        whole = " ".join(text.splitlines())
        stages = split_stages(whole) if self.chained else []
        if len(stages) < 2:
            return self._bind_one(text)
        first, *after = [self._bind_stage(stage, whole, start) for start, stage in stages]
        return replace(first, after=tuple(after))

    def _bind_stage(self, text: str, whole: str, start: int) -> Component[F]:
        try:
            return self._bind_one(text, whole, start)
        except UnknownNameError as error:
            at = start + len(text) - len(text.lstrip())
            raise UnknownNameError(f"{error}\n{mark_place(whole, at)}") from error

    def _bind_one(self, text: str, whole: str = "", start: int = 0) -> Component[F]:
        self._refuse_near(text)
        spec = parse_spec(text, whole, start)
        function = self.function(spec.name)
        given = dict(spec.parameters)
        known = _keyword_parameters(function)
        open_ended = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
        for key in given:
            if key not in known and not open_ended:
                if key in _positional_parameters(function)[self.handed :]:
                    raise SpecError(
                        f"in {text!r}: {key} is not a keyword-only parameter of {spec.name}. A spec gives parameters "
                        f"by name, so put `*` before it: def {function.__name__}(..., *, {key})"
                    )
                raise SpecError(f"in {text!r}: " + unknown_name(f"parameter of {spec.name}", key, known))
        for key, parameter in known.items():
            if parameter.default is parameter.empty and key not in given:
                raise SpecError(f"{text!r} lacks a parameter: write {spec.name}({key}=...)")
        try:
            hints = typing.get_type_hints(function)
        except NameError as error:
            raise SpecError(f"the {self.family} {spec.name} has an annotation that cannot be read: {error}") from error
        values = {key: _coerce(text, key, value, hints.get(key)) for key, value in given.items()}
        kept = {k: v for k, v in values.items() if k not in known or v != known[k].default}
        return Component(Spec(spec.name, tuple(sorted(kept.items()))), function)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """A sentence that says `name` is unknown and which known names are nearest."""
    known = sorted(known)
    near = find_near(name, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}."
    return f"unknown {kind} {name!r}: {hint}"


def _same_source(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    # A plug-in file loaded twice brings one source twice; where there is no source, nobody can tell.
    return hash_source(one) == hash_source(other) != ""


@cache
def _hash_built_in(function: Callable[..., Any], *helpers: Callable[..., Any]) -> str:
    own, *others = (hash_source(one) for one in (function, *helpers))
    return hashlib.sha256(" ".join([own, *others]).encode()).hexdigest()[:16] if others else own


def _find_origin(function: Callable[..., Any], caller: Mapping[str, Any], version: int) -> Origin:
    """The origin of `function`, registered by the module with the globals `caller`: a name may be given elsewhere."""
    if _is_ours(caller):
        return Origin(plugin=False, version=version)
    home = sys.modules.get(getattr(function, "__module__", None) or "")
    homes = [caller, vars(home) if home else {}]
    files = [Path(home["__file__"]) for home in homes if home.get("__file__") and not _is_ours(home)]
    return Origin(True, version, hash_source(function), hash_files(*dict.fromkeys(files)))


def _is_ours(module: Mapping[str, Any]) -> bool:
    return str(module.get("__name__", "")).partition(".")[0] == __name__.partition(".")[0]


def _positional_parameters(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def _keyword_parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}


def _coerce(text: str, key: str, value: Any, hint: Any) -> Any:
    if isinstance(value, list | tuple):
        value = tuple(_coerce(text, key, inner, None) for inner in value)
    wanted = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    kinds = [typing.get_origin(kind) or kind for kind in wanted]
    kinds = [tuple if kind in (list, Sequence) else kind for kind in kinds]
    if not all(isinstance(kind, type) for kind in kinds):
        _check_size(text, key, value)
        return value  # No annotation, Any or Literal: the plug-in itself decides.
    if float in kinds and type(value) is int:
        value = _to_float(text, key, value)
    _check_size(text, key, value)
    if type(value) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise SpecError(f"in {text!r}: {key} must be a {names}, not {value!r}")
    if isinstance(value, tuple):
        inside = typing.get_args(wanted[kinds.index(tuple)])
        if len(inside) == 1 or inside[1:] == (...,):
            return tuple(_coerce(text, key, inner, inside[0]) for inner in value)
    return value


def _check_size(text: str, key: str, value: Any) -> None:
    if type(value) is int and abs(value) >= 2**63:
        raise SpecError(f"in {text!r:.200}: {key} is too large for a whole number of 64 bits")


def _to_float(text: str, key: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SpecError(f"in {text!r}: {key} is too large for a float") from None
