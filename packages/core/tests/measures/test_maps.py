"""Ranges, gradient fields, determinism and blocks: the number that follows from a known defect."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor

from invkit.errors import ConfigError
from invkit.measures import block_ratio, blocks_of, determinism_error, jacobian_asymmetry, range_ratio
from invkit.measures.blocks import block_ratio_at
from invkit.operators import Dense, GradientFlowStep, Space
from invkit.operators.nonlinear.blocks import Block
from invkit.operators.nonlinear.gradient_flow_step import largest_step_size

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
SPACE = Space((1, 4, 3), torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_range_of_the_tangent_is_found_at_its_corner() -> None:
    found = range_ratio(torch.tanh, SPACE, 12**0.5, generator=seeded())
    assert found.passed
    assert found.value > 0.999
    assert not range_ratio(torch.tanh, SPACE, 0.99 * 12**0.5, generator=seeded()).passed


def test_ascent_finds_a_range_that_no_noise_reaches() -> None:
    def bump(x: Tensor) -> Tensor:
        return x / (1 + (x.square().flatten(1).sum(1) / 900).reshape(-1, 1, 1, 1) ** 2)

    # |F| is largest at |x| = 30 / 3^(1/4), where it is 0.75 times that.
    radius = 0.75 * 30 / 3**0.25
    found = range_ratio(bump, SPACE, radius, generator=seeded())
    assert found.passed
    assert found.value > 0.95


@pytest.mark.parametrize("dtype", DTYPES)
def test_symmetric_matrices_are_gradients_and_others_are_not(dtype: torch.dtype) -> None:
    a = torch.randn(12, 12, dtype=dtype, generator=seeded())
    hermitian = a + a.mH
    space = Space((1, 4, 3), dtype)
    for differentiable in (True, False):

        def call(x: Tensor, b: Tensor, keep: bool = differentiable) -> Tensor:
            y = (x.flatten(1) @ b.mT).reshape(x.shape)
            return y if keep else y.detach()

        assert jacobian_asymmetry(lambda x: call(x, hermitian), space, generator=seeded()).passed
        assert not jacobian_asymmetry(lambda x: call(x, a), space, generator=seeded()).passed


def test_determinism_counts_bits_and_leaves_every_global_generator_as_it_was() -> None:
    x, z = torch.ones(2, 3), torch.zeros(2, 3)
    states = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy())  # noqa: NPY002
    assert determinism_error(torch.sin, x, z).value == 0
    assert determinism_error(lambda x: x + 1e-30 * torch.rand(()), x, z).value == float("inf")
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()  # noqa: NPY002


@pytest.mark.parametrize("draw", [torch.rand, np.random.rand, lambda n: random.random()])
def test_a_draw_from_any_global_generator_shows(draw) -> None:
    def call(x: Tensor) -> Tensor:
        draw(1)
        return x.clone()

    assert "global random state" in determinism_error(call, torch.ones(2), torch.zeros(2)).where


def test_the_parts_of_a_composition_are_its_blocks_with_their_biases_moved() -> None:
    a = Dense(torch.randn(9, 12, dtype=torch.float64, generator=seeded()), domain_shape=(1, 4, 3))
    step = GradientFlowStep(a, None, largest_step_size(a))
    blocks = blocks_of(step @ step, step.domain)
    assert [block.name for block in blocks] == ["right of GradientFlowStep", "left of GradientFlowStep"]
    assert "all units active" in blocks[0].variants
    found = block_ratio(blocks, generator=seeded())
    assert found.passed
    assert found.value > 0.999


def test_a_fault_of_two_per_cent_shows_with_all_units_active_and_not_otherwise() -> None:
    a = torch.randn(30, 12, dtype=torch.float64, generator=seeded())
    h = 1.02 * 2 / float(torch.linalg.matrix_norm(a, 2)) ** 2

    def layer(x: Tensor, bias: float) -> Tensor:
        return x - h * (torch.relu(x.flatten(1) @ a.mT + bias) @ a).reshape(x.shape)

    active = {"all units active": lambda x: layer(x, 1e3)}
    block = Block(name="layer", call=lambda x: layer(x, 0.0), space=SPACE, constant=1.0, variants=active)
    blind = Block(name="layer", call=lambda x: layer(x, 0.0), space=SPACE, constant=1.0)
    assert block_ratio([blind], generator=seeded()).passed
    found = block_ratio([block], generator=seeded())
    assert 1.03 < found.value < 1.0401
    assert found.where.startswith("layer, all units active")
    assert block_ratio_at([block], **found.counterexample) == found.value


def test_a_block_with_a_constant_that_says_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="Block layer: constant is inf, expected a finite number >= 0"):
        Block(name="layer", call=torch.clone, space=SPACE, constant=float("inf"))
