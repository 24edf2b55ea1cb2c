"""The linearised Bregman iteration against cvxpy's solution of the problem that it states."""

from __future__ import annotations

import warnings

import cvxpy as cp
import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, GroupL1, SquaredL2, least_squares, total_variation
from invkit.operators import Dense
from invkit.solvers import Discrepancy, Landweber, LinearisedBregman, Status, solve

MU = 0.7


def reference(matrix: np.ndarray, y: np.ndarray, regulariser, constraints=lambda x: [], mu: float = MU) -> np.ndarray:
    """argmin J(x) + (mu/2) |x|^2 over the x that fit, for a matrix of full row rank."""
    images = []
    for row in y:
        x = cp.Variable(matrix.shape[1], complex=np.iscomplexobj(matrix))
        problem = cp.Problem(
            cp.Minimize(regulariser(x) + mu / 2 * cp.sum_squares(x)),
            [matrix @ x == row, *constraints(x)],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # asked for more than it can always reach, it says so
            problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
        assert problem.status in ("optimal", "optimal_inaccurate")
        images.append(x.value)
    return np.stack(images)


CASES = {
    "l1": (torch.float64, lambda: 1.3 * L1(), lambda x: 1.3 * cp.norm1(x)),
    "l1-complex": (torch.complex128, lambda: 1.3 * L1(), lambda x: 1.3 * cp.sum(cp.abs(x))),
    "group": (
        torch.float64,
        lambda: 0.9 * GroupL1((0,)),
        lambda x: 0.9 * cp.sum(cp.norm(cp.vstack([x[:4], x[4:]]), 2, axis=0)),
    ),
    "ridge": (torch.float64, lambda: 2.0 * SquaredL2(), cp.sum_squares),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("order", [0, 1])
def test_exact_data_are_fitted_with_the_least_of_what_it_states(name: str, order: int, draw) -> None:
    dtype, regulariser, model = CASES[name]
    m, y = draw((4, 8), dtype), draw((2, 4), dtype, 1)
    operator = Dense(m, (2, 4) if name == "group" else ())
    terms = [3.0 * least_squares(operator, y), regulariser()]
    objective = terms[order] + terms[1 - order]
    solver = LinearisedBregman(quadratic_weight=MU)
    got = solve(objective, solver, rtol=1e-10, max_steps=20_000).require_converged().x.flatten(1).numpy()
    want = reference(m.numpy(), y.numpy(), model)
    np.testing.assert_allclose(got, want, atol=2e-6)
    if name.startswith("l1"):
        assert (np.abs(want) < 1e-6).any()
        other = reference(m.numpy(), y.numpy(), model, mu=2 * MU)
        assert not np.allclose(got, other, atol=1e-3)


def test_a_box_is_kept(draw) -> None:
    m, truth = draw((4, 8)), draw((2, 8), seed=1).abs() + 0.1  # inside, so that the dual has a solution
    y = truth @ m.mT
    objective = least_squares(Dense(m), y) + Box(0.0)
    got = solve(objective, LinearisedBregman(MU), rtol=1e-10, max_steps=30_000).require_converged().x.numpy()
    want = reference(m.numpy(), y.numpy(), lambda x: 0.0, lambda x: [x >= 0])
    np.testing.assert_allclose(got, want, atol=2e-6)


def test_data_that_nothing_fits_are_fitted_as_well_as_may_be(draw) -> None:
    m, y = draw((7, 3)) @ draw((3, 6), seed=1), draw((2, 7), seed=2)
    got = solve(least_squares(Dense(m), y) + L1(), LinearisedBregman(MU), rtol=1e-10, max_steps=40_000)
    basis = np.linalg.svd(m.numpy())[0][:, :3]
    rows, data = basis.T @ m.numpy(), y.numpy() @ basis  # the same constraint, of full rank
    want = reference(rows, data, cp.norm1)
    np.testing.assert_allclose(got.require_converged().x.numpy(), want, atol=5e-6)


def test_a_start_changes_the_way_and_not_the_end(draw) -> None:
    m, y, x0 = draw((4, 8)), draw((2, 4), seed=1), 3 * draw((2, 8), seed=2)
    objective = least_squares(Dense(m), y) + L1()
    ends = [solve(objective, LinearisedBregman(MU), x, rtol=1e-11, max_steps=20_000).x for x in (None, x0)]
    torch.testing.assert_close(ends[0], ends[1], atol=1e-7, rtol=0)
    ways = [solve(objective, LinearisedBregman(MU), x, rtol=0.0, max_steps=3).x for x in (None, x0)]
    assert not torch.allclose(ways[0], ways[1], atol=1e-2)


def test_a_start_gives_the_dual_variable_of_the_page(draw) -> None:
    m, y, x0 = draw((4, 8)), draw((2, 4), seed=1), 3 * draw((2, 8), seed=2)
    solver = LinearisedBregman(MU)
    operator = Dense(m)
    problem = solver.prepare(least_squares(operator, y) + 0.5 * L1())
    v = MU * x0 @ m.mT @ m / operator.norm().upper ** 2
    shrunk = v.sign() * (v.abs() - 0.5).clamp_min(0) / MU
    torch.testing.assert_close(solver.init(problem, x0).x, shrunk, rtol=1e-12, atol=1e-13)


def test_without_a_regulariser_it_is_landwebers_iteration(draw) -> None:
    m, y = draw((4, 8)), draw((2, 4), seed=1)
    objective = least_squares(Dense(m), y)
    tau = 0.9 / float(torch.linalg.matrix_norm(m, 2)) ** 2
    got = solve(objective, LinearisedBregman(MU, step_size=MU * tau), rtol=0.0, max_steps=30).x
    want = solve(objective, Landweber(step_size=tau), rtol=0.0, max_steps=30).x
    torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-13)


def test_stopped_by_the_discrepancy_each_image_is_sparse_and_as_if_alone(draw) -> None:
    m = draw((30, 60)) / 30**0.5
    truth = torch.zeros(2, 60, dtype=torch.float64)
    truth[0, [3, 17, 40]], truth[1, [8, 50]] = (
        torch.tensor([2.0, -1.5, 1.0]).double(),
        torch.tensor([5.0, 3.0]).double(),
    )
    clean, noise = truth @ m.mT, draw((2, 30), seed=2)
    levels = 0.05 * clean.norm(dim=1)
    y = clean + levels[:, None] * noise / noise.norm(dim=1, keepdim=True)
    solver = LinearisedBregman(0.05)

    def run(i: slice):
        rule = Discrepancy(Dense(m), y[i], levels[i], factor=1.1)
        objective = least_squares(Dense(m), y[i]) + 1.0 * L1()
        return solve(objective, solver, rtol=0.0, max_steps=3000, check_every=1, stop_when=(rule,))

    both = run(slice(None))
    assert both.status == (Status.DISCREPANCY,) * 2
    assert both.steps[0] != both.steps[1]
    for i in range(2):
        alone = run(slice(i, i + 1))
        assert alone.steps[0] == both.steps[i]
        torch.testing.assert_close(alone.x[0], both.x[i], rtol=1e-10, atol=1e-12)
    to_the_end = solve(least_squares(Dense(m), y) + 1.0 * L1(), solver, rtol=1e-8, max_steps=20_000).x
    assert ((both.x - truth).norm(dim=1) < (to_the_end - truth).norm(dim=1)).all()
    assert ((both.x != 0).sum(1) < 20).all()


def test_the_cost_is_one_operator_and_one_adjoint_a_step_and_one_more_of_each(counting, draw) -> None:
    op = counting((4, 8))
    solve(least_squares(op, draw((2, 1, 4))) + L1(), LinearisedBregman(), rtol=0.0, max_steps=30)
    assert op.calls["forward"] == 31
    assert op.calls["adjoint"] <= 32  # and A* y, the scale


def test_the_residual_is_that_of_the_image(draw) -> None:
    m, y = draw((4, 8)), draw((2, 4), seed=1)
    solver = LinearisedBregman(MU)
    problem = solver.prepare(least_squares(Dense(m), y) + L1())
    state = solver.init(problem, None)
    for _ in range(20):
        state = solver.step(problem, state)
        found = solver.optimality(problem, state)
        want = ((y - state.x @ m.mT) @ m).norm(dim=1)
        torch.testing.assert_close(found.residual, want, rtol=1e-10, atol=1e-13)
        torch.testing.assert_close(found.scale, (y @ m).norm(dim=1))


def test_an_empty_batch_and_single_precision(draw) -> None:
    empty = least_squares(Dense(torch.eye(3)), torch.zeros(0, 3)) + L1()
    assert solve(empty, LinearisedBregman()).x.shape == (0, 3)
    m, y = draw((4, 8)), draw((2, 4), seed=1)
    single = solve(least_squares(Dense(m.float()), y.float()) + L1(), LinearisedBregman(), rtol=1e-5, max_steps=20_000)
    double = solve(least_squares(Dense(m), y) + L1(), LinearisedBregman(), rtol=1e-9, max_steps=20_000)
    assert single.require_converged().x.dtype is torch.float32
    torch.testing.assert_close(single.x.double(), double.x, atol=1e-3, rtol=0)


def test_no_step_waits_for_the_device(host_waits, draw) -> None:
    solver = LinearisedBregman()
    problem = solver.prepare(least_squares(Dense(draw((4, 8))), draw((2, 4))) + L1())
    state = solver.init(problem, None)
    with host_waits() as count:
        solver.optimality(problem, solver.step(problem, state))
    assert count() == 0


def test_what_it_does_not_take_is_refused_by_name() -> None:
    operator = Dense(torch.eye(4), (1, 2, 2))
    data = least_squares(operator, torch.ones(1, 4))
    with pytest.raises(ConfigError, match=r"LinearisedBregman: term .* has no proximal map in closed form"):
        solve(data + total_variation(operator.domain), LinearisedBregman())
    with pytest.raises(ConfigError, match="weight of the least-squares term is 0, expected a positive one"):
        solve(0.0 * data + L1(), LinearisedBregman())
    with pytest.raises(ConfigError, match="there are 1 least-squares terms and 2 others, expected 1 and at most 1"):
        solve(data + L1() + Box(0.0), LinearisedBregman())
    with pytest.raises(ConfigError, match=r"step_size is 2.1, expected one in \(0, 2\)? ?.*= \(0, 2 mu"):
        solve(data + L1(), LinearisedBregman(step_size=2.1))
    with pytest.raises(ConfigError, match="quadratic_weight is 0.0, expected a positive number"):
        LinearisedBregman(0.0)
