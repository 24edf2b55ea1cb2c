"""The projection against a root finder for its level, cvxpy, and the variational inequality with feasible points."""

from __future__ import annotations

import math

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from invkit.errors import ConfigError, ShapeError
from invkit.functionals import Simplex
from invkit.functionals.simplex import from_rows, in_rows


def slow_projection(v: np.ndarray, total: float) -> np.ndarray:
    """Of a vector: the level by bisection."""

    def surplus(level: float) -> float:
        return np.maximum(v - level, 0).sum() - total

    level = optimize.brentq(surplus, v.min() - total - 1, v.max(), xtol=1e-15, rtol=1e-15)
    return np.maximum(v - level, 0)


def groups_of(x: np.ndarray, axes: tuple[int, ...] | None) -> np.ndarray:
    """Of one image: shape (groups, size), by explicit indexing."""
    if axes is None:
        return x.reshape(1, -1)
    rest = [a for a in range(x.ndim) if a not in axes]
    return np.array(
        [
            x[tuple(slice(None) if a in axes else place[rest.index(a)] for a in range(x.ndim))].ravel()
            for place in np.ndindex(*(x.shape[a] for a in rest))
        ]
    )


AXES = [None, (0,), (1,), (0, 2), (2, 1), (0, 1, 2)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    axes=st.sampled_from(AXES),
    total=st.sampled_from([0.3, 1.0, 50.0]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    learned=st.booleans(),
)
def test_the_projection_is_that_of_the_root_finder_and_lands_in_the_set(
    seed, axes, total, scale, dtype, learned
) -> None:
    v = scale * torch.randn(2, 2, 3, 5, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    simplex = Simplex(torch.tensor(total, dtype=torch.float64) if learned else total, axes)
    got = simplex.prox(v, 0.7)
    assert got.dtype is dtype
    assert (simplex.value(got) == 0).all()
    tolerance = max(8 * torch.finfo(dtype).eps * total, 1e-13 * scale)
    for image, projected in zip(v.double().numpy(), got.numpy(), strict=True):
        for group, result in zip(groups_of(image, axes), groups_of(projected, axes), strict=True):
            np.testing.assert_allclose(result, slow_projection(group, total), rtol=0, atol=tolerance)
    torch.testing.assert_close(simplex.prox(got, 1.0), got, rtol=0, atol=4 * torch.finfo(dtype).eps * total)
    assert (simplex.value(got * 1.01 + 0.01) == math.inf).all()


def test_the_projection_is_cvxpys(draw) -> None:
    v = draw((1, 2, 3, 2))
    x = cp.Variable(12)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(x - v.flatten().numpy())), [x >= 0, cp.sum(x) == 2.5])
    problem.solve(solver=cp.CLARABEL)
    np.testing.assert_allclose(Simplex(2.5).prox(v, 1.0).flatten().numpy(), x.value, atol=1e-6)


def test_the_variational_inequality_holds_for_feasible_points_and_rejects_a_wrong_projection(draw) -> None:
    v, total = draw((1, 3, 2, 2)), 1.5
    got = Simplex(total, (0,)).prox(v, 1.0)
    wrong = got.roll(1, 1)  # feasible, but not the nearest
    violated = 0
    for seed in range(50):
        q = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.full(3, 0.3), (1, 2, 2))).movedim(-1, 1) * total
        assert (((v - got) * (q - got)).sum(1) <= 1e-12).all()
        violated += bool((((v - wrong) * (q - wrong)).sum(1) > 1e-6).any())
    assert violated


def test_the_conjugate_is_the_supremum_over_a_grid_of_the_set() -> None:
    total = 1.7
    corner = np.linspace(0, total, 201)
    grid = np.array([(a, b, total - a - b) for a in corner for b in corner if a + b <= total + 1e-12])
    for z in ([0.3, -1.0, 0.5], [-2.0, -1.0, -3.0], [0.0, 0.0, 0.0]):
        got = Simplex(total).conjugate.value(torch.tensor([z], dtype=torch.float64)).item()
        assert got == pytest.approx((grid @ np.array(z)).max(), abs=1e-12)
        scaled = (0.4 * Simplex(total)).conjugate.value(torch.tensor([z], dtype=torch.float64)).item()
        assert scaled == got


