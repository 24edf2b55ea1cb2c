"""No image is called converged because its steps are too small to move it, or its numbers too large to square."""

from __future__ import annotations

import pytest
import torch

from invkit.functionals import Box, least_squares, total_variation
from invkit.models import Stopping, Variational
from invkit.operators import Dense, Identity
from invkit.solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, ProximalGradient, Status, solve

STIFF = torch.diag(torch.tensor([1e4, 1.0]))


@pytest.mark.parametrize("solver", [FISTA(), ProximalGradient()], ids=["fista", "proximal-gradient"])
def test_steps_below_the_spacing_of_numbers_are_no_convergence(solver):
    objective = least_squares(Dense(STIFF), torch.tensor([[0.0, 1.0]])) + Box(0.0)
    solution = solve(objective, solver, torch.tensor([[0.0, 2.0]]), max_steps=500)
    assert float(solution.x[0, 1]) == pytest.approx(2.0, abs=1e-3)  # the solution is 1: it never moved
    assert solution.status == (Status.MAX_STEPS,)


@pytest.mark.parametrize("settings", [{"tau": 1e-17, "sigma": 1.0}, {"balance": 1e12}])
def test_a_primal_dual_step_that_moves_nothing_is_no_convergence(settings):
    operator = Identity((1, 4))
    y = torch.tensor([[[[1.0, 0.0, 2.0, 0.0]]]])
    objective = least_squares(operator, y) + 0.1 * total_variation(operator.domain)
    solution = solve(objective, PDHG(**settings), torch.full((1, 1, 1, 4), 10.0), max_steps=200)
    assert solution.status == (Status.MAX_STEPS,)


def test_conjugate_gradients_in_single_precision_do_not_claim_more_than_they_have():
    generator = torch.Generator().manual_seed(0)
    u, v = (torch.linalg.qr(torch.randn(60, 60, dtype=torch.float64, generator=generator))[0] for _ in range(2))
    for condition in (1e1, 1e2, 1e3):
        matrix = (u * torch.logspace(0, -torch.tensor(condition).log10(), 60, dtype=torch.float64)) @ v
        b = torch.randn(1, 60, dtype=torch.float64, generator=generator)
        objective = least_squares(Dense(matrix.float()), b.float())
        solution = solve(objective, ConjugateGradient(), rtol=1e-5, max_steps=2000)
        rhs = b @ matrix
        true = float((rhs - solution.x.double() @ matrix.T @ matrix).norm() / rhs.norm())
        if solution.converged:
            assert true < 2e-5
        assert true < 20 * float(solution.optimality[0]) + 1e-6
    assert not solution.converged  # the last one is out of reach of float32


@pytest.mark.parametrize("scale", [1e20, 1e-22])
@pytest.mark.parametrize(
    "solver", [GradientDescent(), FISTA(), ConjugateGradient(), PDHG()], ids=lambda s: type(s).__name__
)
def test_the_scale_of_the_data_changes_no_verdict(solver, scale):
    generator = torch.Generator().manual_seed(1)
    matrix, y = torch.randn(6, 4, generator=generator), torch.randn(1, 6, generator=generator)
    reference = torch.linalg.lstsq(matrix.double(), y.double().T).solution.T
    solution = solve(least_squares(Dense(matrix), scale * y), solver, rtol=1e-4, max_steps=20)
    error = float((solution.x.double() / scale - reference).norm() / reference.norm())
    assert not solution.converged or error < 1e-2


def test_without_a_regulariser_the_default_solver_stops():
    generator = torch.Generator().manual_seed(2)
    matrix, y = torch.randn(8, 4, generator=generator), torch.randn(2, 8, generator=generator)
    operator = Dense(matrix, (1, 2, 2), (1, 8))
    model = Variational(None, stopping=Stopping(rtol=1e-4, max_steps=2000))
    solution = model.solve(y[:, None], operator)
    assert solution.converged
    expected = torch.linalg.lstsq(matrix, y.T).solution.T.reshape(2, 1, 2, 2)
    torch.testing.assert_close(solution.x, expected, atol=1e-3, rtol=1e-3)


def test_a_batch_goes_on_from_its_state_as_each_image_does_alone():
    generator = torch.Generator().manual_seed(3)
    matrix = torch.diag(torch.logspace(0, -2, 5, dtype=torch.float64))
    # The first image needs many steps, the second stops early and is held.
    y = torch.stack([torch.randn(5, dtype=torch.float64, generator=generator), torch.eye(5, dtype=torch.float64)[0]])
    both = solve(least_squares(Dense(matrix), y), FISTA(), rtol=1e-3, max_steps=400)
    assert both.steps[0] > both.steps[1]
    alone = solve(least_squares(Dense(matrix), y[1:]), FISTA(), rtol=1e-3, max_steps=400)
    on = solve(least_squares(Dense(matrix), y), FISTA(), rtol=0.0, max_steps=50, state=both.state)
    on_alone = solve(least_squares(Dense(matrix), y[1:]), FISTA(), rtol=0.0, max_steps=50, state=alone.state)
    torch.testing.assert_close(on.x[1:], on_alone.x, atol=1e-14, rtol=0)
