from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.errors import ConfigError, ShapeError
from invkit.functionals import Ball, Box, nonnegativity
from invkit.functionals.indicators import group_norm, project_onto_ball

BOUNDS = [(0.0, math.inf), (-math.inf, 0.0), (-0.5, 0.7), (0.2, 0.2), (-math.inf, math.inf)]


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_the_box_and_its_conjugate_are_the_closed_forms(low: float, high: float, draw) -> None:
    v = draw((3, 2, 4))
    box = Box(low, high)
    np.testing.assert_array_equal(box.prox(v, 0.3).numpy(), np.clip(v.numpy(), low, high))
    assert (box.value(box.prox(v, 1.0)) == 0).all()
    assert (box.value(torch.full_like(v, 9.0)) == (0 if high == math.inf else math.inf)).all()
    support = [
        sum(max(low * z if z or math.isfinite(low) else 0, high * z if z or math.isfinite(high) else 0) for z in image)
        for image in v.flatten(1).tolist()
    ]
    np.testing.assert_allclose(box.conjugate.value(v).numpy(), support)
    for tau in (0.3, 2.0, torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        want = v - column * torch.from_numpy(np.clip((v / column).numpy(), low, high))
        torch.testing.assert_close(box.conjugate.prox(v, tau), want, rtol=0, atol=1e-14)
    assert torch.equal(box.conjugate.conjugate.prox(v, 1.0), box.prox(v, 1.0))


def test_bounds_of_their_own_for_each_pixel_are_numpys(draw) -> None:
    low, high = torch.tensor([[-math.inf, 0.0, 0.2]]), torch.tensor([[0.5, math.inf, 0.2], [-0.1, 0.3, 7.0]])
    x = draw((3, 2, 3), torch.float32)
    for box, (a, b) in (
        (Box(low, high), (low, high)),
        (Box(low.double(), 2.0), (low, torch.tensor(2.0))),
        (Box(torch.tensor(-0.3), high), (torch.tensor(-0.3), high.clamp_min(-0.3))),
    ):
        got = box.prox(x, 0.7)
        assert got.dtype is torch.float32
        np.testing.assert_array_equal(got.numpy(), np.clip(x.numpy(), a.numpy(), b.numpy()))
        assert (box.value(got) == 0).all()
        assert (box.value(got + 10) == math.inf).all()
        z = x.numpy()
        pulled = np.where(z > 0, abs(z) * b.numpy(), -abs(z) * a.numpy()).sum((1, 2))
        np.testing.assert_allclose(box.conjugate.value(x).numpy(), pulled, rtol=1e-6)
        for tau in (0.3, torch.tensor([0.1, 1.0, 3.0])):
            column = tau.reshape(-1, 1, 1) if isinstance(tau, torch.Tensor) else tau
            back = box.prox(x, tau) + column * box.conjugate.prox(x / column, 1 / tau)
            torch.testing.assert_close(back, x, rtol=0, atol=1e-6)
        assert box.prox(x[:0], 1.0).shape == (0, 2, 3)
    assert repr(Box(low, 9.0)) == "Box(tensor of shape (1, 3), 9)"
    assert torch.equal(Box(low, 9.0).to(dtype=torch.float64).low, low.double())


def test_gradients_reach_bounds_images_and_steps_past_infinite_bounds(draw) -> None:
    low, high = draw((2, 3)).abs().neg().requires_grad_(), draw((2, 3), seed=1).abs().requires_grad_()
    x, tau = (2 * draw((3, 2, 3), seed=2)).requires_grad_(), torch.tensor([0.3, 0.8, 2.0]).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b, x, t: (Box(a, b).prox(x, t), Box(a, b).conjugate.prox(x, t), Box(a, b).conjugate.value(x)),
        (low, high, x, tau),
    )
    endless = torch.full((2, 3), math.inf, dtype=torch.float64)
    for box in (nonnegativity(), Box(0.0, endless)):
        z = (-draw((3, 2, 3)).abs()).requires_grad_()
        result = box.conjugate.value(z).sum() + box.conjugate.prox(z, tau).sum()
        assert all(
            torch.isfinite(g).all() for g in torch.autograd.grad(result, (z, tau), allow_unused=True) if g is not None
        )


