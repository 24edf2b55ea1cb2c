"""The gradient of a loss of a minimiser, and whether the estimate of its error is one."""

from __future__ import annotations

import pytest
import torch
from learned_minimisers import LEARNED, differences, noise
from torch import Tensor

from invkit.differentiation import Hypergradient, hypergradient
from invkit.errors import ConfigError, ConvergenceError
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.functionals.smoothed_norm import SmoothedNorm
from invkit.operators import Dense, FromFunction, Space
from invkit.operators.finite_difference import FiniteDifference
from invkit.operators.fourier import Fourier
from invkit.operators.space import norm
from invkit.solvers import FISTA, NewtonCG, solve

GRID = (16, 12)


def mri(theta: dict[str, Tensor]):
    """Smoothed total variation of an image from a third of its Fourier coefficients, all learned."""
    operator = Fourier(GRID, theta["pattern"].sigmoid(), dtype=torch.complex128)
    d = FiniteDifference(GRID, dtype=torch.complex128)
    penalty = theta["weight"] * (SmoothedNorm(0.1, (1,)) @ d)
    return least_squares(operator, theta["y"]) + penalty + 0.02 * SquaredL2()


def learned() -> dict[str, Tensor]:
    pattern = 2 * noise(GRID, seed=1) - 2
    truth = torch.zeros(2, 1, *GRID, dtype=torch.complex128)
    truth[0, :, 3:9, 2:7], truth[1, :, 6:14, 4:10] = 1, 0.5 + 0.5j
    y = torch.fft.fftn(truth, dim=(-2, -1), norm="ortho") + 0.03 * noise((2, 1, *GRID), torch.complex128, 2)
    fields = {"pattern": pattern, "weight": torch.tensor(0.03, dtype=torch.float64), "y": pattern.sigmoid() * y}
    return {name: tensor.requires_grad_() for name, tensor in fields.items()}


def loss(x: Tensor) -> Tensor:
    return (x - 1).abs().square().flatten(1).sum(1) / 2


@pytest.fixture(scope="module")
def reference() -> tuple[dict[str, Tensor], Tensor, Hypergradient]:
    theta = learned()
    with torch.no_grad():
        x = solve(mri(theta), NewtonCG(), rtol=1e-13, check_every=1).require_converged().x
    return theta, x, hypergradient(loss, mri(theta), x, tuple(theta.values()), rtol=1e-13)


def distances(found: Hypergradient, exact: Hypergradient) -> list[float]:
    pairs = zip(found.gradients, exact.gradients, strict=True)
    return [float(torch.linalg.vector_norm(a - b)) for a, b in pairs]


@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-5, 1e-7])
def test_the_estimate_is_the_error_of_a_solution_that_is_close(reference, rtol: float) -> None:
    theta, _, exact = reference
    with torch.no_grad():
        x = solve(mri(theta), FISTA(), rtol=rtol, max_steps=50_000).x
    found = hypergradient(loss, mri(theta), x, tuple(theta.values()), rtol=1e-10)
    for estimate, true in zip(found.error_estimate, distances(found, exact), strict=True):
        assert 0.5 < float(estimate) / true < 2


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-6])
def test_the_estimate_sees_the_error_of_the_adjoint_system(reference, rtol: float) -> None:
    theta, x, exact = reference
    found = hypergradient(loss, mri(theta), x, tuple(theta.values()), rtol=rtol)
    for estimate, true in zip(found.error_estimate, distances(found, exact), strict=True):
        assert 0.5 < float(estimate) / true < 2


def test_the_residual_alone_is_no_estimate(reference) -> None:
    theta, _, exact = reference
    with torch.no_grad():
        x = solve(mri(theta), FISTA(), rtol=1e-5, max_steps=50_000).x
    found = hypergradient(loss, mri(theta), x, tuple(theta.values()), rtol=1e-10)
    ratios = [float(found.residual.sum()) / true for true in distances(found, exact)]
    assert not all(0.5 < ratio < 2 for ratio in ratios)


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_agree_with_differences(name: str) -> None:
    problem = LEARNED[name]
    tensors = problem.tensors()
    with torch.no_grad():
        x = solve(problem.objective(tensors), FISTA(), rtol=1e-12, max_steps=9999).x
    found = hypergradient(problem.loss, problem.objective(tensors), x, tuple(tensors.values()), rtol=1e-11)
    assert float(found.value) == pytest.approx(float(problem.loss(x)))
    for gradient, wanted in zip(found.gradients, differences(name).values(), strict=True):
        assert float((gradient - wanted).abs().max() / wanted.abs().max()) < 1e-6
    assert all(float(estimate) < 1e-7 for estimate in found.error_estimate)


