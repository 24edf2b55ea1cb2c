"""Every solver against dense linear algebra and scipy's solvers of a smooth reformulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize

from invkit.functionals import L1, Box, Functional, SquaredL2, h1, least_squares, total_variation
from invkit.operators import Dense, FiniteDifference, Fourier
from invkit.solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, ProximalGradient, Solver, solve

SMOOTH = [GradientDescent(), ConjugateGradient(), ProximalGradient(), FISTA(), PDHG()]
COMPOSITE = [ProximalGradient(), FISTA(), PDHG(), PDHG(balance=3.0)]


def named(solver: Solver) -> str:
    return type(solver).__name__


def both_orders(first: Functional, second: Functional) -> list[Functional]:
    return [first + second, second + first]


def run(objective: Functional, solver: Solver, rtol: float = 1e-10) -> np.ndarray:
    solution = solve(objective, solver, rtol=rtol, max_steps=60_000, check_every=50)
    return solution.require_converged().x.numpy()


def differences(n: int) -> np.ndarray:
    d = np.zeros((n, n))
    for i in range(n - 1):
        d[i, i], d[i, i + 1] = -1, 1
    return d


@pytest.mark.parametrize("solver", SMOOTH, ids=named)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_a_weighted_ridge_is_that_of_the_normal_equations(solver, dtype, draw) -> None:
    m, y, centre = draw((6, 4), dtype), draw((3, 6), dtype, 1), draw((3, 4), dtype, 2)
    fidelity, ridge = 2.5 * least_squares(Dense(m), y), 0.3 * SquaredL2(centre)
    a = m.numpy()
    left = 2.5 * a.conj().T @ a + 0.3 * np.eye(4)
    right = 2.5 * y.numpy() @ a.conj() + 0.3 * centre.numpy()
    want = np.linalg.solve(left, right.T).T
    for objective in both_orders(fidelity, ridge):
        np.testing.assert_allclose(run(objective, solver), want, atol=1e-8)
    # The reference rejects the solution with another weight.
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        np.testing.assert_allclose(run(fidelity + 0.31 * SquaredL2(centre), solver), want, atol=1e-8)


@pytest.mark.parametrize("solver", SMOOTH, ids=named)
def test_h1_with_an_operator_is_that_of_the_normal_equations(solver, draw) -> None:
    m, y = draw((5, 6)), draw((2, 5), seed=1)
    op, d = Dense(m, (1, 6)), differences(6)
    want = np.linalg.solve(m.numpy().T @ m.numpy() + 0.7 * d.T @ d, m.numpy().T @ y.numpy().T).T
    for objective in both_orders(least_squares(op, y), 0.7 * h1(op.domain)):
        np.testing.assert_allclose(run(objective, solver)[:, 0], want, atol=1e-7)


@pytest.mark.parametrize("solver", COMPOSITE, ids=named)
def test_nonnegative_least_squares_is_scipys(solver, draw) -> None:
    m, y = draw((7, 5)), draw((3, 7), seed=1)
    want = np.stack([optimize.nnls(m.numpy(), row)[0] for row in y.numpy()])
    assert (want == 0).any()
    for objective in both_orders(least_squares(Dense(m), y), Box(0.0)):
        np.testing.assert_allclose(run(objective, solver), want, atol=1e-8)


@pytest.mark.parametrize("solver", COMPOSITE, ids=named)
def test_the_lasso_is_scipys_split_into_positive_and_negative_part(solver, draw) -> None:
    m, y, weight = draw((7, 5)), draw((2, 7), seed=1), 1.3
    a = np.hstack([m.numpy(), -m.numpy()])
    want = []
    for row in y.numpy():
        found = optimize.minimize(
            lambda u, row=row: 0.5 * ((a @ u - row) ** 2).sum() + weight * u.sum(),
            np.full(10, 0.3), jac=lambda u, row=row: a.T @ (a @ u - row) + weight, bounds=[(0, None)] * 10,
            method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 10_000},
        )  # fmt: skip
        want.append(found.x[:5] - found.x[5:])
    assert (np.abs(want) < 1e-9).any()
    for objective in both_orders(least_squares(Dense(m), y), weight * L1()):
        np.testing.assert_allclose(run(objective, solver), want, atol=1e-6)


@pytest.mark.parametrize("solver", COMPOSITE, ids=named)
def test_the_complex_lasso_of_a_unitary_operator_is_soft_thresholding(solver, draw) -> None:
    y = draw((2, 1, 4, 3), torch.complex128)
    back = np.fft.ifftn(y.numpy(), axes=(-2, -1), norm="ortho")
    want = back * np.maximum(0, 1 - 0.6 / np.abs(back))
    for objective in both_orders(least_squares(Fourier((4, 3), dtype=torch.complex128), y), 0.6 * L1()):
        np.testing.assert_allclose(run(objective, solver), want, atol=1e-8)


def taut(y: np.ndarray, weight: float) -> np.ndarray:
    """1D total variation denoising by its dual, a box-constrained quadratic programme (scipy's active set)."""
    d = differences(len(y))[:-1]
    found = optimize.lsq_linear(d.T, y, bounds=(-weight, weight), method="bvls", tol=1e-14)
    return y - d.T @ found.x


@pytest.mark.parametrize("balance", [0.1, 1.0, 5.0])
def test_total_variation_denoising_is_that_of_the_dual_programme(balance, draw) -> None:
    y = draw((3, 1, 9))
    op = Dense(torch.eye(9, dtype=torch.float64), (1, 9), (1, 9))
    want = np.stack([[taut(row[0], 0.8)] for row in y.numpy()])
    for objective in both_orders(least_squares(op, y), 0.8 * total_variation(op.domain)):
        np.testing.assert_allclose(run(objective, PDHG(balance=balance), 1e-8), want, atol=1e-6)


def test_two_dimensional_nonnegative_tv_has_no_better_neighbour_and_scipys_value(draw) -> None:
    """A smoothed objective, driven to a small smoothing by L-BFGS from zero, comes within its known error."""
    m, y = draw((10, 12)), draw((1, 10), seed=1)
    op = Dense(m, (1, 3, 4))
    d = FiniteDifference((3, 4), dtype=torch.float64)
    eps = 1e-7

    def target(flat: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.from_numpy(flat).reshape(1, 1, 3, 4).requires_grad_()
        field = d.forward(x).square().sum(2)
        value = 0.5 * (x.flatten(1) @ m.mT - y).square().sum() + 0.9 * (field + eps**2).sqrt().sum()
        return value.item(), torch.autograd.grad(value, x)[0].numpy().ravel()

    options = {"ftol": 1e-16, "gtol": 1e-10, "maxiter": 20_000, "maxfun": 40_000}
    found = optimize.minimize(target, np.full(12, 0.1), jac=True, bounds=[(0, None)] * 12, options=options)
    objective = least_squares(op, y) + 0.9 * total_variation(op.domain) + Box(0.0)
    x = torch.from_numpy(run(objective, PDHG(), 1e-8)).clamp_min(0)
    value = objective.value(x).item()
    assert value <= found.fun + 1e-6
    assert value >= found.fun - 0.9 * 12 * eps - 1e-4
    for seed in range(50):
        probe = (x + 10.0 ** -(seed % 6) * draw((1, 1, 3, 4), seed=seed)).clamp_min(0)
        assert objective.value(probe).item() >= value - 1e-9


def test_a_rank_deficient_system_has_the_solution_of_smallest_norm(draw) -> None:
    m = draw((6, 2)) @ draw((2, 5), seed=1)
    y = draw((2, 6), seed=2)
    got = solve(least_squares(Dense(m), y), ConjugateGradient(), rtol=1e-12, max_steps=40).x.numpy()
    np.testing.assert_allclose(got, y.numpy() @ np.linalg.pinv(m.numpy(), rcond=1e-10).T, atol=1e-9)


@pytest.mark.parametrize("solver", [*SMOOTH, PDHG(balance=2.0)], ids=named)
def test_single_precision_reaches_a_loose_tolerance(solver, draw) -> None:
    m, y = draw((6, 4), torch.float32), draw((2, 6), torch.float32, 1)
    solution = solve(least_squares(Dense(m), y) + 0.5 * SquaredL2(), solver, rtol=1e-4, max_steps=5000)
    a = m.double().numpy()
    want = np.linalg.solve(a.T @ a + 0.5 * np.eye(4), a.T @ y.double().numpy().T).T
    assert solution.converged
    assert solution.x.dtype is torch.float32
    np.testing.assert_allclose(solution.x.numpy(), want, atol=3e-3 * np.abs(want).max())
