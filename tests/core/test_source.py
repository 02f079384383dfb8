"""The hash of a plug-in's files: it sees every change of code, and none of words or layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline_bench.core.source import hash_files

PLUGIN = '''\
"""Schemes of mine."""
import helpers
import numpy as np
import offline_bench as ob
from parts import tables

SCALE = 1.0


class Payer:
    """Pays."""

    def pay(self, data):
        if len(data):
            data = data + 1
            data = data * 2
        return f"{data!r} {{x}}"


def pay(data):
    """Pays too."""
    return -data.true_rewards  # all of it


@ob.relabelings.register("mine")
def mine(data, rng):
    return SCALE * pay(data)
'''


def write(folder: Path, text: str = PLUGIN, **others: str) -> str:
    """The hash of a plug-in file with `text`, beside files with the `others`."""
    folder.mkdir(exist_ok=True)
    files = {"scheme": text, "helpers": "A = 1\n", "parts/__init__": "", "parts/tables": "B = 2\n", "alone": "C = 3\n"}
    for name, content in (files | {name.replace("__in__", "/"): text for name, text in others.items()}).items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return hash_files(folder / "scheme.py")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 1.0", "SCALE = 1000.0"),
        ("-data.true_rewards", "np.arange(data.n)"),
        ("data * 2", "data * 3"),
        ("        data = data * 2", "    data = data * 2"),
        ("{data!r} {{x}}", "{data!s} {{x}}"),
        ("{data!r} {{x}}", "{data!r}  {{x}}"),
        ("return SCALE", "yield SCALE"),
    ],
)
def test_a_change_of_code_is_seen_wherever_it_is_in_the_file(old: str, new: str, tmp_path: Path) -> None:
    assert old in PLUGIN
    changed = PLUGIN.replace(old, new)
    compile(changed, "scheme", "exec")
    assert write(tmp_path, changed) != write(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# all of it", "# none of it"),
        ("  # all of it", ""),
        ('    """Pays too."""\n', ""),
        ('"""Schemes of mine."""', '"""Schemes\n\nof others."""'),
        ('    """Pays."""\n', '    """Pays a lot.\n    """\n'),
        ("\n\n\nclass", "\n\n# A class.\n\n\n\nclass"),
        ("SCALE * pay(data)", "SCALE * pay(\n        data\n    )"),
        ("    ", "  "),
    ],
)
def test_a_change_of_words_or_layout_is_not(old: str, new: str, tmp_path: Path) -> None:
    assert old in PLUGIN
    assert write(tmp_path, PLUGIN.replace(old, new)) == write(tmp_path)


def test_what_stands_beside_a_docstring_counts(tmp_path: Path) -> None:
    texts = ['def f():\n    "doc"; x = 1\n', 'def f():\n    "doc"; x = 2\n', 'def f():\n    "other"; x = 2\n']
    one, two, three = (write(tmp_path, text) for text in texts)
    assert one != two == three


def test_files_that_it_imports_from_beside_it_count_and_others_do_not(tmp_path: Path) -> None:
    first = write(tmp_path)
    assert write(tmp_path, helpers="A = 2\n") != first
    assert write(tmp_path, parts__in__tables="B = 3\n") != first
    assert write(tmp_path, parts__in____init__="D = 4\n") != first
    assert write(tmp_path, alone="C = 4\n") == first
    by_way_of_another = write(tmp_path, helpers="import alone\n")
    assert write(tmp_path, helpers="import alone\n", alone="C = 4\n") != by_way_of_another
    assert write(tmp_path, helpers="def (\n") != first  # Nobody can run it, and it is another file all the same.
    assert write(tmp_path.parent / f"{tmp_path.name}-elsewhere") == write(tmp_path) == first


def test_of_a_package_its_own_modules_count(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    (package / "sub").mkdir(parents=True)
    texts = {
        "mine/__init__.py": "",
        "mine/sub/__init__.py": "",
        "mine/sub/scheme.py": "from . import near\nfrom ..far import thing\nimport mine.third, other\n",
        "mine/sub/near.py": "",
        "mine/far.py": "thing = 1\n",
        "mine/third.py": "",
        "other.py": "",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    hashes = {hash_files(package / "sub" / "scheme.py")}
    for name in texts:
        (tmp_path / name).write_text(texts[name] + "x = 1\n")
        hashes.add(hash_files(package / "sub" / "scheme.py"))
    assert len(hashes) == len(texts)  # The first, and one for each file but that of another package.


def test_no_file_has_no_hash(tmp_path: Path) -> None:
    assert hash_files(tmp_path / "none.py") == hash_files() == ""
