"""Before training: describing a relabeling, and beginning a new one."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from offline_bench.commands.display import open_bar
from offline_bench.commands.records import check_own
from offline_bench.commands.tell import tell
from offline_bench.core.errors import SpecError, StorageError
from offline_bench.core.storage import write_text
from offline_bench.data.loaders import load
from offline_bench.report.coverage.relabeled_picture import draw_relabeling
from offline_bench.report.coverage.relabeled_text import describe_relabeling_json, describe_relabeling_text
from offline_bench.runs.suites import load_suite
from offline_bench.schemes.relabel import relabel, relabelings
from offline_bench.schemes.relabel.properties import Properties, measure_properties

MEASURED = (
    "step_correlation",
    "step_rank_correlation",
    "return_correlation",
    "return_rank_correlation",
    "length_correlation",
    "ending_pays",
)
LONGEST = 60  # letters of a name that becomes a file's
# What the written files call other things by, and a file of pytest's.
RESERVED = ("check_relabeling", "conftest", "np", "ob", "sample_dataset")
_load_once = lru_cache(maxsize=1)(load)

SCHEME = '''"""The relabeling `{name}`. `offline-bench --plugin {file} check relabeling {name}` tries its contract."""

import numpy as np

import offline_bench as ob


@ob.relabelings.register("{name}")
def {function}(data: ob.Dataset, rng: np.random.Generator, *, scale: float = -1.0) -> np.ndarray:
    """r' = scale * r. Say here what yours gives: it is what `offline-bench list relabelings` shows.

    `data` is read-only: observations, actions, next_observations, terminals, timeouts, true_rewards, episode_of.
    Return one finite reward for each transition, shape (data.n,). Draw from `rng` alone.
    """
    return scale * data.true_rewards
'''

TEST = '''"""What the relabeling `{name}` promises."""

import numpy as np
from {module} import {function}

import offline_bench as ob
from offline_bench.schemes.checks import check_relabeling, sample_dataset


def test_it_keeps_the_contract_of_a_relabeling() -> None:
    assert {function}.__name__ == "{function}"  # importing it registers it
    check_relabeling("{name}")


def test_it_gives_what_it_says() -> None:
    data = sample_dataset([3, 4], terminal=[True, False])
    given = ob.relabel(data, "{name}", seed=0).rewards
    # Where you change the function, say here what it gives: this is r' = -r.
    assert np.allclose(given, -data.true_rewards), "the test still says r' = -r: say in it what yours gives"
'''


def print_relabeling(text: str, dataset: str, seed: int, as_json: Path | None, png: Path | None) -> None:
    """Print what the relabeling `text` asks for on `dataset`; write the numbers and the figure, where given.

    Raises what loading and relabeling raise, and `StorageError` where a file cannot be written.
    """
    relabelings.bind(text)  # before anything is loaded
    data = relabel(load(dataset), text, seed)
    found = measure_properties(data)
    tell(describe_relabeling_text(found))
    if as_json is not None:
        write_text(as_json, describe_relabeling_json(found))
    if png is not None:
        draw_relabeling(png, data, found)
    for path in (as_json, png):
        if path is not None:
            tell(f"wrote {path}")


def describe_suite(name: str) -> None:
    """Write `properties.json` beside the suite's file: the properties of its relabelings, means over its seeds.

    Raises what loading and relabeling raise, and `StorageError` where the file cannot be written.
    """
    suite = load_suite(name)
    check_own(suite, "describe suite")
    wanted = dict.fromkeys((run.dataset, run.relabeling, run.seed) for run in suite.runs() if run.curation == "full")
    found: dict[str, dict[str, list[Properties]]] = {}
    with open_bar("describing", len(wanted), "relabelings") as bar:
        for count, (dataset, text, seed) in enumerate(sorted(wanted), start=1):
            told = measure_properties(relabel(_load_once(dataset), text, seed))
            found.setdefault(dataset, {}).setdefault(text, []).append(told)
            bar.show(count / len(wanted), count)
    means = {
        dataset: {text: {name: _mean(told, name) for name in MEASURED} for text, told in schemes.items()}
        for dataset, schemes in found.items()
    }
    path = suite.folder / "properties.json"
    write_text(path, json.dumps(means, indent=1, sort_keys=True, allow_nan=False) + "\n")
    tell(f"wrote {path}")


def _mean(told: Sequence[Properties], name: str) -> float | None:
    """Over seeds, to six digits; None where it is undefined for one of them."""
    values = [getattr(one, name) for one in told]
    return None if None in values else float(f"{sum(values) / len(values):.6g}")


def begin_relabeling(name: str, folder: Path) -> None:
    """Write a file with a relabeling `name` that works, and its test, into `folder`; never over another file.

    Raises `SpecError` where the name cannot be one, or is taken, and `StorageError` where a file is there already.
    """
    function = name.replace("-", "_")
    _check_name(name, function)
    scheme, test = folder / f"{function}.py", folder / f"test_{function}.py"
    for path in (scheme, test):
        if path.exists() or path.is_symlink():
            raise StorageError(f"{path} exists already and was left as it is: move it, or choose another name")
    if function in RESERVED or find_spec(function) is not None:
        raise SpecError(f"{function}.py would hide another Python name: choose another name, such as my-reward")
    words = {"name": name, "function": function, "module": function, "file": scheme.name}
    write_text(scheme, SCHEME.format(**words))
    write_text(test, TEST.format(**words))
    tell(
        f"wrote {scheme} and {test}. They work as they are. Next:\n"
        f"  1. write your reward into {scheme}, and what it promises into {test}\n"
        f"  2. pytest {test}\n"
        f"  3. offline-bench --plugin {scheme} check relabeling {name}\n"
        f"  4. offline-bench --plugin {scheme} describe relabeling {name} --dataset offline-bench/hopper/medium-v1\n"
        f"  5. offline-bench --plugin {scheme} run --dataset offline-bench/hopper/medium-v1 --algorithm pct-bc "
        f"--relabeling original --relabeling {name}"
    )


def _check_name(name: str, function: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(function) or len(name) > LONGEST:
        raise SpecError(
            f"{name!r:.80} cannot name a relabeling. Use lower-case letters, digits and hyphens, at most {LONGEST} "
            "characters, such as my-reward"
        )
    if name in relabelings.names():
        raise SpecError(f"a relabeling {name!r} exists already: choose another name")
