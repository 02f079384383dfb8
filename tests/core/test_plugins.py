"""Plug-in files: a good one registers, and one that fails is told with its own file, line and text."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import offline_bench as ob
from offline_bench import relabelings
from offline_bench.core import plugins
from offline_bench.core.errors import PluginError
from offline_bench.core.plugins import load_entry_points, load_plugin

FLIP = '''\
import numpy as np
import offline_bench as ob

@ob.relabelings.register("flip")
def flip(data: ob.Dataset, rng: np.random.Generator, *, p: float = 0.5) -> np.ndarray:
    """r' = -r on a random share p of the episodes."""
    flipped = rng.random(data.n_episodes) < p
    return np.where(flipped[data.episode_of], -data.true_rewards, data.true_rewards)

ob.check_relabeling("flip(p=0.25)")          # the contract, as a function
'''


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Takes away what a test's plug-ins registered."""
    before = dict(ob.relabelings._functions)
    yield
    ob.relabelings._functions.clear()
    ob.relabelings._functions.update(before)


def write(folder: Path, text: str, name: str = "scheme.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plugin_registers_and_runs(tmp_path: Path) -> None:
    load_plugin(write(tmp_path, FLIP))
    from offline_bench.schemes.checks import sample_dataset

    data = sample_dataset([3, 2], [True, False])
    assert ob.relabel(data, "flip(p=1)", 0).rewards.tolist() == (-data.true_rewards).tolist()
    assert ob.relabel(data, "flip(p=0)", 0).rewards.tolist() == data.true_rewards.tolist()
    assert ob.relabel(data, "flip(p=0.5)", 0).relabeling == "flip"
    assert len(ob.relabelings.origin("flip").source) == 16


def test_a_plugin_can_be_loaded_twice(tmp_path: Path) -> None:
    path = write(tmp_path, FLIP)
    load_plugin(path)
    load_plugin(path)
    assert "flip" in ob.relabelings.names()


def test_a_plugin_that_takes_a_known_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"line 4: .*two relabelings are called 'zero'"):
        load_plugin(write(tmp_path, FLIP.replace('"flip"', '"zero"')))


def test_a_plugin_that_fails_its_own_check_is_told_with_the_line_of_the_check(tmp_path: Path) -> None:
    broken = FLIP.replace("return np.where", "return 1 + 0 * np.inf * np.where")
    with pytest.raises(PluginError, match=r"line 10: ob\.check_relabeling.* rewards are not finite"):
        load_plugin(write(tmp_path, broken))


@pytest.mark.filterwarnings("ignore:invalid")
@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("x = 1\n\ny = lenght(x)  # oh\n", "line 3: y = lenght(x)  # oh", "NameError: name 'lenght' is not defined"),
        ("x = 1\nif x = 2:\n    pass\n", "line 2: if x = 2:", "SyntaxError: "),
        ("def f():\n    return 1 / 0\n\nf()\n", "line 2: return 1 / 0", "ZeroDivisionError: division by zero"),
        ("import numpy\nnumpy.zeros(-1)\n", "line 2: numpy.zeros(-1)", "ValueError: negative"),
        ("import json\njson.loads('{')\n", "line 2: json.loads('{')", "JSONDecodeError: "),
        ("import no_such_module\n", "line 1: import no_such_module", "ModuleNotFoundError: "),
    ],
)
def test_a_plugin_that_fails_shows_its_own_line(tmp_path: Path, text: str, line: str, error: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PluginError) as caught:
        load_plugin(path)
    assert str(caught.value).startswith(f"plug-in {path}, {line}: {error}")


def test_a_syntax_error_in_a_module_of_the_plugin_shows_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path, "def (\n", "broken_part_of_a_plugin.py")
    path = write(tmp_path, "\nimport broken_part_of_a_plugin\n")
    with pytest.raises(PluginError) as caught:
        load_plugin(path)
    assert f"plug-in {path}, line 2: import broken_part_of_a_plugin: SyntaxError" in str(caught.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "scheme.py"
    path.write_bytes(b"x = '\xff'\n")
    with pytest.raises(PluginError, match=r"plug-in .*scheme\.py.*: SyntaxError: .*utf-8"):
        load_plugin(path)


@pytest.mark.parametrize("name", ["missing.py", "."])
def test_a_missing_plugin_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError) as caught:
        load_plugin(tmp_path / name)
    assert str(caught.value) == f"there is no plug-in file {(tmp_path / name).resolve()}."


def test_a_file_that_is_no_python_is_told(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="is not a Python file: the name of a plug-in ends in"):
        load_plugin(write(tmp_path, FLIP, "scheme.txt"))


def test_an_entry_point_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    good = importlib.metadata.EntryPoint("good", "json:loads", "offline_bench.plugins")
    bad = importlib.metadata.EntryPoint("bad", "no_such_module:thing", "offline_bench.plugins")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [good])
    load_entry_points()
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [good, bad])
    with pytest.raises(PluginError, match=r"plug-in bad \(no_such_module:thing\): ModuleNotFoundError"):
        load_entry_points()


INSTALLED = """
import numpy as np, offline_bench as ob
@ob.relabelings.register("from-a-package")
def constant(data, rng):
    return np.ones(data.n)
"""


@pytest.mark.slow
@pytest.mark.parametrize("use", ["ob.relabelings.bind('from-a-package')", "ob.relabelings.names()"])
def test_what_an_installed_package_brings_is_there_in_python_without_a_word(tmp_path: Path, use: str) -> None:
    write(tmp_path, INSTALLED, "brought.py")
    info = tmp_path / "brought-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[offline_bench.plugins]\nbrought = brought\n")
    code = f"import offline_bench as ob; print('from-a-package' in str({use}))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout == "True\n"


def test_an_installed_package_that_fails_is_told_at_every_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = importlib.metadata.EntryPoint("bad", "no_such_module:thing", "offline_bench.plugins")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [bad])
    monkeypatch.setattr(plugins, "_installed", [])
    for _ in range(2):
        with pytest.raises(PluginError, match=r"plug-in bad"):
            relabelings.bind("zero")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [])
    assert str(relabelings.bind("zero")) == "zero"


BESIDE = """
import json
import scheme_helper
assert json.loads(scheme_helper.TEXT) == [1]
"""


def test_a_plugin_imports_the_modules_beside_it_and_they_hide_none_of_pythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    write(tmp_path, "TEXT = '[1]'", "scheme_helper.py")
    write(tmp_path, "raise RuntimeError('not this one')", "wave.py")
    load_plugin(write(tmp_path, BESIDE + "import wave\n"))
    assert sys.path[-1] == str(tmp_path)
    load_plugin(tmp_path / "scheme.py")
    assert sys.path.count(str(tmp_path)) == 1
    monkeypatch.delitem(sys.modules, "scheme_helper")
