"""Names of environments: they say all that one is made from, and what they name is imported when the user named it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.data.loaders.spaces import find_spaces
from offline_bench.environments.name import find_spec, name_environment, portable_spec, same_environment
from offline_bench.environments.packages import name_package, named_file
from tests.environments.quirks import HERE, Quirky, registered

MODULE = """
from pathlib import Path
import gymnasium
Path(__file__).with_suffix(".imported").touch()
gymnasium.register("Elsewhere-v0", entry_point="tests.environments.quirks:Quirky", max_episode_steps=5)
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module `elsewhere` that registers Elsewhere-v0; the file that its import leaves."""
    (tmp_path / "elsewhere.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path / "home"))
    yield tmp_path / "elsewhere.imported"
    sys.modules.pop("elsewhere", None)
    gymnasium.registry.pop("Elsewhere-v0", None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"low": -math.inf, "high": math.inf},
        {"low": -math.inf, "paid": [1, [math.inf, -2.5]], "reset_as": "int64"},
        {"paid": math.nan},
        {"paid": {"inf": math.inf}},
        {"paid": None, "high": 1e300},
    ],
)
def test_a_name_has_all_arguments_and_is_read_back_the_same(arguments: dict[str, Any]) -> None:
    with registered("Quirk-v0") as registered_name:
        name = name_environment(registered_name, 5, arguments)
        assert repr(sorted(find_spec(name).kwargs.items())) == repr(sorted(arguments.items()))
        assert find_spec(name).max_episode_steps == 5
        assert name_environment(registered_name, 5, {}) == registered_name


def test_naming_what_a_file_says_imports_nothing_and_names_its_module(elsewhere: Path) -> None:
    for given, entry_point in (("elsewhere:Elsewhere-v0", ""), ("Elsewhere-v0", "elsewhere:Anything")):
        name = name_environment(given, 5, {"low": 0.0}, entry_point)
        assert name == "elsewhere:Elsewhere-v0(low=0.0, max_episode_steps=5)"
    assert name_environment("elsewhere:Hopper-v5", 5, {}) == "elsewhere:Hopper-v5(max_episode_steps=5)"
    assert not elsewhere.exists()


def test_a_module_is_imported_once_the_user_has_named_its_package(elsewhere: Path) -> None:
    name = "elsewhere:Elsewhere-v0"
    for refused in (lambda: find_spec(name), lambda: find_spaces(name, "a file")):
        with pytest.raises(EnvironmentMismatchError, match="belongs to the package elsewhere"):
            refused()
    assert not elsewhere.exists()
    name_package("Hopper-v5(xml_file='a:b')")
    assert not named_file().exists()
    name_package("elsewhere.envs:Other-v0(a=1)")
    assert named_file().read_text() == "elsewhere\n"
    assert find_spec(name).max_episode_steps == 5
    assert elsewhere.exists()
    # A second package leaves the first.
    name_package("other:X-v0")
    assert named_file().read_text() == "elsewhere\nother\n"


def test_what_is_imported_already_needs_no_naming(elsewhere: Path) -> None:
    import elsewhere as module  # type: ignore[import-not-found]

    assert find_spec(f"{module.__name__}:Elsewhere-v0(low=0.5)").kwargs == {"low": 0.5}


def test_a_file_names_the_module_and_the_class_that_make_an_environment(elsewhere: Path) -> None:
    name_package("elsewhere:Elsewhere-v0")
    spec = portable_spec("elsewhere:Elsewhere-v0(max_episode_steps=3)")
    assert (spec.id, spec.entry_point, spec.max_episode_steps) == ("elsewhere:Elsewhere-v0", HERE, 3)
    with registered("Quirk-v0", entry_point=Quirky, low=-math.inf) as name:
        assert portable_spec(name).entry_point == HERE
        made = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(portable_spec(name).to_json()))
        assert isinstance(made.unwrapped, Quirky)
        assert made.action_space.low.tolist() == [-math.inf]
    with (
        registered("Quirk-v0", entry_point=lambda: Quirky()) as name,
        pytest.raises(EnvironmentMismatchError, match=r"<lambda> of tests.* a file cannot store"),
    ):
        portable_spec(name)
    with (
        registered("Quirk-v0", paid=np.ones(1)) as name,
        pytest.raises(EnvironmentMismatchError, match="arguments that a file cannot store"),
    ):
        portable_spec(name)


def test_two_names_are_the_same_where_they_make_the_same() -> None:
    assert same_environment("Hopper-v5", "Hopper-v5(max_episode_steps=1000)")
    assert not same_environment("Hopper-v5", "Hopper-v5(max_episode_steps=10)")
    assert not same_environment("Hopper-v5", "Walker2d-v5")
    assert not same_environment("unheard:Hopper-v5", "Hopper-v5")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Hopper-v2", "cannot be made here: .*mujoco_py.* Use its newest version here, Hopper-v5"),
        ("Walker2d-v3", "Use its newest version here, Walker2d-v5"),
        ("Hopper", "Use its newest version here, Hopper-v5"),
        ("Hopper-v6", "did you mean Hopper-v5"),
        ("hopper-medium-v2", r"did you mean Hopper-v5"),
        ("nomodule:Hopper-v5", "belongs to the package nomodule. You have not named this package"),
        ("Hopper-v5(frame_skip=", r"is not of the form id\(key=value"),
        ("Hopper-v5(nothing=3)", "cannot be made here: .*nothing"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*out of date")
def test_what_cannot_be_made_is_told_with_what_to_name_instead(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    with pytest.raises(EnvironmentMismatchError, match=said) as caught:
        find_spaces(name, "a file")
    # What is suggested can be made.
    suggested = str(caught.value).rpartition("did you mean")[2].rpartition("Use its newest")[2]
    assert not any(f"Hopper-v{version}" in suggested for version in (1, 2, 3, 4))
    assert str(caught.value).startswith("a file: ")
