from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, ConvergenceError, DataError, ShapeError
from invkit.functionals import L1, Box, SquaredL2, least_squares, total_variation
from invkit.operators import Blur, Dense
from invkit.solvers import (
    FISTA,
    PDHG,
    ConjugateGradient,
    GradientDescent,
    ProximalGradient,
    Solver,
    Status,
    solve,
)

SOLVERS = [GradientDescent(), ProximalGradient(), FISTA(), PDHG(), ConjugateGradient()]


def named(solver: Solver) -> str:
    return type(solver).__name__


def objective_of(op, y):
    return 1.7 * least_squares(op, y) + 0.2 * SquaredL2()


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_a_hundred_steps_from_zero_take_a_hundred_a_and_a_hundred_a_star(solver, counting, draw) -> None:
    op = counting()
    solve(least_squares(op, draw((2, 1, 6), seed=1)), solver, rtol=0.0, max_steps=100)
    extra = 1 if isinstance(solver, ConjugateGradient) else 0  # A* y, once
    assert op.calls == {"forward": 100, "adjoint": 100 + extra}


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_a_start_elsewhere_costs_at_most_one_more_of_each(solver, counting, draw) -> None:
    op = counting()
    solve(least_squares(op, draw((2, 1, 6), seed=1)), solver, draw((2, 1, 4), seed=2), rtol=0.0, max_steps=100)
    assert op.calls["forward"] <= 101
    assert op.calls["adjoint"] <= 102


def test_a_nonnegative_tv_problem_takes_one_a_and_one_a_star_a_step(counting, draw) -> None:
    op = counting()
    objective = Box(0.0) + 0.4 * total_variation(op.domain) + least_squares(op, draw((1, 1, 6), seed=1))
    solve(objective, PDHG(), rtol=0.0, max_steps=100)
    assert op.calls == {"forward": 100, "adjoint": 100}


def test_the_counter_rejects_a_solver_that_applies_a_twice(counting, draw) -> None:
    @dataclasses.dataclass(frozen=True)
    class Wasteful(GradientDescent):
        def step(self, problem, state):
            problem.smooth.gradient(state.x)
            return super().step(problem, state)

    op = counting()
    solve(least_squares(op, draw((2, 1, 6), seed=1)), Wasteful(), rtol=0.0, max_steps=100)
    assert op.calls["forward"] == 200


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_the_host_waits_once_a_check_and_never_in_a_step(solver, draw, host_waits) -> None:
    weight = torch.tensor(0.2, dtype=torch.float64)
    objective = least_squares(Dense(draw((6, 4))), draw((3, 6), seed=1)) + weight * SquaredL2()

    def waits(max_steps: int, check_every: int) -> int:
        with host_waits() as count:
            solve(objective, solver, rtol=0.0, max_steps=max_steps, check_every=check_every)
            return count()

    waits(1, 1)  # the norm of the operator is found once
    assert waits(201, 300) == waits(101, 300)  # a hundred more steps, no wait more
    assert waits(200, 10) - waits(100, 10) == 10  # ten more checks, ten waits more


def test_the_counter_of_waits_rejects_a_solver_that_reads_a_number(draw, host_waits) -> None:
    @dataclasses.dataclass(frozen=True)
    class Curious(GradientDescent):
        def step(self, problem, state):
            return super().step(problem, state) if bool(state.x.isfinite().all()) else state

    objective = least_squares(Dense(draw((6, 4))), draw((3, 6), seed=1))
    with host_waits() as count:
        solve(objective, Curious(), rtol=0.0, max_steps=50, check_every=50)
        assert count() >= 50


@pytest.mark.parametrize("solver", [*SOLVERS, PDHG(balance=2.0)], ids=named)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_an_image_is_solved_alone_as_in_a_batch(solver, dtype, draw) -> None:
    kernel = draw((3, 3), torch.float64).abs()
    op = Blur(kernel / kernel.sum(), (5, 6), 1, dtype)
    scales = torch.tensor([1e-3, 1.0, 1e4], dtype=torch.float64).reshape(3, 1, 1, 1)
    y = scales * op.forward(draw((3, 1, 5, 6), dtype).cumsum(-1))
    y[1] += draw((1, 5, 6), dtype, 7)
    y[2] = 0  # solved before the first step
    settings = {"rtol": 1e-5, "max_steps": 3000, "check_every": 7}
    together = solve(objective_of(op, y), solver, **settings)
    assert together.converged
    for i in range(3):
        alone = solve(objective_of(op, y[i : i + 1]), solver, **settings)
        assert alone.steps[0] == together.steps[i]
        assert alone.status[0] is together.status[i]
        size = float(together.x[i].abs().max())  # the transforms round differently in a batch
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=0, atol=1e-8 * size)
    assert len(set(together.steps.tolist())) > 1


