from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.operators import Dense, Fourier, Identity, Interval, Space
from invkit.operators.base import HasGramDiagonal
from invkit.solvers import ConjugateGradient, solve


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_beyond_the_solution_of_a_singular_system_do_not_leave_it(dtype, draw) -> None:
    """Rounding leaves a residual in the null space, along which a step has no bounded length."""
    m = draw((30, 4), dtype) @ draw((4, 20), dtype, 1)
    y = draw((3, 30), dtype, 2)
    want = y.double().numpy() @ np.linalg.pinv(m.double().numpy(), rcond=1e-5).T
    for max_steps in (10, 37, 200):
        got = solve(least_squares(Dense(m), y), ConjugateGradient(), rtol=0.0, max_steps=max_steps).x.numpy()
        np.testing.assert_allclose(got, want, atol=3e4 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_a_projection_is_solved_in_one_step_and_stays_solved(dtype, draw) -> None:
    """H = F* S F has the eigenvalues 0 and 1 only: everything after the first step is rounding."""
    pattern = (torch.rand(24, 20, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    op = Fourier((24, 20), pattern, dtype=dtype) @ Identity((24, 20), 1, dtype)
    y = draw((2, 1, 24, 20), dtype) * pattern
    want = np.fft.ifftn(y.numpy(), axes=(-2, -1), norm="ortho")
    for max_steps in (1, 2, 10, 100):
        got = solve(least_squares(op, y), ConjugateGradient(), rtol=0.0, max_steps=max_steps).x.numpy()
        np.testing.assert_allclose(got, want, atol=100 * torch.finfo(dtype).eps)


def test_n_steps_solve_a_system_of_n_unknowns_and_fewer_do_not(draw) -> None:
    m, y = draw((9, 6)), draw((2, 9), seed=1)
    want = np.linalg.lstsq(m.numpy(), y.numpy().T, rcond=None)[0].T
    objective = least_squares(Dense(m), y)
    np.testing.assert_allclose(solve(objective, ConjugateGradient(), rtol=0.0, max_steps=6).x, want, atol=1e-10)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        np.testing.assert_allclose(solve(objective, ConjugateGradient(), rtol=0.0, max_steps=3).x, want, atol=1e-10)


def test_a_start_at_the_solution_stays_there(draw) -> None:
    m, y = draw((6, 4)), draw((2, 6), seed=1)
    want = torch.from_numpy(np.linalg.lstsq(m.numpy(), y.numpy().T, rcond=None)[0].T.copy())
    got = solve(least_squares(Dense(m), y), ConjugateGradient(), want, rtol=1e-8).require_converged()
    torch.testing.assert_close(got.x, want)


def test_terms_that_are_not_squares_are_refused_by_name() -> None:
    objective = least_squares(Dense(torch.eye(2)), torch.ones(1, 2)) + 0.5 * L1()
    with pytest.raises(ConfigError, match=r"ConjugateGradient: term 0.5 \* L1\(\) is not quadratic"):
        solve(objective, ConjugateGradient())
    with pytest.raises(ConfigError, match="has no operator that says the size of its images"):
        solve(SquaredL2(), ConjugateGradient(), torch.ones(1, 2))


@dataclass(frozen=True, eq=False, repr=False)
class Columns(HasGramDiagonal):
    """A dense operator whose columns differ in length, and which says so."""

    dense: Dense

    @property
    def domain(self) -> Space:
        return self.dense.domain

    @property
    def codomain(self) -> Space:
        return self.dense.codomain

    def _forward(self, x):
        return self.dense.forward(x)

    def _adjoint(self, y):
        return self.dense.adjoint(y)

    def _norm(self) -> Interval:
        return self.dense.norm()

    def _gram_diagonal(self, weights):
        return weights @ self.dense.matrix.abs() ** 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_jacobi_finds_the_same_minimiser_in_fewer_steps(dtype, draw) -> None:
    m = draw((60, 40), dtype) * torch.logspace(0, 2, 40, dtype=torch.float64)
    op, y = Columns(Dense(m)), draw((2, 60), dtype, 1)
    objective = 1.7 * least_squares(op, y) + 0.4 * SquaredL2()
    a = m.numpy()
    want = np.linalg.solve(1.7 * a.conj().T @ a + 0.4 * np.eye(40), 1.7 * a.conj().T @ y.numpy().T).T
    plain = solve(objective, ConjugateGradient(), rtol=1e-10, max_steps=5000, check_every=1)
    better = solve(objective, ConjugateGradient("jacobi"), rtol=1e-10, max_steps=5000, check_every=1)
    np.testing.assert_allclose(better.require_converged().x, want, atol=1e-8)
    assert (2 * better.steps < plain.steps).all()
    alone = solve(
        1.7 * least_squares(op, y[1:]) + 0.4 * SquaredL2(), ConjugateGradient("jacobi"), rtol=1e-10, check_every=1
    )
    torch.testing.assert_close(alone.x, better.x[1:], rtol=1e-9, atol=1e-9)


def test_jacobi_without_a_diagonal_and_unknown_preconditioners_are_refused(counting) -> None:
    objective = least_squares(counting(), torch.ones(1, 1, 6, dtype=torch.float64))
    with pytest.raises(ConfigError, match="preconditioner is 'jacobi', expected operators that know the diagonal"):
        solve(objective, ConjugateGradient("jacobi"))
    with pytest.raises(ConfigError, match="preconditioner is 'ilu', expected None or 'jacobi'"):
        ConjugateGradient("ilu")


@pytest.mark.parametrize("preconditioner", [None, "jacobi"])
@pytest.mark.parametrize("order", [0, 1])
def test_a_term_without_an_operator_counts_in_the_diagonal(preconditioner, order, draw) -> None:
    m, y = draw((9, 6)), draw((2, 9), seed=1)
    terms = [2.5 * least_squares(Columns(Dense(m)), y), 0.3 * SquaredL2()]
    objective = terms[order] + terms[1 - order]
    found = solve(objective, ConjugateGradient(preconditioner), rtol=1e-12)
    want = np.linalg.solve(2.5 * m.numpy().T @ m.numpy() + 0.3 * np.eye(6), 2.5 * m.numpy().T @ y.numpy().T).T
    np.testing.assert_allclose(found.x, want, atol=1e-9)
