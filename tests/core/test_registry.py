"""Component specs: one meaning has one text, and a text that does not fit is shown with the place marked."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Literal, Optional

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offline_bench.algorithms import algorithms
from offline_bench.core.errors import DuplicateNameError, SpecError, UnknownNameError
from offline_bench.core.near import find_near
from offline_bench.core.registry import Registry
from offline_bench.core.source import hash_source
from offline_bench.core.spec import Spec, parse_spec
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

FAMILIES: list[Registry[Any]] = [relabelings, curations, algorithms]
NAMES = [(family, name) for family in FAMILIES for name in family.names()]

things: Registry[Any] = Registry("thing", handed=1)


@things.register("bent-spoon")
def bent_spoon(
    data: object,
    *,
    angle: float = 1.0,
    broken: bool = False,
    owner: str | None = None,
    sizes: tuple[float, ...] = (1.0, 2.0),
    marks: Sequence[int] = (),
    maker: Optional[str] = None,  # noqa: UP045 - plug-ins may be written so
    metal: Literal["tin", "iron"] = "tin",
) -> tuple[Any, ...]:
    return (data, angle, broken, owner, sizes, marks, maker, metal)


@things.register("weight")
def weight(*, mass: float) -> float:
    return mass


literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
keys = st.text(string.ascii_lowercase, min_size=3, max_size=6).map(lambda key: f"x{key}")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, literals, max_size=4))
def test_parse_of_str_gives_the_same_spec(parameters: dict[str, Any]) -> None:
    spec = Spec("random-2.5", tuple(sorted(parameters.items())))
    assert parse_spec(str(spec)) == spec


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(string.ascii_lowercase + "()[]{}=,'\"é\n 01.#\\*:+-", max_size=20))
def test_any_text_is_a_spec_or_a_spec_error_with_a_caret_within_it(tail: str) -> None:
    try:
        parse_spec(f"random({tail}")
    except SpecError as error:
        shown, mark = str(error).split("\n")[1:]
        assert mark.endswith("^")
        assert len(mark) <= len(shown) + 1


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 0),
        ("Random", 0),
        ("random low", 6),
        ("random(low=0", 6),
        ("random(low=)", 11),
        ("random(low = )", 13),
        ("random(low=, high=1)", 11),
        ("random(a='é', low=)", 18),
        ("random(low=0, high=)", 19),
        ("random(low=[1, x=], high=1)", 16),
        ("random(low=0))", 13),
        ("random(low=0)(high=1)", 6),
        ("random(0.5)", 7),
        ("random(low=0, low=1)", 14),
        ("random(low=0, **{})", 14),
        ("random(low=x)", 11),
        ("  random(low=x)", 13),
        ("random(a='é', low=x)", 18),
        ("random(low=0,\nhigh=x)", 19),
        ("random(low=1e999)", 11),
        ("random(low=[1, 1e999])", 11),
        ("random(low={1, 2})", 11),
        ("random(low=" + "-" * 50_000 + "1)", 6),
    ],
)
def test_a_malformed_spec_is_shown_with_a_caret_at_the_place(text: str, column: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    shown, mark = str(caught.value).split("\n")[1:]
    assert shown == "    " + text.replace("\n", " ")
    assert mark == " " * (4 + column) + "^"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("bent-spoon()", "bent-spoon"),
        ("bent-spoon(angle=1)", "bent-spoon"),
        ("bent-spoon(angle=2)", "bent-spoon(angle=2.0)"),
        ("bent-spoon(owner='me', angle=2)", "bent-spoon(angle=2.0, owner='me')"),
        ("bent-spoon( broken = True )", "bent-spoon(broken=True)"),
        ("bent-spoon(owner=None)", "bent-spoon"),
        ("bent-spoon(sizes=[1, 2])", "bent-spoon"),
        ("bent-spoon(sizes=[3])", "bent-spoon(sizes=(3.0,))"),
        ("bent-spoon(marks=[3, 4])", "bent-spoon(marks=(3, 4))"),
        ("bent-spoon(maker='me')", "bent-spoon(maker='me')"),
        ("bent-spoon(metal='iron')", "bent-spoon(metal='iron')"),
    ],
)
def test_one_meaning_has_one_text(text: str, canonical: str) -> None:
    bound = things.bind(text)
    assert str(bound) == canonical
    assert str(things.bind(canonical)) == canonical
    assert parse_spec(canonical) == bound.spec
    hash(bound.spec)


def test_a_bound_component_calls_its_function_with_the_parameters() -> None:
    assert things.bind("bent-spoon(sizes=[3], angle=2)")("data")[:5] == ("data", 2.0, False, None, (3.0,))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bent-spoon(angle=True)", "angle must be a float, not True"),
        ("bent-spoon(angle='1')", "angle must be a float, not '1'"),
        ("bent-spoon(broken=1)", "broken must be a bool, not 1"),
        ("bent-spoon(owner=3)", "owner must be a str or NoneType, not 3"),
        ("bent-spoon(maker=3)", "maker must be a str or NoneType, not 3"),
        ("bent-spoon(sizes=['a'])", "sizes must be a float, not 'a'"),
        (f"bent-spoon(angle={10**400})", "angle is too large for a float"),
        ("bent-spoon(angel=3)", "unknown parameter of bent-spoon 'angel': did you mean angle"),
        ("bent-spoon(data=3)", "unknown parameter of bent-spoon 'data'"),
        ("weight", "'weight' lacks a parameter: write weight(mass=...)"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        things.bind(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("bend-spoon", "did you mean bent-spoon?"), ("xyz", "known: bent-spoon, ")])
def test_an_unknown_name_gets_near_ones_or_all(name: str, said: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        things.bind(name)
    assert f"unknown thing '{name}'" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["", "Spoon", "a b", "a(", "-a", "a--b", "é"])
def test_a_name_that_no_spec_could_hold_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="cannot name a thing"):
        things.register(name)


def test_a_second_function_of_one_name_is_refused_and_the_first_kept() -> None:
    def other() -> None:
        """Not a weight."""

    with pytest.raises(DuplicateNameError, match="two things are called 'weight'"):
        things.register("weight")(other)
    assert things.function("weight") is weight


def test_functions_without_source_are_told_apart() -> None:
    registry: Registry[Any] = Registry("thing")
    one, other = eval("lambda: 1"), eval("lambda: 2")
    assert hash_source(one) == ""
    registry.register("made")(one)
    registry.register("made")(one)
    with pytest.raises(DuplicateNameError):
        registry.register("made")(other)


def test_the_source_hash_sees_code_and_not_words() -> None:
    def compute(x: int) -> int:
        return x + 1

    first = hash_source(compute)

    def compute(x: int) -> int:  # type: ignore[no-redef]
        """Says what it does."""

        return x + 1  # and why

    worded = hash_source(compute)

    def compute(x: int) -> int:  # type: ignore[no-redef]
        return x + 2

    assert first == worded != hash_source(compute)


def test_an_annotation_that_cannot_be_read_is_told() -> None:
    registry: Registry[Any] = Registry("thing")

    @registry.register("vague")
    def vague(data: Missing, *, p: float = 0.5) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Annotated with a name that is only there for type checkers."""

    with pytest.raises(SpecError, match=r"thing vague has an annotation .*'Missing' is not defined"):
        registry.bind("vague")


