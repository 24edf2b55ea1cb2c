"""Going on from a state, and what an interrupt leaves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invkit.functionals import SquaredL2
from invkit.solvers import Optimality, SmoothProblem, Solver, Status, solve


@dataclass(frozen=True)
class Counting:
    """What a solver with a counter keeps."""

    x: Tensor
    num_steps: int = 0


class Halving(Solver):
    """x <- x / 2, but by another factor at every third step: what an image does depends on the counter."""

    form = SmoothProblem

    def prepare(self, objective):
        return SmoothProblem(objective, objective)

    def init(self, problem, x0):
        return Counting(x0)

    def step(self, problem, state):
        factor = 0.9 if state.num_steps % 3 == 2 else 0.5
        return Counting(factor * state.x, state.num_steps + 1)

    def solution(self, state):
        return state.x

    def optimality(self, problem, state):
        size = state.x.abs().flatten(1).sum(1)
        return Optimality(size, torch.ones_like(size))

    def objective(self, problem, state):
        return problem.objective.value(state.x)


def test_going_on_from_a_state_is_exact_for_the_image_that_has_not_stopped() -> None:
    x0 = torch.tensor([[1e-3], [1.0]], dtype=torch.float64)
    problem = SmoothProblem(SquaredL2(), SquaredL2())
    whole = solve(problem, Halving(), x0, rtol=1e-4, max_steps=10, check_every=1)
    half = solve(problem, Halving(), x0, rtol=1e-4, max_steps=7, check_every=1)
    assert half.status == (Status.CONVERGED, Status.MAX_STEPS)
    assert int(half.steps[0]) < 7 == half.state.num_steps
    rest = solve(problem, Halving(), state=half.state, rtol=0.0, max_steps=3, check_every=1)
    assert torch.equal(rest.x[1], whole.x[1])


def test_an_interrupt_while_the_host_waits_keeps_every_image_where_it_was(monkeypatch) -> None:
    x0 = torch.tensor([[1e-3], [1.0]], dtype=torch.float64)
    problem = SmoothProblem(SquaredL2(), SquaredL2())
    waits, plain = [], torch.Tensor.tolist

    def interrupted(self):
        waits.append(1)
        if len(waits) == 14:  # the check at which the second image passes
            raise KeyboardInterrupt
        return plain(self)

    expected = solve(problem, Halving(), x0, rtol=1e-4, max_steps=14, check_every=1)
    assert int(expected.steps[1]) == 14 > int(expected.steps[0])
    monkeypatch.setattr(torch.Tensor, "tolist", interrupted)
    solution = solve(problem, Halving(), x0, rtol=1e-4, max_steps=50, check_every=1)
    monkeypatch.undo()
    assert solution.status == (Status.CONVERGED, Status.INTERRUPTED)
    assert torch.equal(solution.x, expected.x)
