from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
import torch
from convex_problems import differences as difference_matrices

from invkit.errors import ConfigError
from invkit.experiments.config import Use
from invkit.experiments.methods import build_model
from invkit.functionals import SquaredL2, h1, huber_tv, nuclear_tv, smoothed_tv, total_variation, vector_tv
from invkit.operators import Space
from invkit.plugins import Registry
from invkit.solvers import PDHG, solve


def differences(x: np.ndarray, periodic: bool, spacing: tuple[float, ...]) -> np.ndarray:
    """(d, *spatial) of one channel."""
    parts = []
    for axis, h in enumerate(spacing):
        ahead = np.roll(x, -1, axis) - x
        if not periodic:
            last = [slice(None)] * x.ndim
            last[axis] = slice(-1, None)
            ahead[tuple(last)] = 0
        parts.append(ahead / h)
    return np.stack(parts)


@pytest.mark.parametrize("shape", [(7,), (4, 5), (1, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_penalties_are_sums_over_numpys_differences(shape, boundary, dtype, draw) -> None:
    spacing = (0.5, 2.0, 1.0)[: len(shape)]
    x = draw((2, 3, *shape), dtype)
    domain = Space((3, *shape), dtype)
    settings = {"boundary": boundary, "spacing": spacing}
    fields = [[differences(c.numpy(), boundary == "periodic", spacing) for c in image] for image in x]
    isotropic = [sum(np.sqrt((np.abs(d) ** 2).sum(0)).sum() for d in image) for image in fields]
    np.testing.assert_allclose(total_variation(domain, **settings).value(x).numpy(), isotropic)
    taxicab = [sum(np.abs(d).sum() for d in image) for image in fields]
    np.testing.assert_allclose(total_variation(domain, isotropic=False, **settings).value(x).numpy(), taxicab)
    squares = [0.5 * sum((np.abs(d) ** 2).sum() for d in image) for image in fields]
    np.testing.assert_allclose(h1(domain, **settings).value(x).numpy(), squares)
    # The check rejects the other kind, and the spacing left out.
    if len(shape) > 1 and 1 not in shape:
        assert not np.allclose(isotropic, taxicab)
        assert not np.allclose(total_variation(domain, boundary=boundary).value(x).numpy(), isotropic)


def test_the_variation_of_a_square_is_its_perimeter() -> None:
    x = torch.zeros(1, 1, 20, 20, dtype=torch.float64)
    x[..., 5:11, 3:15] = 2.0
    domain = Space((1, 20, 20), torch.float64)
    assert total_variation(domain, isotropic=False).value(x).item() == pytest.approx(2.0 * 2 * (6 + 12))


def test_the_gradient_of_h1_is_that_of_autograd_and_its_smoothness_the_squared_norm(draw) -> None:
    domain = Space((1, 4, 5), torch.float64)
    f, x = h1(domain), draw((2, 1, 4, 5)).requires_grad_()
    (want,) = torch.autograd.grad(f.value(x).sum(), x)
    torch.testing.assert_close(f.gradient(x), want)
    bound = f.smoothness()
    assert bound is not None
    assert bound.upper == pytest.approx(4 * (np.cos(np.pi / 8) ** 2 + np.cos(np.pi / 10) ** 2))


def test_an_unknown_boundary_is_refused() -> None:
    with pytest.raises(ConfigError, match="boundary is 'zero'"):
        total_variation(Space((1, 4)), boundary="zero")  # type: ignore[arg-type]


def test_vectorial_variation_takes_the_jacobian_of_all_channels_together(draw) -> None:
    x = draw((2, 3, 4, 5), torch.complex128)
    spacing = (0.5, 2.0)
    fields = [np.stack([differences(c.numpy(), False, spacing) for c in image]) for image in x]
    want = [np.sqrt((np.abs(jacobian) ** 2).sum((0, 1))).sum() for jacobian in fields]
    domain = Space((3, 4, 5), torch.complex128)
    np.testing.assert_allclose(vector_tv(domain, spacing=spacing).value(x).numpy(), want)
    assert not np.allclose(total_variation(domain, spacing=spacing).value(x).numpy(), want)


def test_nuclear_variation_sums_the_singular_values_of_the_jacobian(draw) -> None:
    x, domain = draw((2, 3, 4, 5)), Space((3, 4, 5), torch.float64)
    fields = [np.stack([differences(c.numpy(), False, (1.0, 1.0)) for c in image]) for image in x]
    want = [np.linalg.svd(np.moveaxis(j.reshape(3, 2, -1), -1, 0), compute_uv=False).sum() for j in fields]
    np.testing.assert_allclose(nuclear_tv(domain).value(x).numpy(), want)
    grey = x[:, :1].expand(2, 3, 4, 5).contiguous()  # one edge direction: rank one, where both norms are equal
    torch.testing.assert_close(nuclear_tv(domain).value(grey), vector_tv(domain).value(grey))


@pytest.mark.parametrize("isotropic", [True, False])
def test_smooth_variations_are_sums_of_their_functions_over_numpys_differences(isotropic, draw) -> None:
    x, domain = draw((2, 1, 4, 5)), Space((1, 4, 5), torch.float64)
    lengths = []
    for image in x:
        d = differences(image[0].numpy(), False, (1.0, 1.0))
        lengths.append(np.sqrt((d**2).sum(0)).reshape(-1) if isotropic else np.abs(d).reshape(-1))
    t = np.stack(lengths)
    huber = np.where(t <= 0.7, t**2 / 1.4, t - 0.35).sum(1)
    np.testing.assert_allclose(huber_tv(domain, delta=0.7, isotropic=isotropic).value(x).numpy(), huber)
    cubic = np.where(t <= 0.7, t**2 / 0.7 - t**3 / (3 * 0.49), t - 0.7 / 3).sum(1)
    np.testing.assert_allclose(smoothed_tv(domain, gamma=0.7, isotropic=isotropic).value(x).numpy(), cubic)


def test_denoising_with_the_variants_reaches_the_minimum_of_cvxpy(draw) -> None:
    y, domain = 2 * draw((2, 2, 4, 3)), Space((2, 4, 3), torch.float64)
    dy, dx = difference_matrices(4, 3)

    def huber(x: cp.Expression) -> cp.Expression:
        # The Moreau envelope of the length: min |w| + |g - w|^2 / (2 delta).
        total = 0
        for c in (x[:12], x[12:]):
            w = cp.Variable((2, 12))
            g = cp.vstack([dy @ c, dx @ c])
            total = total + cp.sum(cp.norm(w, 2, axis=0)) + cp.sum_squares(g - w) / (2 * 0.4)
        return total

    def vector(x: cp.Expression) -> cp.Expression:
        jacobian = cp.vstack([d @ c for c in (x[:12], x[12:]) for d in (dy, dx)])
        return cp.sum(cp.norm(jacobian, 2, axis=0))

    for regulariser, model in ((huber_tv(domain, delta=0.4), huber), (vector_tv(domain), vector)):
        for order in (0, 1):
            terms = [1.4 * SquaredL2(y), 0.9 * regulariser]
            objective = terms[order] + terms[1 - order]
            found = solve(objective, PDHG(), rtol=1e-9, max_steps=20_000).x
            for image, value in zip(y.numpy(), objective.value(found).tolist(), strict=True):
                x = cp.Variable(24)
                problem = cp.Problem(cp.Minimize(0.7 * cp.sum_squares(x - image.reshape(-1)) + 0.9 * model(x)))
                problem.solve(solver=cp.CLARABEL)
                assert value <= problem.value + 1e-6 * (1 + abs(problem.value))
                assert value >= problem.value - 1e-5 * (1 + abs(problem.value))


def test_the_registered_variation_takes_its_options_from_a_configuration(draw) -> None:
    registry = Registry([], environ={})
    use = Use.model_validate(
        {"use": "core/variational", "regulariser": {"use": "core/tv", "isotropic": False, "spacing": [0.5, 2.0]}}
    )
    model = build_model(use, registry)
    domain, x = Space((1, 4, 5), torch.float64), draw((2, 1, 4, 5))
    want = total_variation(domain, isotropic=False, spacing=(0.5, 2.0)).value(x)
    torch.testing.assert_close(model.regulariser(domain).value(x), want)
