"""float32 numbers whose squares overflow or vanish: numpy's float64 judges, on rescaled images too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.functionals import L1, L2, Ball, GroupL1, Huber, SmoothedNorm
from invkit.functionals.weighted_l1 import MagnitudeBound, WeightedL1

SIZES = [1e-38, 1e-30, 1e-22, 1e-19, 1.0, 1e19, 3e19, 1e25, 1e37]
GROUPS = [GroupL1((0,)), GroupL1((0, 2)), L2(), Huber(1.0, (0,)), SmoothedNorm(1.0, (0,))]


def image(size: float, dtype: torch.dtype) -> torch.Tensor:
    unit = torch.randn((2, 3, 4, 2), dtype=dtype, generator=torch.Generator().manual_seed(1))
    return (unit * size).to(torch.complex64 if dtype.is_complex else torch.float32)


def projected(v: np.ndarray, axes: tuple[int, ...], radius: float) -> np.ndarray:
    lengths = np.sqrt(np.sum(np.abs(v) ** 2, axis=tuple(a + 1 for a in axes), keepdims=True)) if axes else np.abs(v)
    return v * np.minimum(1, radius / np.maximum(lengths, radius))


@pytest.mark.parametrize("kind", [float, torch.tensor])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("axes", [(), (0,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("size", SIZES)
def test_the_projection_onto_a_ball_holds_for_every_float32_number(size, axes, dtype, kind) -> None:
    v = image(size, dtype)
    for radius in (0.6 * size, max(1e-38, 1e-30 * size), min(1e37, 1e30 * size)):
        want = projected(v.numpy().astype(np.complex128), axes, float(np.float32(radius)))
        got = Ball(kind(radius), axes).prox(v, 1.0).numpy()
        # below the smallest normal number, 1e-38, there are few digits
        np.testing.assert_allclose(got, want, rtol=2e-6, atol=1e-44 + 1e-6 * min(radius, size) * (size < 1e-37))


@pytest.mark.parametrize("kind", [float, torch.tensor])
@pytest.mark.parametrize("tau", [1e18, 2e19, 1e20, 1e38])
def test_a_step_that_is_longer_than_the_image_leaves_nothing_of_it(tau, kind) -> None:
    v = torch.tensor([[3.0, 4.0]])
    for f in (GroupL1((0,)), L1(), L2(), WeightedL1(torch.ones(2))):
        assert torch.equal(f.prox(v, kind(tau)), torch.zeros(1, 2))
    assert torch.equal(L1().prox(v + 1j * v, kind(tau)), torch.zeros(1, 2, dtype=torch.complex64))
    assert torch.equal(Ball(kind(tau), (0,)).prox(v, 1.0), v)
    # one infinite penalty or bound beside a finite one
    assert torch.equal(WeightedL1(torch.tensor([tau, 1.0])).prox(v, 1.0), torch.tensor([[0.0, 3.0]]))
    assert torch.equal(MagnitudeBound(torch.tensor([tau, 1.0])).prox(v, 1.0), torch.tensor([[3.0, 1.0]]))
    assert not torch.isfinite(v * (torch.tensor(tau) ** 2)).any() or tau < 1e19  # where a square would overflow


@pytest.mark.parametrize("f", GROUPS, ids=repr)
@pytest.mark.parametrize("size", [1e19, 3e19, 1e25, 1e36])
def test_values_gradients_and_proxes_of_long_groups_are_those_of_float64(f, size) -> None:
    v = image(size, torch.float64)
    for got, want in [
        (f.value(v), f.value(v.double())),
        (f.prox(v, 0.7 * size), f.prox(v.double(), 0.7 * size)),
        (f.conjugate.prox(v, 0.7), f.conjugate.prox(v.double(), 0.7)),
        *([(f.gradient(v), f.gradient(v.double()))] if hasattr(f, "gradient") else []),
    ]:
        assert got.dtype == torch.float32
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5, atol=1e-6 * float(want.abs().max()))
    want = np.sqrt(np.sum(v.numpy().astype(np.float64) ** 2, axis=(1, 2, 3)))
    np.testing.assert_allclose(L2().value(v).numpy(), want, rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e-24, 1.0])
def test_short_groups_bend_where_they_should(size) -> None:
    """Huber of parameter size is size times Huber of the image in units of it, and its slope is the same."""
    v = image(size, torch.float64)
    unit = torch.from_numpy(v.numpy().astype(np.float64) / size)
    for kind in (Huber, SmoothedNorm):
        f, one = kind(size, (0,)), kind(1.0, (0,))
        np.testing.assert_allclose(f.value(v).numpy() / size, one.value(unit).numpy(), rtol=1e-5)
        np.testing.assert_allclose(f.gradient(v).numpy(), one.gradient(unit).numpy(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(f.prox(v, size).numpy() / size, one.prox(unit, 1.0).numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("size", [1e-25, 1.0, 1e25])
def test_gradients_through_a_projection_are_those_of_float64(size) -> None:
    v = image(size, torch.float64)
    found = []
    for x in (v, v.double()):
        x = x.clone().requires_grad_()
        radius = torch.tensor(0.6 * size, dtype=x.dtype, requires_grad=True)
        total = (Ball(radius, (0,)).prox(x, 1.0) * x.detach().sign()).sum()
        found.append(torch.autograd.grad(total, (x, radius)))
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-4, atol=1e-5)
