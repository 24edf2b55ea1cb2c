"""Every solver of sums f_i(K_i x) + g(x) against cvxpy, and what each of them promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, with_tags

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, least_squares, tgv, total_variation
from invkit.operators import Dense
from invkit.solvers import (
    ADMM,
    PDHG,
    AcceleratedPDHG,
    AdaptivePDHG,
    CondatVu,
    LinearRatePDHG,
    PreconditionedPDHG,
    Solver,
    StochasticPDHG,
    solve,
)

SADDLE = with_tags("saddle")
STRONG = ["ridge", "ridge-complex", *with_tags("strongly-convex")]


@dataclass(frozen=True)
class Case:
    """A solver, the problems that it takes, and the budget in which it reaches them."""

    solver: Solver[Any, Any]
    problems: list[str] = field(default_factory=lambda: SADDLE)
    max_steps: int = 20_000
    rtol: float = 1e-7
    #: K and K* of each block in a step
    calls: tuple[int, int] = (1, 1)
    #: and at a start at zero
    before: tuple[int, int] = (0, 0)


CASES = [
    Case(PDHG()),
    Case(AcceleratedPDHG(), STRONG),
    Case(AdaptivePDHG()),
    Case(PreconditionedPDHG()),
    Case(CondatVu(), calls=(1, 1), before=(1, 1)),
    Case(ADMM(), calls=(11, 11), before=(0, 1)),
    Case(StochasticPDHG(seed=3), max_steps=80_000),
    Case(LinearRatePDHG(), ["ridge", "ridge-complex"]),
]
NAMED = [type(case.solver).__name__ for case in CASES]
PAIRS = [(case, name) for case in CASES for name in case.problems]


@pytest.mark.parametrize(("case", "name"), PAIRS, ids=[f"{type(c.solver).__name__}-{n}" for c, n in PAIRS])
def test_cvxpys_optimum_is_reached_in_both_orders(case, name) -> None:
    problem = PROBLEMS[name]
    for order in (0, 1):
        objective = problem.objective(order)
        solution = solve(objective, case.solver, rtol=case.rtol, max_steps=case.max_steps, check_every=50)
        x = solution.require_converged().x
        inside = x.clamp_min(0) if "nonnegative" in name else x
        value, minimum = objective.value(inside).numpy(), problem.minimum()
        assert (value <= minimum + 1e-6 * (1 + np.abs(minimum))).all()
        np.testing.assert_allclose(x.numpy(), problem.minimiser(), atol=1e-4 * np.abs(problem.minimiser()).max())


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_what_a_solver_cannot_take_is_refused_before_it_starts(case) -> None:
    for name in set(SADDLE) - set(case.problems):
        with pytest.raises(ConfigError, match=f"{type(case.solver).__name__}: .*Use core/pdhg"):
            case.solver.prepare(PROBLEMS[name].objective())


def strongly_convex(matrix: torch.Tensor, y: torch.Tensor) -> Any:
    return 0.8 * SquaredL2(y[:, : matrix.shape[1]]) + 1.3 * least_squares(Dense(matrix), y)


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_a_step_costs_the_operator_calls_that_it_says(case, counting, draw) -> None:
    operator = counting((6, 4))
    objective = least_squares(operator, draw((2, 1, 6), seed=1)) + 0.5 * SquaredL2(draw((2, 1, 4), seed=2))
    solve(objective, case.solver, rtol=0.0, max_steps=30)
    forward, adjoint = case.calls
    assert operator.calls == {"forward": 30 * forward + case.before[0], "adjoint": 30 * adjoint + case.before[1]}


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_an_image_has_the_result_that_it_has_alone(case) -> None:
    name = "rof" if "rof" in case.problems else case.problems[0]
    problem = PROBLEMS[name]
    together = solve(problem.objective(), case.solver, rtol=1e-3, max_steps=3000, check_every=1)
    for i in range(2):
        alone = solve(problem.objective(images=slice(i, i + 1)), case.solver, rtol=1e-3, max_steps=3000, check_every=1)
        assert alone.steps[0] == together.steps[i]
        assert alone.converged
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_a_start_at_the_far_side_changes_nothing_but_the_path(case, draw) -> None:
    objective = strongly_convex(draw((6, 4)), draw((2, 6), seed=1))
    one = solve(objective, case.solver, rtol=1e-6, max_steps=20_000).require_converged().x
    other = solve(objective, case.solver, 50 * draw((2, 4), seed=3), rtol=1e-6, max_steps=20_000).require_converged().x
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_single_precision_stays_single_and_reaches_a_loose_tolerance(case, draw) -> None:
    m, y = draw((6, 4), torch.float32), draw((2, 6), torch.float32, 1)
    solution = solve(strongly_convex(m, y), case.solver, rtol=1e-4, max_steps=5000)
    a, b = m.double().numpy(), y.double().numpy()
    want = np.linalg.solve(1.3 * a.T @ a + 0.8 * np.eye(4), (1.3 * b @ a + 0.8 * b[:, :4]).T).T
    assert solution.converged
    assert solution.x.dtype is torch.float32
    np.testing.assert_allclose(solution.x.numpy(), want, atol=3e-3 * np.abs(want).max())


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_no_step_waits_for_the_device(case, draw, host_waits) -> None:
    objective = strongly_convex(draw((6, 4)), draw((2, 6), seed=1))
    problem = case.solver.prepare(objective)
    state = case.solver.step(problem, case.solver.init(problem, None))
    with host_waits() as waits:
        for _ in range(3):
            state = case.solver.step(problem, state)
        case.solver.optimality(problem, state)
    assert waits() == 0


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_an_empty_batch_has_an_empty_result(case, draw) -> None:
    objective = strongly_convex(draw((6, 4)), draw((0, 6)))
    assert solve(objective, case.solver, max_steps=3).x.shape == (0, 4)


TINY = [
    PDHG(tau=1e-17, sigma=1e-17),
    CondatVu(tau=1e-17, sigma=1e-17),
    AcceleratedPDHG(tau=1e-17),
    AdaptivePDHG(balance=1e17),
    PreconditionedPDHG(balance=1e17),
    StochasticPDHG(balance=1e17),
]


@pytest.mark.parametrize("solver", TINY, ids=lambda solver: type(solver).__name__)
def test_steps_too_small_to_move_an_image_are_no_convergence(solver) -> None:
    y = torch.tensor([[[[1.0, 0.0, 2.0, 0.0]]]])
    op = Dense(torch.eye(4), (1, 1, 4), (1, 1, 4))
    objective = SquaredL2(y) + 0.1 * total_variation(op.domain) + 0.1 * (L1() @ op)
    assert not solve(objective, solver, torch.full((1, 1, 1, 4), 10.0), max_steps=50).converged


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_going_on_from_a_state_is_not_having_stopped(case, draw) -> None:
    objective = strongly_convex(draw((6, 4)), draw((2, 6), seed=1))
    whole = solve(objective, case.solver, rtol=0.0, max_steps=40)
    half = solve(objective, case.solver, rtol=0.0, max_steps=23)
    again = solve(objective, case.solver, rtol=0.0, max_steps=17, state=half.state)
    torch.testing.assert_close(again.x, whole.x, rtol=0, atol=0)


@pytest.mark.parametrize("case", CASES, ids=NAMED)
def test_images_that_stopped_apart_can_go_on_together(case) -> None:
    name = "rof" if "rof" in case.problems else case.problems[0]
    objective = PROBLEMS[name].objective()
    stopped = solve(objective, case.solver, rtol=1e-4, max_steps=3000, check_every=1).require_converged()
    assert stopped.steps[0] != stopped.steps[1]
    on = solve(objective, case.solver, rtol=1e-7, max_steps=20_000, check_every=20, state=stopped.state)
    x = on.require_converged().x.numpy()
    np.testing.assert_allclose(x, PROBLEMS[name].minimiser(), atol=1e-4 * np.abs(x).max())


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.problems is SADDLE or "tv" in case.problems],
    ids=lambda c: type(c.solver).__name__,
)
def test_an_objective_with_further_unknowns_gives_back_the_image(case, draw) -> None:
    op = Dense(draw((14, 12)), (1, 4, 3))
    objective = least_squares(op, draw((2, 14), seed=1)) + 0.4 * tgv(op.domain)
    want = solve(objective, PDHG(balance=0.03), rtol=1e-5, max_steps=20_000, check_every=50).require_converged().x
    got = solve(objective, case.solver, rtol=1e-4, max_steps=20_000, check_every=20).require_converged().x
    assert got.shape == (2, 1, 4, 3)
    torch.testing.assert_close(got, want, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("weight", [0.0, 1e-12])
@pytest.mark.parametrize(
    "solver",
    [PDHG(), AdaptivePDHG(), PreconditionedPDHG(), StochasticPDHG(seed=1), CondatVu(), ADMM()],
    ids=lambda s: type(s).__name__,
)
def test_a_weight_of_zero_is_no_reason_never_to_stop(solver, weight, draw) -> None:
    op = Dense(draw((12, 6)), (1, 3, 2))
    consistent = op.forward(draw((1, 1, 3, 2), seed=1))
    y = torch.cat([consistent, draw((1, 12), seed=2)])
    objective = least_squares(op, y) + weight * total_variation(op.domain)
    solution = solve(objective, solver, rtol=1e-5, max_steps=30_000, check_every=50).require_converged()
    want = y @ torch.linalg.pinv(op.matrix).mT
    torch.testing.assert_close(solution.x.flatten(1), want, atol=1e-4, rtol=1e-4)
