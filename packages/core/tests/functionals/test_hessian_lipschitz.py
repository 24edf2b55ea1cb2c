"""How fast a Hessian may change: measured on dense ones, attained where it is said to be, unknown where it is not."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from invkit.claims import find_claim
from invkit.functionals import (
    L1,
    Differentiable,
    Huber,
    KullbackLeibler,
    SmoothedNorm,
    SmoothKullbackLeibler,
    SquaredL2,
    WeightedSquaredL2,
    Zero,
    least_squares,
    translate,
)
from invkit.functionals.norms import QuadraticConjugate
from invkit.operators import Dense, Exp, Space


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def hessian(f: Differentiable, x: Tensor) -> Tensor:
    """The dense Hessian at one image, by products with unit vectors; a complex image is twice as many real numbers."""
    real = torch.view_as_real(x) if x.is_complex() else x
    columns = []
    for unit in torch.eye(real.numel(), dtype=real.dtype):
        v = unit.reshape(real.shape)
        product = f.hessian_vector(x, torch.view_as_complex(v) if x.is_complex() else v)
        columns.append((torch.view_as_real(product) if x.is_complex() else product).flatten())
    return torch.stack(columns, 1)


A = Dense(noise(5, 4))
COUNTS = torch.tensor([[3.0, 0.0, 7.0, 1.0]], dtype=torch.float64)
KNOWN = [
    (SmoothedNorm(0.5), (4,)),
    (SmoothedNorm(0.5, (0,)), (3, 2)),
    (SmoothedNorm(0.7, (0,)), (2, 2)),
    (0.3 * SmoothedNorm(0.5) + SquaredL2(), (4,)),
    (SmoothedNorm(0.5) @ A, (4,)),
    (translate(SmoothedNorm(0.5), noise(1, 4, seed=5)), (4,)),
    (SmoothKullbackLeibler(COUNTS, 0.5), (4,)),
    (SmoothKullbackLeibler(noise(1, 5, seed=8).abs(), 0.7) @ A, (4,)),
]
QUADRATIC = [
    SquaredL2(),
    WeightedSquaredL2(noise(1, 4).abs()),
    Zero(),
    least_squares(A, noise(1, 5)) + 0.1 * SquaredL2(),
    QuadraticConjugate(2.0),
]


@pytest.mark.parametrize(("f", "shape"), KNOWN, ids=[repr(f) for f, _ in KNOWN])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.3, 3.0]), st.sampled_from([1e-3, 0.1, 3.0]))
def test_no_two_hessians_differ_by_more(f: Differentiable, shape: tuple[int, ...], seed: int, at: float, apart: float):
    x, v = at * noise(1, *shape, seed=seed), apart * noise(1, *shape, seed=seed + 1)
    change = torch.linalg.matrix_norm(hessian(f, x + v) - hessian(f, x), 2)
    assert float(change) <= f.hessian_lipschitz() * float(v.norm()) * (1 + 1e-9) + 1e-10


def test_complex_groups_have_the_same_constant() -> None:
    f = SmoothedNorm(0.5, (0,))
    for seed in range(20):
        x, v = (
            0.3 * noise(1, 2, 2, seed=seed, dtype=torch.complex128),
            0.1 * noise(1, 2, 2, seed=seed + 50, dtype=torch.complex128),
        )
        change = torch.linalg.matrix_norm(hessian(f, x + v) - hessian(f, x), 2)
        assert float(change) <= f.hessian_lipschitz() * float(v.norm())


def test_the_constant_of_a_smoothed_norm_is_attained_near_zero() -> None:
    f, x = SmoothedNorm(0.5, (0,)), torch.tensor([[1e-6, 0.0]], dtype=torch.float64)
    change = torch.linalg.matrix_norm(hessian(f, 2 * x) - hessian(f, x), 2)
    assert float(change) / 1e-6 == pytest.approx(f.hessian_lipschitz(), rel=1e-6)
    assert f.hessian_lipschitz() == pytest.approx(8.0, rel=1e-12)


@pytest.mark.parametrize("f", QUADRATIC, ids=repr)
def test_the_hessian_of_a_square_does_not_change(f: Differentiable) -> None:
    assert f.hessian_lipschitz() == 0
    assert find_claim(f.claims(), "twice_differentiable") is not None


@pytest.mark.parametrize(
    "f",
    [
        Huber(0.5),
        0.2 * Huber(0.5) + SquaredL2(),
        KullbackLeibler(COUNTS),
        QuadraticConjugate(0.0),
        SquaredL2() @ Exp(Space((4,), torch.float64)),
        translate(Huber(0.5), noise(1, 4)),
    ],
    ids=repr,
)
def test_what_is_not_twice_differentiable_or_not_known_to_be_says_nothing(f: Differentiable) -> None:
    assert f.hessian_lipschitz() is None
    assert not f.is_twice_differentiable()
    assert find_claim(f.claims(), "twice_differentiable") is None


def test_hubers_hessian_jumps_which_is_why() -> None:
    f, edge = Huber(0.5), torch.tensor([[0.5]], dtype=torch.float64)
    change = hessian(f, edge * (1 + 1e-9)) - hessian(f, edge * (1 - 1e-9))
    assert float(change.abs()) > 1.9


def test_a_sum_with_a_term_that_has_no_gradient_is_no_twice_differentiable_one() -> None:
    assert find_claim((SquaredL2() + L1()).claims(), "twice_differentiable") is None


def test_a_gamma_whose_square_vanishes_has_no_constant() -> None:
    assert SmoothedNorm(1e-200).hessian_lipschitz() is None


def test_an_overflowing_product_is_no_finite_constant() -> None:
    f = SmoothedNorm(1e-150) @ Dense(1e10 * torch.eye(2, dtype=torch.float64))
    assert f.hessian_lipschitz() == math.inf
