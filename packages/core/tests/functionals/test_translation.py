from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ShapeError
from invkit.functionals import (
    L1,
    L2,
    Box,
    Composition,
    Differentiable,
    GroupL1,
    Proximable,
    SquaredL2,
    Translated,
    Zero,
    translate,
)
from invkit.functionals.hessian_diagonal import hessian_diagonal
from invkit.measures import conjugate_gap, prox_gap
from invkit.operators import Dense, Space


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
