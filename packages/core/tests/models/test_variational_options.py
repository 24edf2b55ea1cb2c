"""Other data fidelities, and the derivative of a reconstruction."""

from __future__ import annotations

import functools

import cvxpy as cp
import numpy as np
import pytest
import torch
from convex_problems import noise

from invkit.differentiation import Implicit, JacobianFree, Unrolled
from invkit.errors import ConfigError
from invkit.functionals import kullback_leibler
from invkit.functionals.regularisers import l1, squared_l2
from invkit.models import Stopping, Variational
from invkit.operators import Dense, Fourier
from invkit.solvers import PDHG, ConjugateGradient, GradientDescent

MATRIX = noise((9, 6), seed=0)
TIGHT = Stopping(rtol=1e-10, max_steps=100_000, check_every=100)


def test_an_l1_fit_is_cvxpys() -> None:
    y = noise((2, 9), seed=1)
    y[0, 3] = 50.0
    x = Variational(l1, 0.8, data_fidelity="l1", solver=PDHG(), stopping=TIGHT)(y, Dense(MATRIX))
    for image, data in zip(x.numpy(), y.numpy(), strict=True):
        z = cp.Variable(6)
        problem = cp.Problem(cp.Minimize(cp.norm1(MATRIX.numpy() @ z - data) + 0.8 * cp.norm1(z)))
        problem.solve(solver=cp.CLARABEL)
        value = np.abs(MATRIX.numpy() @ image - data).sum() + 0.8 * np.abs(image).sum()
        assert value <= problem.value + 1e-6 * (1 + problem.value)


def test_a_kullback_leibler_fit_with_a_background_is_cvxpys() -> None:
    matrix = MATRIX.abs()
    y = (4 * noise((2, 9), seed=2).abs()).round()
    assert (y == 0).any()
    model = Variational(
        l1, 0.3, data_fidelity=functools.partial(kullback_leibler, background=0.5), nonnegative=True, stopping=TIGHT
    )
    x = model(y, Dense(matrix))
    for image, data in zip(x.numpy(), y.numpy(), strict=True):
        z = cp.Variable(6)
        fit = cp.sum(cp.kl_div(data, matrix.numpy() @ z + 0.5))
        problem = cp.Problem(cp.Minimize(fit + 0.3 * cp.norm1(z)), [z >= 0])
        problem.solve(solver=cp.CLARABEL)
        np.testing.assert_allclose(image, z.value, atol=2e-4)


def test_an_unknown_fidelity_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="expected one of least-squares, kullback-leibler, l1, or a function"):
        Variational(l1, data_fidelity="l2")


def test_the_derivative_with_respect_to_the_weight_and_the_data_is_that_of_the_normal_equations() -> None:
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    y = noise((2, 9), seed=3).requires_grad_()
    stopping = Stopping(rtol=1e-13, max_steps=100)
    model = Variational(squared_l2, weight, solver=ConjugateGradient(), stopping=stopping, differentiation=Implicit())
    x = model(y, Dense(MATRIX))
    direction = noise((2, 6), seed=4)
    (x * direction).sum().backward()
    a = MATRIX.numpy()
    inverse = np.linalg.inv(a.T @ a + 0.7 * np.eye(6))
    q = direction.numpy() @ inverse
    np.testing.assert_allclose(y.grad.numpy(), q @ a.T, atol=1e-8)
    np.testing.assert_allclose(weight.grad.item(), -(q * (y.detach().numpy() @ a @ inverse)).sum(), rtol=1e-7)


@pytest.mark.parametrize("how", [Implicit(), Unrolled(600), JacobianFree(steps=400)], ids=lambda h: type(h).__name__)
def test_a_learned_sampling_pattern_gets_its_gradient(how) -> None:
    theta = noise((5, 4), seed=5).requires_grad_()
    y = noise((2, 1, 5, 4), torch.complex128, seed=6)
    direction = noise((2, 1, 5, 4), torch.complex128, seed=7)

    def loss(parameter: torch.Tensor, differentiation) -> torch.Tensor:
        operator = Fourier((5, 4), torch.sigmoid(parameter), dtype=torch.complex128)
        stopping = Stopping(rtol=1e-13, max_steps=2000)
        model = Variational(
            squared_l2, 0.3, solver=GradientDescent(), stopping=stopping, differentiation=differentiation
        )
        return (model(y, operator) * direction.conj()).real.sum()

    loss(theta, how).backward()
    with torch.no_grad():
        for place in ((0, 0), (3, 2), (4, 3)):
            step = torch.zeros_like(theta)
            step[place] = 1e-5
            slope = (loss(theta + step, None) - loss(theta - step, None)) / 2e-5
            assert theta.grad[place].item() == pytest.approx(slope.item(), rel=1e-5, abs=1e-9)


def test_another_weight_is_the_only_thing_that_changes() -> None:
    model = Variational(l1, 0.5, nonnegative=True, solver=PDHG(balance=2.0), data_fidelity="l1", stopping=TIGHT)
    other = model.with_weight(0.25)
    assert (other.weight, model.weight) == (0.25, 0.5)
    for name in ("regulariser", "nonnegative", "solver", "data_fidelity", "stopping", "differentiation"):
        assert getattr(other, name) is getattr(model, name)
    with pytest.raises(ConfigError, match="weight is -1"):
        model.with_weight(-1)
