"""Layers with LayerNorm: autograd's gradients, and the same bits compiled, in vectors of any width, and in any slab."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from offline_bench.algorithms import build_learner
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked import compiled
from offline_bench.algorithms.stacked.compiled import CompiledLayers
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.algorithms.stacked.machine_code import load_library
from offline_bench.algorithms.stacked.norm_layers import NormLayers, split_norms
from offline_bench.algorithms.stacked.norms import CompiledNorms, LibraryNorms, mean_by_halves, norms_for
from offline_bench.schemes.checks import sample_dataset


def drawn(sizes: tuple[int, ...], nets: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Weights and biases of each layer, then scales and shifts of each hidden one."""
    random = torch.Generator().manual_seed(2)
    shapes = [shape for n, m in pairwise(sizes) for shape in ((nets, n, m), (nets, 1, m))]
    shapes += [(nets, 1, m) for m in sizes[1:-1] for _ in range(2)]
    return [torch.randn(shape, generator=random, dtype=dtype) / shape[1] ** 0.5 for shape in shapes]


def there_and_back(way: NormLayers | CompiledLayers, sizes: tuple[int, ...], batch: int, nets: int = 2) -> list[Tensor]:
    random = torch.Generator().manual_seed(3)
    inputs = torch.randn(nets // 2, batch, sizes[0] + 1, generator=random)[..., 1:]
    parameters, gradient = drawn(sizes, nets), torch.randn(nets, batch, sizes[-1], generator=random)
    into = [torch.full_like(parameter, torch.nan) for parameter in parameters]
    hidden, outputs = way.forward(inputs, 2, parameters)
    by_inputs = way.backward(inputs, 2, parameters, hidden, gradient, into, 1)
    assert by_inputs is not None
    return [*hidden, outputs, *into, by_inputs]


@pytest.mark.parametrize("sizes", [(5, 33, 1), (5, 33, 17, 64, 3), (5, 16, 16, 1)])
def test_gradients_are_those_of_autograd(sizes: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(3)
    parameters = [p.requires_grad_() for p in drawn(sizes, 2, torch.float64)]
    inputs = torch.randn(2, 20, sizes[0], generator=random, dtype=torch.float64, requires_grad=True)
    layers, norms = split_norms(parameters)
    units = inputs
    for (weight, bias), (scale, shift) in zip(layers[:-1], norms, strict=True):
        relu = torch.relu(units @ weight + bias)
        units = torch.nn.functional.layer_norm(relu, relu.shape[-1:]) * scale + shift
    outputs = units @ layers[-1][0] + layers[-1][1]
    gradient = torch.randn(outputs.shape, generator=random, dtype=torch.float64)
    expected = torch.autograd.grad(outputs, [*parameters, inputs], gradient)
    with torch.no_grad():
        into = [torch.zeros_like(parameter) for parameter in parameters]
        hidden, found = NormLayers().forward(inputs, 1, parameters)
        by_inputs = NormLayers().backward(inputs, 1, parameters, hidden, gradient, into, 0)
    assert by_inputs is not None
    # 1 / n is a float32 number in both forms.
    torch.testing.assert_close(found, outputs.detach(), rtol=1e-6, atol=1e-6)
    for mine, theirs in zip([*into, by_inputs], expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5, 64, 100])
def test_a_mean_by_halves_is_a_mean(n: int) -> None:
    values = torch.randn(3, 4, n, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mean_by_halves(values), values.mean(dim=-1, keepdim=True))


@pytest.mark.parametrize("n", [16, 64, 256, 48, 33])
def test_compiled_norms_have_the_bits_of_the_library_form_or_stand_back(n: int) -> None:
    library = load_library()
    if library is None:
        pytest.skip("no compiler here")
    random = torch.Generator().manual_seed(4)
    units, gradient = torch.randn(2, 4, 40, n, generator=random)
    units, scale, shift = units.relu_(), *torch.randn(2, 4, 1, n, generator=random)
    assert isinstance(norms_for(units), CompiledNorms if n in (16, 64, 256) else LibraryNorms)
    # The first of every two networks, as views.
    for pick in (slice(None), slice(None, None, 2)):
        told = [
            (
                way.forward(units[pick], scale[pick], shift[pick]),
                *way.backward(units[pick], scale[pick], gradient[pick], True),
            )
            for way in (LibraryNorms(), norms_for(units[pick]))
        ]
        assert all(map(torch.equal, *told))


@pytest.mark.parametrize(("sizes", "batch"), [((14, 64, 64, 1), 256), ((9, 128, 256, 32, 1), 64)])
def test_compiled_layers_with_norms_are_those_of_the_library_within_rounding(
    sizes: tuple[int, ...], batch: int
) -> None:
    library = load_library()
    if library is None:
        pytest.skip("no compiler here")
    ours = there_and_back(CompiledLayers(library, layer_norm=True), sizes, batch, nets=4)
    for mine, theirs in zip(ours, there_and_back(NormLayers(), sizes, batch, nets=4), strict=True):
        assert float((mine - theirs).abs().max() / theirs.abs().max()) < 1e-5


def test_sizes_that_do_not_fill_vectors_are_left_to_the_library() -> None:
    assert compiled.compiled_layers((5, 33, 1), 20, layer_norm=True) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["td3-plus-bc", "iql", "atac"])
def test_a_run_with_norms_is_the_same_to_the_bit_in_any_slab(name: str) -> None:
    text = f"{name}(batch_size=32, critic_hidden_units=(16, 24, 16), hidden_units=(16, 16), layer_norm=True)"
    learner, data = build_learner(text), sample_dataset([40] * 5, [True] * 5)
    assert isinstance(learner, StackedLearner)

    def weights(seeds: list[int]) -> list[str]:
        members = [Member(learner.parameters, data, np.random.SeedSequence(seed)) for seed in seeds]
        (snapshot,) = learner.learn_together(members, [30], lambda step: None)
        return snapshot.weights

    assert weights([1, 2, 3])[1:2] == weights([2])
    plain = build_learner(text.replace(", layer_norm=True", ""))
    assert isinstance(plain, StackedLearner)
    members = [Member(plain.parameters, data, np.random.SeedSequence(2))]
    assert next(plain.learn_together(members, [30], lambda step: None)).weights != weights([2])