def test_a_loss_that_depends_on_theta_itself_counts_with_both_parts() -> None:
    y = noise((2, 4), seed=1)
    w = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    objective = least_squares(Dense(torch.eye(4, dtype=torch.float64)), y) + w.square() * SquaredL2()
    found = hypergradient(lambda x: (x**3).flatten(1).sum(1) + w**2, objective, y / (1 + w.detach() ** 2), (w,))
    wanted = torch.autograd.functional.jacobian(lambda w: ((y / (1 + w**2)) ** 3).sum() + 2 * w**2, w.detach())
    assert float(found.gradients[0]) == pytest.approx(float(wanted), rel=1e-9)
    assert w.grad is None
    assert not found.gradients[0].requires_grad


def test_a_weight_that_scales_an_operator_of_its_own_counts_with_both_parts() -> None:
    matrix, y = noise((4, 3), seed=1), noise((2, 4), seed=3)
    space, data = Space((3,), torch.float64, torch.device("cpu")), Space((4,), torch.float64, torch.device("cpu"))

    def minimiser(p: Tensor) -> Tensor:
        scaled = (1 + p) * matrix
        return torch.linalg.solve(scaled.mT @ scaled + p * torch.eye(3, dtype=p.dtype), scaled.mT @ y.mT).mT

    p = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    operator = FromFunction(lambda x: (1 + p) * (x @ matrix.mT), space, data)
    found = hypergradient(loss, least_squares(operator, y) + p * SquaredL2(), minimiser(p), (p,), rtol=1e-13)
    (expected,) = torch.autograd.grad(loss(minimiser(p)).sum(), p)
    torch.testing.assert_close(found.gradients[0], expected)


def test_a_start_at_the_last_adjoint_saves_its_steps(reference) -> None:
    theta, x, _ = reference
    cold = hypergradient(loss, mri(theta), x, (theta["weight"],), rtol=1e-8)
    warm = hypergradient(loss, mri(theta), x, (theta["weight"],), rtol=1e-8, x0=cold.adjoint)
    assert int(cold.adjoint_steps.min()) > 10
    assert int(warm.adjoint_steps.max()) <= 1
    torch.testing.assert_close(warm.gradients, cold.gradients, rtol=1e-6, atol=1e-9)


def test_the_residual_is_the_gradient_of_the_objective(reference) -> None:
    theta, x, _ = reference
    shifted = x + 0.01
    found = hypergradient(loss, mri(theta), shifted, (theta["weight"],), rtol=1e-6)
    torch.testing.assert_close(found.residual, norm(mri(theta).gradient(shifted).detach()))


def test_what_cannot_be_differentiated_raises() -> None:
    y, hidden = noise((2, 4)), torch.ones(7, dtype=torch.float64, requires_grad=True)
    operator = Dense(torch.eye(4, dtype=torch.float64))
    w = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    with pytest.raises(ConfigError, match="no gradient"):
        hypergradient(loss, least_squares(operator, y) + w * L1(), y, (w,))
    matrix = Dense(noise((4, 4), seed=3))
    with pytest.raises(ConvergenceError, match="after 1 steps"):
        hypergradient(loss, least_squares(matrix, y) + w * SquaredL2(), y, (w,), max_steps=1)
    with pytest.raises(ConfigError, match="max_steps is 0"):
        hypergradient(loss, least_squares(operator, y) + w * SquaredL2(), y, (w,), max_steps=0)
    with pytest.raises(ConfigError, match="theta is a Tensor, expected a tuple"):
        hypergradient(loss, least_squares(operator, y) + w * SquaredL2(), y, w)
    # A tensor of theta that plays no part has the gradient zero, which is right.
    found = hypergradient(loss, least_squares(operator, y) + w * SquaredL2(), y, (hidden,))
    assert float(found.gradients[0].abs().max()) == 0.0