def test_bounds_that_cross_or_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"bounds are \[tensor of shape \(2,\), 0\], expected low <= high"):
        Box(torch.tensor([-1.0, 1.0]), 0.0)
    box = Box(torch.zeros(2, 3))
    for call in (box.value, box.conjugate.value, lambda x: box.prox(x, 1.0), lambda x: box.conjugate.prox(x, 1.0)):
        with pytest.raises(ShapeError, match=r"bounds have shape \(2, 3\), expected \(2, 4\) or axes of length 1"):
            call(torch.zeros(1, 2, 4))


def test_zero_times_an_indicator_is_that_indicator() -> None:
    for functional in (0.0 * nonnegativity(), torch.tensor(0.0) * nonnegativity()):
        assert functional.value(torch.tensor([[1.0, -1.0], [0.0, 2.0]])).tolist() == [math.inf, 0.0]
        assert functional.prox(torch.tensor([[1.0, -1.0]]), 1.0).tolist() == [[1.0, 0.0]]
    dropped = 0.0 * nonnegativity().conjugate
    assert dropped.prox(torch.tensor([[1.0, -1.0]]), 1.0).tolist() == [[0.0, -1.0]]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    radius=st.sampled_from([0.0, 1e-3, 0.7, 100.0]),
    axes=st.sampled_from([(), (0,), (1,), (0, 2), (0, 1, 2), None]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.complex64, torch.complex128]),
    learned=st.booleans(),
)
def test_the_projection_is_numpys_and_lands_inside(seed, radius, axes, dtype, learned) -> None:
    v = torch.randn(2, 2, 3, 4, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    v[0, 0, 0] = 0
    ball = Ball(torch.tensor(radius, dtype=torch.float64) if learned else radius, axes)
    got = ball.prox(v, 1.0)
    wide = v.numpy().astype(complex)
    dims = (1, 2, 3) if axes is None else tuple(a + 1 for a in axes)
    length = np.sqrt((np.abs(wide) ** 2).sum(dims, keepdims=True)) if dims else np.abs(wide)
    want = wide * np.minimum(1, radius / np.maximum(length, 1e-300))
    eps = torch.finfo(dtype).eps
    np.testing.assert_allclose(got.numpy(), want, rtol=8 * eps, atol=8 * eps * radius)
    assert got.dtype is dtype
    assert (ball.value(got) == 0).all()
    assert (ball.value(got + 2 * radius + 1) == math.inf).all()
    # What is inside does not move, to the last bit.
    within = np.broadcast_to(length <= 0.999 * radius, v.shape).copy()
    assert torch.equal(got[torch.from_numpy(within)], v[torch.from_numpy(within)])


def test_a_projected_image_of_a_million_pixels_is_inside() -> None:
    v = torch.randn(1, 1, 1000, 1000, generator=torch.Generator().manual_seed(0))
    assert Ball(1.0, None).value(Ball(1.0, None).prox(v, 1.0)).item() == 0.0


def test_group_norms_are_numpys_and_have_a_gradient_at_zero(draw) -> None:
    x = draw((2, 3, 4), torch.complex128)
    np.testing.assert_allclose(group_norm(x, (0,)).numpy(), np.linalg.norm(x.numpy(), axis=1, keepdims=True))
    zero = torch.zeros(1, 2, 3, requires_grad=True)
    group_norm(zero, (0,)).sum().backward()
    assert zero.grad is not None
    assert (zero.grad == 0).all()


def test_the_reference_rejects_a_projection_with_half_the_radius(draw) -> None:
    v = 10 * draw((2, 3))
    good, wrong = project_onto_ball(v, (0,), 1.0), project_onto_ball(v, (0,), 0.5)
    assert (good - v).norm() < (wrong - v).norm()
    assert Ball(1.0, (0,)).value(2.1 * wrong).tolist() == [math.inf, math.inf]


def test_bounds_and_radii_that_make_no_set_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"bounds are \[1, 0\], expected low <= high"):
        Box(1.0, 0.0)
    with pytest.raises(ConfigError, match="expected low <= high"):
        Box(math.nan, 0.0)
    with pytest.raises(ConfigError, match="weight is -1.0, expected a finite number >= 0"):
        Ball(-1.0)
    with pytest.raises(ConfigError, match=r"axes are \(-1,\)"):
        Ball(1.0, (-1,))


def test_a_box_of_complex_images_is_refused() -> None:
    x = torch.ones(1, 2, dtype=torch.complex64)
    for call in (nonnegativity().value, nonnegativity().conjugate.value):
        with pytest.raises(ShapeError, match="image is torch.complex64, expected a real one"):
            call(x)
    with pytest.raises(ShapeError, match="image is torch.complex64, expected a real one"):
        nonnegativity().prox(x, 1.0)