def test_a_stopped_image_stands_still_while_the_others_go_on(draw) -> None:
    m = torch.diag(torch.tensor([1.0, 0.5, 0.01], dtype=torch.float64))
    y = torch.tensor([[1.0, 0, 0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    seen = []
    solution = solve(
        least_squares(Dense(m), y), GradientDescent(), rtol=1e-6, max_steps=400, check_every=10,
        callback=lambda step, state: seen.append(state.x.clone()),
    )  # fmt: skip
    assert solution.status == (Status.CONVERGED, Status.MAX_STEPS)
    assert solution.steps.tolist() == [10, 400]
    assert torch.equal(solution.x[0], seen[0][0])
    assert solution.history.optimality[:, 0].unique().numel() == 1
    assert solution.history.optimality.shape == (40, 2)
    with pytest.raises(ConvergenceError, match="image 1 is 'step budget used up' with relative residual"):
        solution.require_converged()


def test_an_image_that_diverges_is_named_and_the_others_converge(draw) -> None:
    m, y = draw((6, 4)), draw((3, 6), seed=1)
    x0 = torch.zeros(3, 4, dtype=torch.float64)
    x0[1] = 1e308  # finite, but its residual is not
    for solver in SOLVERS:
        solution = solve(least_squares(Dense(m), y) + 0.1 * SquaredL2(), solver, x0, rtol=1e-8, max_steps=5000)
        assert solution.status == (Status.CONVERGED, Status.DIVERGED, Status.CONVERGED)
        assert solution.steps[1] == 10
        assert not solution.converged
        assert torch.isfinite(solution.x[[0, 2]]).all()


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_ctrl_c_in_a_callback_keeps_what_there_is(solver, draw) -> None:
    objective = objective_of(Dense(draw((6, 4))), draw((2, 6), seed=1))

    def interrupt(step, state):
        if step == 6:
            raise KeyboardInterrupt

    solution = solve(objective, solver, rtol=0.0, check_every=3, callback=interrupt)
    assert solution.interrupted
    assert set(solution.status) == {Status.INTERRUPTED}
    assert solution.total_steps == 6
    torch.testing.assert_close(solution.x, solve(objective, solver, rtol=0.0, max_steps=6).x, rtol=0, atol=0)
    resumed = solve(objective, solver, rtol=0.0, max_steps=4, state=solution.state)
    torch.testing.assert_close(resumed.x, solve(objective, solver, rtol=0.0, max_steps=10).x, rtol=0, atol=0)


def test_ctrl_c_before_the_first_check_keeps_the_last_step(draw) -> None:
    @dataclasses.dataclass(frozen=True)
    class Interrupted(GradientDescent):
        calls: list = dataclasses.field(default_factory=list)

        def step(self, problem, state):
            self.calls.append(1)
            if len(self.calls) == 4:
                raise KeyboardInterrupt
            return super().step(problem, state)

    objective = objective_of(Dense(draw((6, 4))), draw((2, 6), seed=1))
    solution = solve(objective, Interrupted(), check_every=50)
    assert set(solution.status) == {Status.INTERRUPTED}
    assert solution.steps.tolist() == [3, 3]
    assert torch.equal(solution.x, solve(objective, GradientDescent(), rtol=0.0, max_steps=3).x)


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_going_on_from_a_state_equals_never_having_stopped(solver, draw) -> None:
    objective = objective_of(Dense(draw((6, 4))), draw((2, 6), seed=1))
    first = solve(objective, solver, rtol=0.0, max_steps=13)
    second = solve(objective, solver, rtol=0.0, max_steps=17, state=first.state)
    whole = solve(objective, solver, rtol=0.0, max_steps=30)
    assert torch.equal(second.x, whole.x)
    if isinstance(solver, FISTA | PDHG):  # a new start from x alone forgets the momentum or the duals
        restarted = solve(objective, solver, first.x, rtol=0.0, max_steps=17)
        assert not torch.equal(restarted.x, whole.x)


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_gradients_through_the_steps_are_those_of_finite_differences(solver, draw) -> None:
    m, y = draw((4, 3)).requires_grad_(), draw((2, 4), seed=1).requires_grad_()
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    sizes = {"step_size": 0.05} if hasattr(solver, "step_size") else {}
    if isinstance(solver, PDHG):
        sizes = {"tau": 0.1, "sigma": 0.1}
    fixed = dataclasses.replace(solver, **sizes)  # the norm, and so the default step, is no function of autograd's

    def unrolled(m, y, weight):
        return solve(SquaredL2(y) @ Dense(m) + weight * SquaredL2(), fixed, rtol=0.0, max_steps=7).x

    assert torch.autograd.gradcheck(unrolled, (m, y, weight))
    assert torch.autograd.gradgradcheck(unrolled, (m, y, weight))


def test_gradients_through_steps_of_tv_are_those_of_finite_differences(draw) -> None:
    y, weight = draw((2, 1, 3, 4)).requires_grad_(), torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    kernel = draw((3, 3), seed=1).requires_grad_()

    def unrolled(y, weight, kernel):
        op = Blur(kernel, (3, 4))
        objective = SquaredL2(y) @ op + weight * total_variation(op.domain) + Box(-3.0)
        return solve(objective, PDHG(tau=0.02, sigma=0.2), rtol=0.0, max_steps=9).x

    assert torch.autograd.gradcheck(unrolled, (y, weight, kernel))


def test_the_objective_is_recorded_at_each_check(draw) -> None:
    objective = objective_of(Dense(draw((6, 4))), draw((2, 6), seed=1))
    for solver in SOLVERS:
        solution = solve(objective, solver, rtol=0.0, max_steps=25, record_objective=True)
        assert solution.history.steps == (10, 20, 25)
        assert solution.history.objective is not None
        torch.testing.assert_close(solution.history.objective[-1], objective.value(solution.x))
    descent = solve(objective, GradientDescent(), rtol=0.0, max_steps=50, check_every=1, record_objective=True)
    assert descent.history.objective is not None
    assert (descent.history.objective.diff(dim=0) <= 1e-13).all()


def test_an_absolute_tolerance_stops_where_the_residual_says(draw) -> None:
    m, y = draw((6, 4)), draw((1, 6), seed=1)
    objective = least_squares(Dense(m), y)
    for atol in (1e-2, 1e-6):
        x = (
            solve(objective, GradientDescent(), rtol=0.0, atol=atol, check_every=1, max_steps=5000)
            .require_converged()
            .x
        )
        assert np.linalg.norm(objective.gradient(x).numpy()) <= atol


def test_an_empty_batch_has_an_empty_solution() -> None:
    for solver in SOLVERS:
        solution = solve(objective_of(Dense(torch.eye(3)), torch.zeros(0, 3)), solver)
        assert solution.x.shape == (0, 3)
        assert solution.status == ()


def test_no_argument_is_changed_and_no_random_number_drawn(draw) -> None:
    m, y, x0 = draw((6, 4)), draw((2, 6), seed=1), draw((2, 4), seed=2)
    kept, state = [t.clone() for t in (m, y, x0)], torch.get_rng_state()
    for solver in SOLVERS:
        solve(objective_of(Dense(m), y), solver, x0, max_steps=20)
        solve(objective_of(Dense(m), y), solver, max_steps=20)
    assert all(torch.equal(a, b) for a, b in zip((m, y, x0), kept, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_progress_bar_changes_nothing(draw, capsys) -> None:
    objective = objective_of(Dense(draw((6, 4))), draw((2, 6), seed=1))
    with_bar = solve(objective, PDHG(), max_steps=30, progress=True)
    assert torch.equal(with_bar.x, solve(objective, PDHG(), max_steps=30).x)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "PDHG" in captured.err


BAD = [
    ({"max_steps": 0}, "max_steps is 0, expected a whole number >= 1"),
    ({"max_steps": 2.5}, "max_steps is 2.5, expected a whole number"),
    ({"max_steps": float("nan")}, "max_steps is nan, expected a whole number"),
    ({"check_every": 0}, "check_every is 0, expected a whole number"),
    ({"rtol": -1e-3}, "rtol is -0.001, expected a finite number >= 0"),
    ({"rtol": float("nan")}, "rtol is nan"),
    ({"atol": float("inf")}, "atol is inf"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=str)
def test_settings_outside_their_range_are_refused(settings, message) -> None:
    with pytest.raises(ConfigError, match=f"solve: {message}"):
        solve(least_squares(Dense(torch.eye(2)), torch.ones(1, 2)), PDHG(), **settings)


@pytest.mark.parametrize("solver", SOLVERS, ids=named)
def test_starts_that_do_not_fit_are_refused(solver) -> None:
    objective = least_squares(Dense(torch.eye(2)), torch.ones(3, 2))
    with pytest.raises(ShapeError, match=r"x0: tensor has shape \(3, 1\)"):
        solve(objective, solver, torch.ones(3, 1))
    with pytest.raises(ShapeError, match="x0: dtype is torch.float64"):
        solve(objective, solver, torch.ones(3, 2, dtype=torch.float64))
    with pytest.raises(ShapeError, match="x0 has 1 images, expected 3"):
        solve(objective, solver, torch.ones(1, 2))


def test_an_objective_that_does_not_say_its_images_needs_a_start() -> None:
    with pytest.raises(ShapeError, match="x0 is None, expected a starting image"):
        solve(SquaredL2() + L1(), FISTA())
    assert solve(SquaredL2() + L1(), FISTA(), torch.ones(2, 3)).x.abs().max() < 1e-3


def test_measurements_that_are_not_finite_never_reach_a_solver() -> None:
    with pytest.raises(DataError, match="NaN or inf"):
        solve(least_squares(Dense(torch.eye(2)), torch.tensor([[1.0, torch.nan]])), PDHG())


def test_what_is_no_objective_or_no_solver_is_refused() -> None:
    objective = least_squares(Dense(torch.eye(2)), torch.ones(1, 2))
    with pytest.raises(ConfigError, match="solver is 'core/pdhg', expected a Solver"):
        solve(objective, "core/pdhg")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="solver is <class .*, expected a Solver"):
        solve(objective, PDHG)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="objective is 'tv', expected a Functional"):
        solve("tv", PDHG())  # type: ignore[arg-type]


@pytest.mark.parametrize("solver", [GradientDescent(), ProximalGradient(), FISTA()], ids=named)
def test_a_zero_measurement_with_a_start_elsewhere_converges_to_zero(solver, draw) -> None:
    m = draw((6, 4))
    solution = solve(least_squares(Dense(m), torch.zeros(2, 6, dtype=torch.float64)), solver, draw((2, 4)), rtol=1e-6)
    assert solution.converged
    assert float(solution.x.abs().max()) < 1e-4


def test_a_start_that_is_not_finite_is_refused(draw) -> None:
    x0 = torch.full((2, 4), torch.nan, dtype=torch.float64)
    with pytest.raises(DataError, match="x0.*NaN or inf"):
        solve(least_squares(Dense(draw((6, 4))), draw((2, 6))), FISTA(), x0)


def test_a_problem_of_another_form_is_refused(draw) -> None:
    problem = FISTA().prepare(least_squares(Dense(draw((6, 4))), draw((2, 6))))
    with pytest.raises(ConfigError, match="CompositeProblem, expected a SaddleProblem"):
        solve(problem, PDHG())


def test_x0_and_state_together_are_refused(draw) -> None:
    objective = least_squares(Dense(draw((6, 4))), draw((2, 6)))
    state = solve(objective, FISTA(), max_steps=1).state
    with pytest.raises(ConfigError, match="both x0 and state"):
        solve(objective, FISTA(), draw((2, 4)), state=state)


def test_data_of_two_numbers_of_images_are_refused_whatever_their_order(draw) -> None:
    op = Dense(draw((6, 4)))
    one, two = (SquaredL2(draw((n, 4), seed=n)) for n in (1, 2))
    data = least_squares(op, draw((3, 6)))
    for objective in (data + one, one + data):
        assert solve(objective, FISTA(), rtol=1e-6).x.shape == (3, 4)
    for objective in (data + two, two + data):
        with pytest.raises(ShapeError, match="its terms have data of 2 and of 3 images"):
            solve(objective, FISTA())