@pytest.mark.parametrize("axes", AXES)
def test_moreaus_identity_and_the_conjugate_of_the_conjugate(axes, draw) -> None:
    v = draw((3, 2, 3, 2))
    simplex = Simplex(1.3, axes)
    support = 0.7 * simplex.conjugate
    for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        back = simplex.prox(v, tau) + column * simplex.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)
        back = support.prox(v, tau) + column * support.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)
    torch.testing.assert_close(simplex.conjugate.conjugate.prox(v, 1.0), simplex.prox(v, 1.0), rtol=0, atol=0)
    assert simplex.conjugate.convexity() == simplex.convexity() == 0.0


def test_gradients_reach_image_and_total(draw) -> None:
    v, total = draw((2, 3, 2)).requires_grad_(), torch.tensor(1.3).double().requires_grad_()
    tau = torch.tensor([0.3, 0.8]).double()
    assert torch.autograd.gradcheck(lambda v, t: Simplex(t, (0,)).prox(v, tau), (v, total))
    assert torch.autograd.gradcheck(lambda v, t: Simplex(t, (0,)).conjugate.prox(v, tau), (v, total))
    assert torch.autograd.gradcheck(lambda v, t: Simplex(t, (0,)).conjugate.value(v), (v, total))


def test_a_million_pixels_of_large_values_sum_to_the_total() -> None:
    v = 1e6 * torch.randn(1, 1, 1000, 1000, generator=torch.Generator().manual_seed(0))
    got = Simplex(3.0).prox(v, 1.0)
    assert got.double().sum().item() == pytest.approx(3.0, rel=1e-6)
    assert Simplex(3.0).value(got).item() == 0.0


def test_an_empty_batch_has_an_empty_projection() -> None:
    empty = torch.zeros(0, 2, 3)
    for axes in (None, (0,)):
        assert Simplex(1.0, axes).prox(empty, 1.0).shape == (0, 2, 3)
        assert Simplex(1.0, axes).conjugate.prox(empty, 1.0).shape == (0, 2, 3)
        assert Simplex(1.0, axes).value(empty).shape == Simplex(1.0, axes).conjugate.value(empty).shape == (0,)


@pytest.mark.parametrize("axes", AXES)
def test_rows_are_the_groups_and_go_back(axes, draw) -> None:
    x = draw((2, 2, 3, 5))
    rows = in_rows(x, axes)
    for i in range(2):
        want = groups_of(x[i].numpy(), tuple(sorted(axes)) if axes else axes)
        np.testing.assert_array_equal(np.sort(rows[i].numpy(), -1), np.sort(want, -1))
    assert torch.equal(from_rows(rows, x, axes), x)


def test_complex_images_bad_totals_and_bad_axes_are_refused() -> None:
    z = torch.ones(1, 2, dtype=torch.complex64)
    for call in (Simplex().value, Simplex().conjugate.value, lambda z: Simplex().prox(z, 1.0)):
        with pytest.raises(ShapeError, match="image is torch.complex64, expected a real one"):
            call(z)
    with pytest.raises(ConfigError, match="weight is -1.0, expected a finite number >= 0"):
        Simplex(-1.0)
    with pytest.raises(ConfigError, match=r"axes are \(-1,\), expected numbers >= 0"):
        Simplex(1.0, (-1,))
    for axes in ((), (0, 0)):
        with pytest.raises(ConfigError, match="each once"):
            Simplex(1.0, axes)
    assert repr(Simplex(2.0, (0,))) == "Simplex(2, axes=(0,))"
