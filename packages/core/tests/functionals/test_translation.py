from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ShapeError
from invkit.functionals import (
    L1,
    L2,
    Ball,
    Box,
    Composition,
    Differentiable,
    GroupL1,
    L1Ball,
    Proximable,
    Simplex,
    SpectralBall,
    SquaredL2,
    Translated,
    Zero,
    least_squares,
    translate,
)
from invkit.functionals.hessian_diagonal import hessian_diagonal
from invkit.functionals.weighted_l1 import MagnitudeBound
from invkit.measures import conjugate_gap, prox_gap
from invkit.operators import Dense, Space
from invkit.solvers import FISTA, solve


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_soft_thresholding_moves_with_its_centre(dtype, draw) -> None:
    """|x - c|_1: the part of v - c beyond tau stays, as numpy writes it."""
    c, v = draw((1, 2, 3), dtype), draw((3, 2, 3), dtype, 1)
    f = 0.7 * translate(L1(), c)
    difference = v.numpy() - c.numpy()
    size = np.abs(difference)
    want = c.numpy() + difference / size * np.maximum(size - 0.7 * 0.4, 0)
    np.testing.assert_allclose(f.prox(v, 0.4).numpy(), want, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(f.value(v).numpy(), 0.7 * size.sum((1, 2)), rtol=1e-13)
    assert f.value(v[:0]).shape == (0,)
    assert f.prox(v[:0], 0.4).shape == (0, 2, 3)
    assert not np.allclose((0.7 * L1()).prox(v, 0.4).numpy(), want)  # one that forgets its centre is rejected


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_conjugate_is_tilted_by_the_centre(dtype, draw) -> None:
    c, z = draw((1, 2, 3), dtype), draw((2, 2, 3), dtype, 1)
    z = 0.3 * z / z.abs().max()
    tilt = (z.numpy() * c.numpy().conj()).sum((1, 2)).real
    for weight in (1.0, 0.4):
        conjugate = (weight * translate(L1(), c)).conjugate
        np.testing.assert_allclose(conjugate.value(z).numpy(), tilt, rtol=1e-13)
        assert (conjugate.value(z * 10) == torch.inf).any()
        # The projection of v - sigma c onto the disc of radius weight.
        v = draw((2, 2, 3), dtype, 2)
        moved = v.numpy() - 0.8 * c.numpy()
        want = moved * np.minimum(1, weight / np.abs(moved))
        np.testing.assert_allclose(conjugate.prox(v, 0.8).numpy(), want, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(conjugate.conjugate.value(v), (weight * translate(L1(), c)).value(v))


def test_the_measures_find_prox_and_conjugate_right_and_a_wrong_tilt_wrong(draw) -> None:
    space, c = Space((2, 3), torch.float64), draw((1, 2, 3))
    g = torch.Generator().manual_seed(0)
    for f in (L1(), GroupL1((0,)), L2(), Box(-0.5, 2.0)):
        moved = translate(f, c)
        assert isinstance(moved, Proximable)
        for part in (moved, 0.7 * moved, (0.7 * moved).conjugate):
            assert isinstance(part, Proximable)
            assert prox_gap(part, space, generator=g).passed
        assert conjugate_gap(moved, space, generator=g).passed

    class WrongTilt(type(translate(L1(), c))):
        @property
        def conjugate(self) -> Proximable:
            return self.functional.conjugate

    assert not conjugate_gap(WrongTilt(L1(), c), space, generator=g).passed


def test_capabilities_are_those_of_the_functional(draw) -> None:
    c = draw((1, 2, 3))
    k = Dense(draw((4, 6), seed=2), (2, 3))
    assert not isinstance(translate(L1(), c), Differentiable)
    assert isinstance(translate(Zero(), c), Differentiable)
    assert isinstance(translate(Zero(), c), Proximable)
    plain = translate(L1() @ k, c)
    assert isinstance(plain, Composition)
    assert not isinstance(plain, Proximable)
    x = draw((2, 2, 3), seed=3)
    want = np.abs((x - c).reshape(2, 6).numpy() @ k.matrix.numpy().T).sum(1)
    np.testing.assert_allclose(plain.value(x).numpy(), want)
    moved = translate(2.0 * SquaredL2(c) + 0.5 * L1(), c)
    want = ((x - 2 * c) ** 2).sum((1, 2)) + 0.5 * (x - c).abs().sum((1, 2))
    torch.testing.assert_close(moved.value(x), want)


def test_centres_of_centres_add_up(draw) -> None:
    c, d = draw((1, 2, 3)), draw((1, 2, 3), seed=1)
    twice = translate(translate(L1(), c), d)
    assert isinstance(twice, Translated)
    torch.testing.assert_close(twice.centre, c + d)
    assert not isinstance(twice.functional, Translated)


def test_gradients_and_hessians_are_those_of_autograd(draw) -> None:
    c, x, v = draw((1, 2, 3)), draw((2, 2, 3), seed=1).requires_grad_(), draw((2, 2, 3), seed=2)
    from invkit.functionals.translation import TranslatedBoth

    f = TranslatedBoth(SquaredL2(2 * c), c)
    (want,) = torch.autograd.grad(f.value(x).sum(), x, create_graph=True)
    torch.testing.assert_close(f.gradient(x), want)
    torch.testing.assert_close(want, x - 3 * c)
    torch.testing.assert_close(f.hessian_vector(x, v), torch.autograd.grad(want, x, v)[0])
    torch.testing.assert_close(hessian_diagonal(f, x.detach()), torch.ones(2, 2, 3, dtype=torch.float64))
    assert f.smoothness().upper >= 1


def test_gradients_reach_the_centre(draw) -> None:
    c, v = draw((1, 2, 2)).requires_grad_(), draw((2, 2, 2), seed=1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda c, v: (
            translate(L1(), c).prox(v, 0.3),
            (0.4 * translate(L2(), c)).conjugate.prox(v, 0.3),
            translate(L2(), c).value(v),
        ),
        (c, v),
    )


def test_centres_of_another_space_are_refused(draw) -> None:
    k = Dense(draw((4, 6)), (2, 3))
    with pytest.raises(ShapeError, match=r"translate: centre: tensor has shape \(1, 4\)"):
        translate(L1() @ k, draw((1, 4)))


INDICATORS = [
    Box(0.0, 1.0), Ball(1e-3), Ball(0.5, (1,)), Ball(0.5, None), L1Ball(1e-3), Simplex(1.0), SpectralBall(0.3),
    MagnitudeBound(torch.full((2, 5), 0.2)),
]  # fmt: skip


@pytest.mark.parametrize("centres", [1, 4])
@pytest.mark.parametrize("size", [1.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("f", INDICATORS, ids=repr)
def test_a_projection_lies_in_the_translated_set(f, dtype, size, centres, draw) -> None:
    """c + p rounds, and so does its difference from c: p itself need not come back."""
    c, v = size * draw((centres, 2, 5), dtype), size * draw((4, 2, 5), dtype, 1)
    moved = translate(f, c)
    assert torch.equal(moved.value(moved.prox(v, 1.0)), torch.zeros(4, dtype=dtype))
    outside = moved.prox(v, 1.0) + 1e4 * size * torch.finfo(dtype).eps * draw((4, 2, 5), dtype, 2).sign()
    assert not torch.equal(moved.value(outside), torch.zeros(4, dtype=dtype))


def test_a_box_moves_its_bounds(draw) -> None:
    c = draw((1, 2, 3)).requires_grad_()
    moved = translate(Box(-0.1, 0.2), c)
    assert isinstance(moved, Box)
    np.testing.assert_array_equal(moved.low.detach().numpy(), c.detach().numpy()[0] - 0.1)
    np.testing.assert_array_equal(moved.high.detach().numpy(), c.detach().numpy()[0] + 0.2)
    (slope,) = torch.autograd.grad(moved.prox(c.detach() + 7.0, 1.0).sum(), c)
    assert torch.equal(slope, torch.ones_like(c))  # the projection sits at the upper bound
    half = translate(Box(0.0), c.detach())
    assert isinstance(half, Box)
    assert bool((half.high == torch.inf).all())
    z = draw((4, 2, 3), seed=3).abs().neg()
    want = (half.low * z).sum((1, 2))  # the support of a half line, by hand
    torch.testing.assert_close(half.conjugate.value(z), want)


def test_fista_returns_a_point_of_the_translated_box(draw) -> None:
    operator, y, c = Dense(draw((8, 6))), 3 * draw((6, 8), seed=1), draw((1, 6), seed=2)
    objective = least_squares(operator, y) + translate(Box(-0.1, 0.1), c)
    x = solve(objective, FISTA(), max_steps=50).x
    assert bool(torch.isfinite(objective.value(x)).all())
    assert float((x - c).abs().max()) <= 0.1 * (1 + 1e-12)
