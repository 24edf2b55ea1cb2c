"""The solvers with restarts, trials and steps of their own: cvxpy's optimum, their claims, and each image alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, noise, with_tags

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, Differentiable, Functional, SquaredL2, least_squares
from invkit.operators import Dense
from invkit.solvers import (
    FISTA,
    ArmijoGradientDescent,
    BacktrackingFISTA,
    BarzilaiBorwein,
    GradientDescent,
    Landweber,
    LinearisedBregman,
    RestartedFISTA,
    Solver,
    Status,
    solve,
)

COMPOSITE = [RestartedFISTA(), BacktrackingFISTA(), BacktrackingFISTA(step_size=10.0)]
SMOOTH = [ArmijoGradientDescent(), ArmijoGradientDescent(step_size=1e4), BarzilaiBorwein(), BarzilaiBorwein(memory=1)]
ALL = [*COMPOSITE, *SMOOTH]
CASES = [(name, s) for s in COMPOSITE for name in with_tags("composite")]
CASES += [(name, s) for s in SMOOTH for name in with_tags("smooth")]


def named(value: object) -> str:
    return type(value).__name__ if isinstance(value, Solver) else str(value)


def check_optimum(name: str, x: torch.Tensor, objective: Functional) -> None:
    problem = PROBLEMS[name]
    minimum = problem.minimum()
    if not isinstance(objective, Box):
        assert (objective.value(x).numpy() <= minimum + 1e-6 * (1 + np.abs(minimum))).all()
    np.testing.assert_allclose(x.numpy(), problem.minimiser(), atol=1e-5)


@pytest.mark.parametrize(("name", "solver"), CASES, ids=named)
@pytest.mark.parametrize("order", [0, 1])
def test_the_optimum_is_cvxpys_in_either_order_of_the_terms(name: str, solver: Solver, order: int) -> None:
    objective = PROBLEMS[name].objective(order)
    solution = solve(objective, solver, rtol=1e-9, max_steps=4000).require_converged()
    check_optimum(name, solution.x, objective)


def test_the_check_rejects_a_minimiser_of_another_weight() -> None:
    problem = PROBLEMS["ridge"]
    wrong = solve(problem.objective() + 0.01 * SquaredL2(), BarzilaiBorwein(), rtol=1e-10).x
    with pytest.raises(AssertionError, match="assert"):
        check_optimum("ridge", wrong, problem.objective())


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_an_image_is_solved_as_if_it_were_alone(solver: Solver) -> None:
    matrix = torch.diag(torch.logspace(0, -1.5, 6, dtype=torch.float64))
    y = torch.stack([noise((6,)), 100 * torch.eye(6, dtype=torch.float64)[0], torch.zeros(6, dtype=torch.float64)])

    def run(y: torch.Tensor):
        return solve(least_squares(Dense(matrix), y) + 0.01 * SquaredL2(), solver, rtol=1e-6, check_every=1)

    together = run(y)
    assert len(set(together.steps.tolist())) > 1
    for i in range(3):
        alone = run(y[i : i + 1])
        assert alone.steps[0] == together.steps[i]
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=1e-10, atol=1e-13)
        mine, theirs = alone.state.step_size, together.state.step_size
        if isinstance(theirs, torch.Tensor):
            torch.testing.assert_close(mine[0], theirs[i], rtol=1e-6, atol=0)


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_an_empty_batch_has_an_empty_solution(solver: Solver) -> None:
    solution = solve(least_squares(Dense(torch.eye(3)), torch.zeros(0, 3)), solver)
    assert solution.x.shape == (0, 3)


@pytest.mark.parametrize("solver", ALL, ids=named)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_single_precision_reaches_a_loose_tolerance(solver: Solver, dtype: torch.dtype) -> None:
    m, y = noise((9, 6), dtype), noise((2, 9), dtype, 1)
    solution = solve(least_squares(Dense(m), y) + 0.5 * SquaredL2(), solver, rtol=1e-5).require_converged()
    wide = torch.complex128 if dtype.is_complex else torch.float64
    a = m.to(wide).numpy()
    want = np.linalg.solve(a.conj().T @ a + 0.5 * np.eye(6), a.conj().T @ y.to(wide).numpy().T).T
    assert solution.x.dtype is dtype
    np.testing.assert_allclose(solution.x.numpy(), want, atol=1e-4)


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_steps_never_wait_for_the_device(solver: Solver, host_waits) -> None:
    objective = least_squares(Dense(noise((6, 4))), noise((2, 6), seed=1)) + 0.3 * SquaredL2()
    problem = solver.prepare(objective)
    state = solver.step(problem, solver.init(problem, None))
    with host_waits() as count:
        for _ in range(5):
            state = solver.step(problem, state)
            solver.optimality(problem, state)
    assert count() == 0


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_steps_cost_what_they_say(solver: Solver, counting) -> None:
    op = counting()
    problem = solver.prepare(SquaredL2(noise((2, 6), seed=1)[:, None]) @ op + 0.3 * SquaredL2())
    state = solver.init(problem, torch.zeros(2, 1, 4, dtype=torch.float64))
    op.calls.update(forward=0, adjoint=0)
    for _ in range(20):
        state = solver.step(problem, state)
    solver.optimality(problem, state)
    forward, adjoint = {RestartedFISTA: (20, 20), BacktrackingFISTA: (40, 40)}.get(type(solver), (40, 20))
    assert op.calls == {"forward": forward, "adjoint": adjoint}


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_no_argument_is_changed_and_going_on_equals_never_having_stopped(solver: Solver) -> None:
    m, y, x0 = noise((6, 4)), noise((2, 6), seed=1), noise((2, 4), seed=2)
    kept = [t.clone() for t in (m, y, x0)]
    objective = least_squares(Dense(m), y) + 0.2 * SquaredL2()
    first = solve(objective, solver, x0, rtol=0.0, max_steps=7)
    second = solve(objective, solver, rtol=0.0, max_steps=6, state=first.state)
    assert torch.equal(second.x, solve(objective, solver, x0, rtol=0.0, max_steps=13).x)
    assert all(torch.equal(a, b) for a, b in zip((m, y, x0), kept, strict=True))


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_an_image_that_overflows_is_named_and_the_others_converge(solver: Solver) -> None:
    x0 = torch.zeros(3, 4, dtype=torch.float64)
    x0[1] = 1e308
    objective = least_squares(Dense(noise((6, 4))), noise((3, 6), seed=1)) + 0.1 * SquaredL2()
    solution = solve(objective, solver, x0, rtol=1e-8, max_steps=5000)
    assert solution.status == (Status.CONVERGED, Status.DIVERGED, Status.CONVERGED)


@pytest.mark.parametrize("scale", [1e20, 1e-22])
@pytest.mark.parametrize("solver", ALL, ids=named)
def test_the_scale_of_the_data_changes_no_verdict(solver: Solver, scale: float) -> None:
    m, y = noise((6, 4), torch.float32), noise((1, 6), torch.float32, 1)
    reference = torch.linalg.lstsq(m.double(), y.double().T).solution.T
    solution = solve(least_squares(Dense(m), scale * y), solver, rtol=1e-4, max_steps=60)
    error = float((solution.x.double() / scale - reference).norm() / reference.norm())
    assert not solution.converged or error < 1e-2


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_steps_below_the_spacing_of_numbers_are_no_convergence(solver: Solver) -> None:
    stiff = Dense(torch.diag(torch.tensor([1e4, 1.0])))
    small = dataclasses.replace(solver, step_size=1e-9)
    solution = solve(least_squares(stiff, torch.tensor([[0.0, 1.0]])), small, torch.tensor([[0.0, 2.0]]), max_steps=20)
    far = abs(float(solution.x[0, 1]) - 1) > 1e-2
    assert not (far and solution.converged)


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_the_residual_is_that_of_the_image(solver: Solver) -> None:
    """For a differentiable objective it is the gradient, at x or at the point that the step came from."""
    objective = least_squares(Dense(noise((6, 4))), noise((2, 6), seed=1)) + 0.3 * SquaredL2()
    problem = solver.prepare(objective)
    state = solver.init(problem, noise((2, 4), seed=2))
    for _ in range(30):
        state = solver.step(problem, state)
        point = state.x if isinstance(solver, ArmijoGradientDescent | BarzilaiBorwein) else state.z
        assert isinstance(objective, Differentiable)
        want = objective.gradient(point).norm(dim=1)
        got = solver.optimality(problem, state).residual
        assert (got >= want * (1 - 1e-9) - 1e-13).all()
        assert (got <= want * (1 + 1e-4) + 1e-12).all()


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_gradients_reach_the_data_and_the_weight(solver: Solver) -> None:
    """At convergence the derivative of the steps is that of the solution; the steps themselves are constants."""
    m, y = noise((6, 4)), noise((1, 6), seed=1).requires_grad_()
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    objective = SquaredL2(y) @ Dense(m) + weight * SquaredL2()
    x = solve(objective, solver, rtol=1e-12, max_steps=400, check_every=50).x
    got = torch.autograd.grad(x.sum(), (y, weight))
    exact = torch.linalg.solve(m.T @ m + weight * torch.eye(4, dtype=torch.float64), m.T @ y.T)
    want = torch.autograd.grad(exact.sum(), (y, weight))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "solver", [RestartedFISTA(0.05), Landweber(0.05), LinearisedBregman(step_size=0.05)], ids=named
)
def test_gradients_through_constant_steps_are_those_of_finite_differences(solver: Solver) -> None:
    m, y = noise((4, 3)).requires_grad_(), noise((2, 4), seed=1).requires_grad_()
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)

    def unrolled(m, y, weight):
        data = SquaredL2(y) @ Dense(m)
        objective = weight * data if isinstance(solver, Landweber) else data + weight * SquaredL2()
        return solve(objective, solver, rtol=0.0, max_steps=7).x

    assert torch.autograd.gradcheck(unrolled, (m, y, weight))


ILL = Dense(torch.diag(torch.logspace(0, -2, 8, dtype=torch.float64)))
ILL_Y = noise((2, 8), seed=3)


def test_restarts_make_fista_linear_where_it_oscillates() -> None:
    objective = least_squares(ILL, ILL_Y) + 1e-4 * L1()
    plain = solve(objective, FISTA(), rtol=1e-8, max_steps=20_000)
    restarted = solve(objective, RestartedFISTA(), rtol=1e-8, max_steps=20_000).require_converged()
    assert int(restarted.steps.max()) < 0.6 * int(plain.steps.max())


def test_a_restart_is_the_step_of_the_paper() -> None:
    m, y, tau = noise((6, 4)), noise((1, 6), seed=1), 0.02
    got = solve(least_squares(Dense(m), y), RestartedFISTA(step_size=tau), rtol=0.0, max_steps=200).x
    x = z = torch.zeros(1, 4, dtype=torch.float64)
    t, restarts = 1.0, 0
    for _ in range(200):
        before, x = x, z - tau * ((z @ m.T - y) @ m)
        if float(((z - x) * (x - before)).sum()) > 0:
            t, z, restarts = 1.0, x, restarts + 1
            continue
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        z, t = x + (t - 1) / following * (x - before), following
    assert restarts > 0
    torch.testing.assert_close(got, x, rtol=1e-9, atol=1e-12)


def test_backtracking_keeps_the_rate_of_its_theorem_and_halves_no_more_than_it_says() -> None:
    lipschitz, start = 1.0, 100.0
    objective = least_squares(ILL, ILL_Y)
    x_star = ILL_Y / ILL.matrix.diagonal()
    solver = BacktrackingFISTA(step_size=start)
    problem = solver.prepare(objective)
    state, accepted = solver.init(problem, None), torch.zeros(2)
    smallest = min(start, 1 / (4 * lipschitz))
    for _ in range(300):
        before = state
        state = solver.step(problem, state)
        accepted += (state.step_size == before.step_size).float()
        gap = objective.value(state.x)  # the minimum is 0
        bound = 2 * x_star.square().sum(1) / (smallest * (accepted + 1) ** 2)
        assert (gap <= bound)[accepted > 0].all()
    assert (state.step_size >= smallest).all()
    assert (300 - accepted <= np.log2(4 * lipschitz * start) + 1).all()
    assert (300 - accepted >= 5).all()  # it did try too much


def test_backtracking_solves_where_no_constant_is_known() -> None:
    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Quartic(Differentiable):
        def _value(self, x):
            return (x.pow(4) / 4 - 8 * x).sum(1)

        def _gradient(self, x):
            return x**3 - 8

        def _hessian_vector(self, x, v):
            return 3 * x**2 * v

        def smoothness(self):
            return None

    x0 = torch.tensor([[1.0, 5.0], [0.1, -3.0]], dtype=torch.float64)
    for solver in (BacktrackingFISTA(), ArmijoGradientDescent(), BarzilaiBorwein()):
        x = solve(Quartic(), solver, x0, rtol=1e-9, max_steps=3000).require_converged().x
        torch.testing.assert_close(x, torch.full((2, 2), 2.0, dtype=torch.float64), atol=1e-6, rtol=0)


def test_armijo_decreases_by_what_it_asks_for() -> None:
    solver = ArmijoGradientDescent(step_size=50.0, decrease=0.3)
    objective = least_squares(ILL, ILL_Y)
    problem = solver.prepare(objective)
    state, moves = solver.init(problem, None), 0
    for _ in range(40):
        before, state = state, solver.step(problem, state)
        fall = objective.value(before.x) - objective.value(state.x)
        moved = (state.x != before.x).any(1)
        wanted = 0.3 * before.step_size * objective.gradient(before.x).square().sum(1)
        assert (fall >= wanted * (1 - 1e-9))[moved].all()
        assert (state.step_size == torch.where(moved, 2.0, 0.5) * before.step_size).all()
        moves += int(moved.sum())
    assert 0 < moves < 80


def test_the_steps_of_barzilai_and_borwein_are_those_of_their_formula() -> None:
    # So close to a multiple of the identity that no trial is rejected.
    m, y = torch.eye(6, 4, dtype=torch.float64) + 0.1 * noise((6, 4)), noise((2, 6), seed=1)
    got = solve(least_squares(Dense(m), y), BarzilaiBorwein(step_size=0.5), rtol=0.0, max_steps=6).x
    x, a = torch.zeros(2, 4, dtype=torch.float64), torch.full((2, 1), 0.5, dtype=torch.float64)
    g = (x @ m.T - y) @ m
    for _ in range(6):
        x_new = x - a * g
        g_new = (x_new @ m.T - y) @ m
        s, d = x_new - x, g_new - g
        a, x, g = (s * s).sum(1, keepdim=True) / (s * d).sum(1, keepdim=True), x_new, g_new
    torch.testing.assert_close(got, x, rtol=1e-10, atol=1e-12)


def test_barzilai_borwein_needs_far_fewer_steps_than_a_constant_one() -> None:
    objective = least_squares(ILL, ILL_Y)
    fast = solve(objective, BarzilaiBorwein(), rtol=1e-6, max_steps=5000).require_converged()
    slow = solve(objective, GradientDescent(), rtol=1e-6, max_steps=5000, check_every=100)
    assert not slow.converged
    assert int(fast.steps.max()) < 2000


def test_a_nonconvex_objective_is_brought_to_a_stationary_point() -> None:
    """The Rosenbrock function, whose curvature along a step may be negative."""

    @dataclasses.dataclass(frozen=True, eq=False, repr=False)
    class Rosenbrock(Differentiable):
        def _value(self, x):
            return (1 - x[:, 0]) ** 2 + 100 * (x[:, 1] - x[:, 0] ** 2) ** 2

        def _gradient(self, x):
            inner = x[:, 1] - x[:, 0] ** 2
            return torch.stack([-2 * (1 - x[:, 0]) - 400 * x[:, 0] * inner, 200 * inner], 1)

        def _hessian_vector(self, x, v):
            raise NotImplementedError

        def smoothness(self):
            return None

    x0 = torch.tensor([[-1.2, 1.0], [2.0, -3.0]], dtype=torch.float64)
    for solver, rtol in ((BarzilaiBorwein(), 1e-7), (ArmijoGradientDescent(), 3e-2)):
        x = solve(Rosenbrock(), solver, x0, rtol=rtol, max_steps=5000, check_every=50).require_converged().x
        torch.testing.assert_close(x, torch.ones(2, 2, dtype=torch.float64), atol=1e2 * rtol, rtol=0)


def test_settings_outside_their_range_are_refused_with_both_values() -> None:
    one = least_squares(Dense(torch.eye(2, dtype=torch.float64)), torch.ones(1, 2, dtype=torch.float64))
    with pytest.raises(ConfigError, match=r"RestartedFISTA: step_size is 5, expected one in \(0, 1"):
        solve(one, RestartedFISTA(step_size=5.0))
    with pytest.raises(ConfigError, match="ArmijoGradientDescent: step_size is -1.0, expected a positive number"):
        ArmijoGradientDescent(step_size=-1.0)
    with pytest.raises(ConfigError, match=r"decrease is 0.5, expected a number in \(0, 0.5\)"):
        ArmijoGradientDescent(decrease=0.5)
    with pytest.raises(ConfigError, match="BarzilaiBorwein: memory is 0, expected a whole number >= 1"):
        BarzilaiBorwein(memory=0)
    with pytest.raises(ConfigError, match="BacktrackingFISTA: step_size is nan, expected a positive number"):
        BacktrackingFISTA(step_size=float("nan"))
