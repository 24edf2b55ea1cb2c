from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
import torch
from convex_problems import differences

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.functionals import SquaredL2, directional_tv, total_variation
from invkit.operators import Space
from invkit.solvers import PDHG, solve

SHAPE = (5, 4)
DOMAIN = Space((1, *SHAPE), torch.float64)
DY, DX = differences(*SHAPE)


def projected(v: np.ndarray, eta: float) -> list[np.ndarray]:
    """The two rows of P D as matrices, xi written out."""
    gy, gx = DY @ v.reshape(-1), DX @ v.reshape(-1)
    squares = gy**2 + gx**2
    limit = squares + eta**2 * squares.max()
    yy, yx, xx = (np.diag(a / limit) for a in (gy * gy, gy * gx, gx * gx))
    return [DY - yy @ DY - yx @ DX, DX - yx @ DY - xx @ DX]


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_the_sum_of_the_lengths_of_what_is_left_of_the_gradient(dtype, draw) -> None:
    x, v = draw((2, 2, *SHAPE), dtype), draw(SHAPE, seed=1)
    f = directional_tv(Space((2, *SHAPE), dtype), reference=v, eta=0.3)
    want = []
    for image in x.numpy():
        fields = [[row @ c.reshape(-1) for row in projected(v.numpy(), 0.3)] for c in image]
        want.append(sum(np.sqrt(np.abs(a) ** 2 + np.abs(b) ** 2).sum() for a, b in fields))
    np.testing.assert_allclose(f.value(x).numpy(), want)
    assert not np.allclose(directional_tv(f.operator.domain, reference=v, eta=0.2).value(x).numpy(), want)


def test_an_image_with_the_edges_of_the_reference_costs_almost_nothing() -> None:
    v = torch.zeros(SHAPE, dtype=torch.float64)
    v[2:, 1:] = 1.0
    x = (3 - 2 * v)[None, None]
    f, tv = directional_tv(DOMAIN, reference=v, eta=1e-2), total_variation(DOMAIN)
    assert f.value(x).item() < 2e-4 * tv.value(x).item()
    elsewhere = x.transpose(-1, -2).reshape(1, 1, *SHAPE)
    assert f.value(elsewhere).item() > 0.3 * tv.value(elsewhere).item()


def test_a_constant_reference_gives_total_variation_and_its_scale_does_not_matter(draw) -> None:
    x, v = draw((2, 1, *SHAPE)), draw(SHAPE, seed=1)
    constant = directional_tv(DOMAIN, reference=torch.full(SHAPE, 4.0))
    torch.testing.assert_close(constant.value(x), total_variation(DOMAIN).value(x))
    f, scaled = (directional_tv(DOMAIN, reference=c * v).value(x) for c in (1.0, 1e6))
    torch.testing.assert_close(f, scaled)


def test_of_a_complex_reference_the_magnitude_counts_and_channels_may_have_their_own(draw) -> None:
    x = draw((2, 2, *SHAPE))
    domain = Space((2, *SHAPE), torch.float64)
    v = draw((2, *SHAPE), torch.complex128, seed=1)
    whole = directional_tv(domain, reference=v, eta=0.3).value(x)
    magnitudes = directional_tv(domain, reference=v.abs(), eta=0.3).value(x)
    torch.testing.assert_close(whole, magnitudes)
    # One scale for both channels.
    assert not torch.allclose(whole, directional_tv(domain, reference=v[:1], eta=0.3).value(x))


@pytest.mark.parametrize("order", [0, 1])
def test_denoising_reaches_the_minimum_of_cvxpy(order, draw) -> None:
    y, v = 2 * draw((2, 1, *SHAPE)), draw(SHAPE, seed=1)
    terms = [1.4 * SquaredL2(y), 0.8 * directional_tv(DOMAIN, reference=v, eta=0.2)]
    objective = terms[order] + terms[1 - order]
    solution = solve(objective, PDHG(), rtol=1e-9, max_steps=20_000)
    for image, found, value in zip(y.numpy(), solution.x.numpy(), objective.value(solution.x).tolist(), strict=True):
        x = cp.Variable(20)
        across = cp.vstack([row @ x for row in projected(v.numpy(), 0.2)])
        problem = cp.Problem(
            cp.Minimize(0.7 * cp.sum_squares(x - image.reshape(-1)) + 0.8 * cp.sum(cp.norm(across, 2, axis=0)))
        )
        problem.solve(solver=cp.CLARABEL)
        assert value <= problem.value + 1e-6 * (1 + abs(problem.value))
        np.testing.assert_allclose(found.reshape(-1), x.value, atol=2e-4)


def test_a_gradient_reaches_the_reference(draw) -> None:
    x, v = draw((1, 1, *SHAPE)), draw(SHAPE, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: directional_tv(DOMAIN, reference=v, eta=0.3).value(x), v)
    flat = torch.zeros(SHAPE, dtype=torch.float64, requires_grad=True)
    directional_tv(DOMAIN, reference=flat).value(x).sum().backward()
    assert flat.grad is not None
    assert bool(torch.isfinite(flat.grad).all())


def test_a_reference_of_another_size_and_an_eta_of_zero_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"reference has shape \(4, 5\), expected \(5, 4\)"):
        directional_tv(DOMAIN, reference=torch.zeros(4, 5))
    with pytest.raises(ConfigError, match=r"eta is 0.0, expected a positive number"):
        directional_tv(DOMAIN, reference=torch.zeros(5, 4), eta=0.0)


@pytest.mark.parametrize("scale", [1e-37, 1e-22, 1e-18, 1e18, 1e20, 1e37])
def test_the_scale_of_a_float32_reference_does_not_matter_at_all(scale, draw) -> None:
    x, v = draw((1, 1, *SHAPE)), draw(SHAPE, seed=1).abs()
    want = np.linalg.norm([row @ x.numpy().reshape(-1) for row in projected(v.numpy(), 0.3)], axis=0).sum()
    f = directional_tv(Space((1, *SHAPE)), reference=(v * scale).float(), eta=0.3)
    assert f.value(x.float()).item() == pytest.approx(want, rel=1e-5)
    wide = directional_tv(Space((1, *SHAPE)), reference=v * scale**4, eta=0.3)  # whose values float32 has not
    assert wide.value(x.float()).item() == pytest.approx(want, rel=1e-5)


def test_the_derivative_by_the_reference_is_that_of_differences(draw) -> None:
    x, v, w = draw((1, 1, *SHAPE)), draw(SHAPE, seed=1).requires_grad_(), draw(SHAPE, seed=2)
    (slope,) = torch.autograd.grad(directional_tv(DOMAIN, reference=v, eta=0.3).value(x).sum(), v)
    ends = [directional_tv(DOMAIN, reference=v.detach() + t * w, eta=0.3).value(x).sum() for t in (1e-6, -1e-6)]
    torch.testing.assert_close((slope * w).sum(), (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


def test_a_reference_that_is_not_finite_is_refused() -> None:
    v = torch.ones(SHAPE)
    v[1, 2] = torch.nan
    with pytest.raises(DataError, match="reference has 1 values that are NaN or inf"):
        directional_tv(DOMAIN, reference=v)
