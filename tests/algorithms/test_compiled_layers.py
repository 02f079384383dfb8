"""Compiled layers compute what the library's do, to the bit or not at all, and for each network what it gets alone."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from offline_bench.algorithms import build_learner
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked import compiled, machine_code
from offline_bench.algorithms.stacked.compiled import CompiledLayers, compiled_layers, library_alone
from offline_bench.algorithms.stacked.layers import LibraryLayers
from offline_bench.algorithms.stacked.learner import STACKED, StackedLearner
from offline_bench.algorithms.stacked.machine_code import load_library
from offline_bench.algorithms.stacked.slab import Setting, SlabTraining
from offline_bench.core.threads import one_thread
from offline_bench.schemes.checks import sample_dataset

# Inputs, hidden layers, outputs; minibatch. Widths that fill vectors and widths that do not, thin and wide heads.
SHAPES = [
    ((14, 64, 64, 1), 256),
    ((11, 128, 128, 3), 256),
    ((17, 256, 256, 12), 64),
    ((5, 24, 20, 6), 37),
    ((4, 33, 9), 19),
    ((23, 300, 100, 7, 2), 70),
    ((14, 16, 16, 1), 1000),
]


@pytest.fixture
def layers() -> CompiledLayers:
    library = load_library()
    if library is None:
        pytest.skip("no compiler here")
    return CompiledLayers(library)


def drawn(sizes: tuple[int, ...], batch: int, runs: int, members: int) -> tuple[Tensor, list[Tensor], Tensor]:
    """Inputs that are part of wider rows, parameters, and the gradient of the outputs."""
    random = torch.Generator().manual_seed(1)
    parameters = []
    for n, m in pairwise(sizes):
        parameters.append(torch.randn(runs * members, n, m, generator=random) / n**0.5)
        parameters.append(torch.randn(runs * members, 1, m, generator=random))
    inputs = torch.randn(runs, batch, sizes[0] + 3, generator=random)[..., 2:-1]
    return inputs, parameters, torch.randn(runs * members, batch, sizes[-1], generator=random)


def there_and_back(way: Any, inputs: Tensor, members: int, parameters: list[Tensor], gradient: Tensor) -> list[Tensor]:
    into = [torch.full_like(p, torch.nan) for p in parameters]
    hidden, outputs = way.forward(inputs, members, parameters)
    by_inputs = way.backward(inputs, members, parameters, hidden, gradient, into, 1)
    return [*hidden, outputs, *into, by_inputs]


@pytest.mark.parametrize(("sizes", "batch"), SHAPES)
def test_layers_are_those_of_the_library_within_rounding(
    sizes: tuple[int, ...], batch: int, layers: CompiledLayers
) -> None:
    inputs, parameters, gradient = drawn(sizes, batch, 3, 2)
    ours = there_and_back(layers, inputs, 2, parameters, gradient)
    exact = there_and_back(LibraryLayers(), inputs.double(), 2, [p.double() for p in parameters], gradient.double())
    for mine, theirs in zip(ours, exact, strict=True):
        assert mine.shape == theirs.shape
        assert float((mine - theirs).abs().max() / theirs.abs().max()) < 1e-5


@pytest.mark.parametrize(("sizes", "batch"), SHAPES)
def test_a_network_is_the_same_to_the_bit_alone_and_beside_others(
    sizes: tuple[int, ...], batch: int, layers: CompiledLayers
) -> None:
    inputs, parameters, gradient = drawn(sizes, batch, 3, 2)
    together = there_and_back(layers, inputs, 2, parameters, gradient)
    alone = there_and_back(layers, inputs[1:2], 1, [p[3:4] for p in parameters], gradient[3:4])
    for many, one in zip(together, alone, strict=True):
        assert torch.equal(many[3:4], one)


def test_outputs_do_not_depend_on_whether_units_are_kept(layers: CompiledLayers) -> None:
    inputs, parameters, _ = drawn((14, 64, 64, 1), 300, 2, 2)
    hidden, outputs = layers.forward(inputs, 2, parameters, keep=False)
    assert hidden == []
    assert torch.equal(outputs, layers.forward(inputs, 2, parameters)[1])


def test_what_is_no_number_passes_through_and_reaches_no_other_network(layers: CompiledLayers) -> None:
    inputs, parameters, gradient = drawn((14, 64, 64, 1), 256, 3, 1)
    healthy = there_and_back(layers, inputs, 1, parameters, gradient)
    parameters[0][1] = torch.nan
    spoiled = there_and_back(layers, inputs, 1, parameters, gradient)
    for before, after in zip(healthy, spoiled, strict=True):
        assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert bool(spoiled[2][1].isnan().all())


def test_every_second_network_can_be_asked_for(layers: CompiledLayers) -> None:
    inputs, parameters, gradient = drawn((14, 64, 64, 1), 256, 2, 2)
    views = [p.view(2, 2, *p.shape[1:])[:, 0] for p in parameters]
    copies = [view.clone() for view in views]
    hidden, outputs = layers.forward(inputs, 1, views)
    assert torch.equal(outputs, layers.forward(inputs, 1, copies)[1])
    found = [layers.backward(inputs, 1, p, hidden, gradient[:2], None, 11) for p in (views, copies)]
    assert found[0] is not None
    assert found[0].shape == (2, 256, 3)
    assert torch.equal(found[0], found[1])  # type: ignore[arg-type]


@pytest.fixture
def fresh() -> Any:
    """No memory of what was compiled before, nor afterwards."""
    load_library.cache_clear()
    compiled._agreeing_layers.cache_clear()
    yield
    load_library.cache_clear()
    compiled._agreeing_layers.cache_clear()


def test_layers_that_round_otherwise_are_not_used(
    layers: CompiledLayers, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison at the start notices it: multiply and add are compiled apart here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(machine_code, "FLAGS", (*machine_code.FLAGS, "-ffp-contract=off"))
    assert load_library() is not None
    assert compiled_layers((14, 64, 64, 1), 256) is None


@pytest.mark.parametrize("compiler", ["", "no-such-compiler", "false"])
def test_without_a_compiler_the_library_does_it(
    compiler: str, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", compiler or "cc")
    monkeypatch.setenv(machine_code.SWITCH, "" if compiler else "1")
    assert compiled_layers((14, 64, 64, 1), 256) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", STACKED)
def test_training_has_the_same_bits_with_and_without_a_compiler(name: str) -> None:
    with one_thread():
        mixed = trained(name)
        with library_alone():
            alone = trained(name)
    assert mixed == alone


def trained(name: str) -> tuple[list[str], list[dict[str, float]]]:
    """Fingerprints and losses of a slab after some steps; rows are wide enough for every layer to be compiled."""
    more = {"atac": ", n_warm_start_steps=6, clip_values=True", "pspi": ", n_warm_start_steps=6"}
    more |= {"cql": ", n_action_samples=2", "onestep": ", n_critic_steps=6"}
    learner = build_learner(f"{name}(batch_size=64, hidden_units=[64, 32]{more.get(name, '')})")
    assert isinstance(learner, StackedLearner)
    narrow = sample_dataset([40] * 5, [True] * 5)
    columns = np.tile(narrow.observations, 2)
    data = narrow.__class__(
        id="wide",
        environment="",
        action_space=narrow.action_space,
        observations=columns,
        actions=narrow.actions,
        next_observations=np.tile(narrow.next_observations, 2),
        true_rewards=narrow.true_rewards,
        terminals=narrow.terminals,
        timeouts=narrow.timeouts,
    )
    members = [Member(learner.parameters, data, np.random.SeedSequence(seed)) for seed in (0, 1)]
    slab = SlabTraining(Setting(learner.algorithm(), learner.standardize, learner.reward_scaler), members)
    slab.advance(12)
    snapshot = slab.snapshot()
    return snapshot.weights, snapshot.losses