@pytest.mark.parametrize(("family", "name"), NAMES, ids=[name for _, name in NAMES])
def test_every_registered_name_is_readable_and_documented(family: Registry[Any], name: str) -> None:
    assert parse_spec(name) == Spec(name)
    assert (family.function(name).__doc__ or "").strip()
    assert len(hash_source(family.function(name))) == 16


def test_the_text_of_a_numpy_number_is_no_literal() -> None:
    with pytest.raises(SpecError):
        things.bind(f"weight(mass={np.float64(1.0)!r})")


def test_a_parameter_that_is_not_keyword_only_is_told_what_it_lacks() -> None:
    registry: Registry[Any] = Registry("thing", handed=1)

    @registry.register("flip")
    def flip(data: object, p: float = 0.5, *, q: float = 0.5) -> None: ...

    with pytest.raises(SpecError, match=r"p is not a keyword-only parameter of flip.* put `\*` before it: def flip"):
        registry.bind("flip(p=0.25)")
    with pytest.raises(SpecError, match="unknown parameter of flip 'data': "):
        registry.bind("flip(data=1)")
    assert str(registry.bind("flip(q=0.25)")) == "flip(q=0.25)"


def test_where_a_function_comes_from_is_known() -> None:
    registry: Registry[Any] = Registry("thing")

    @registry.register("mine", version=3)
    def mine() -> None: ...

    origin = registry.origin("mine")
    assert (origin.plugin, origin.version, origin.source) == (True, 3, hash_source(mine))
    assert len(origin.files) == 16
    with pytest.raises(UnknownNameError, match="unknown thing 'mime': did you mean mine"):
        registry.origin("mime")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("TD3+BC", "td3-plus-bc"),
        ("TD3+BC(alpha=1.0)", "td3-plus-bc"),
        ("td3_plus_bc", "td3-plus-bc"),
        ("td3+bc", "td3-plus-bc"),
        ("IQL", "iql"),
        ("Discrete_BC", "discrete-bc"),
    ],
)
def test_a_name_as_papers_write_it_finds_the_one_that_is_meant(typed: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"unknown algorithm .*: did you mean {meant}\?$"):
        algorithms.bind(typed)


@pytest.mark.parametrize(("family", "name"), NAMES)
def test_every_name_is_found_whatever_its_case_and_signs(family: Registry[Any], name: str) -> None:
    for typed in (name.upper(), name.replace("-", "_"), name.replace("-", " ").title()):
        assert find_near(typed, family.names())[0] == name


def test_a_text_that_is_near_no_name_is_still_shown_with_its_place() -> None:
    with pytest.raises(SpecError, match="a spec starts with a name in lower case"):
        algorithms.bind("(alpha=1)")
    assert find_near("qqqqqqq", algorithms.names()) == []
