"""A partial minimum with a closed form, through every form of problem: f(x) = min_w 0.5 |x - w|^2 + 0.5 |w|^2."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from invkit.functionals import Box, Functional, PartialMinimum, SquaredL2, least_squares, lifted
from invkit.operators import Dense, LinearOperator, Restriction, Space
from invkit.solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, Solver, solve

IMAGE = Space((1, 3, 2), torch.float64)
BOTH = Space((2, 3, 2), torch.float64)


@dataclass(frozen=True, eq=False, repr=False)
class Quarter(PartialMinimum):
    """0.25 |x|^2, reached at w = x / 2."""

    @property
    def domain(self) -> Space:
        return IMAGE

    @property
    def restriction(self) -> Restriction:
        return Restriction(BOTH, 0, torch.tensor([0]))

    @property
    def joint(self) -> Functional:
        eye = torch.eye(6, dtype=torch.float64)
        difference: LinearOperator = Dense(torch.cat((eye, -eye), 1), BOTH.shape, IMAGE.shape)
        second = Restriction(BOTH, 0, torch.tensor([1]))
        return SquaredL2() @ difference + SquaredL2() @ second

    def _value(self, x: Tensor) -> Tensor:
        return 0.25 * x.square().flatten(1).sum(1)


@pytest.mark.parametrize("solver", [GradientDescent(), FISTA(), ConjugateGradient(), PDHG(balance=1.0)], ids=repr)
@pytest.mark.parametrize("order", [0, 1])
def test_every_form_of_problem_takes_it_and_returns_the_image(solver: Solver, order: int, draw) -> None:
    matrix, y = draw((7, 6)), draw((2, 7), seed=1)
    op = Dense(matrix, IMAGE.shape)
    # 0.8 A*(A x - y) + 0.6 * x / 2 = 0.
    gram = 0.8 * matrix.mT @ matrix + 0.3 * torch.eye(6, dtype=torch.float64)
    want = torch.linalg.solve(gram, 0.8 * matrix.mT @ y.mT).mT.unflatten(1, IMAGE.shape)
    terms: list[Functional] = [0.8 * least_squares(op, y), 0.6 * Quarter()]
    objective = terms[order] + terms[1 - order]
    solution = solve(objective, solver, rtol=1e-10, max_steps=20_000)
    assert solution.converged
    torch.testing.assert_close(solution.x, want, rtol=1e-6, atol=1e-7)
    start = solve(objective, solver, draw((2, *IMAGE.shape), seed=2), rtol=1e-10, max_steps=20_000)
    torch.testing.assert_close(start.x, want, rtol=1e-6, atol=1e-7)
    wrong = solve(terms[0] + 0.5 * Quarter(), solver, rtol=1e-10, max_steps=20_000)
    assert not torch.allclose(wrong.x, want, atol=1e-4)


def test_a_constraint_stays_exact(draw) -> None:
    y = draw((2, *IMAGE.shape))
    for objective in (SquaredL2(y) + 0.6 * Quarter() + Box(0.0), Box(0.0) + 0.6 * Quarter() + SquaredL2(y)):
        found = solve(objective, FISTA(), rtol=1e-12, max_steps=5000).x
        torch.testing.assert_close(found, y.clamp_min(0) / 1.3, rtol=1e-8, atol=1e-9)
        assert bool((found >= 0).all())


def test_the_minimum_over_the_rest_is_the_value(draw) -> None:
    x, w = draw((3, *IMAGE.shape)), draw((3, *IMAGE.shape), seed=1)
    f = Quarter()
    torch.testing.assert_close(f.joint.value(torch.cat((x, x / 2), 1)), f.value(x))
    assert bool((f.joint.value(torch.cat((x, w), 1)) > f.value(x)).all())
    joint, restriction = lifted(0.7 * f)
    assert restriction is not None
    torch.testing.assert_close(joint.value(torch.cat((x, x / 2), 1)), 0.7 * f.value(x))
