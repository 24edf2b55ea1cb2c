from __future__ import annotations

import pytest
import torch

from invkit.functionals import Huber, least_squares
from invkit.operators import Dense
from invkit.solvers import CGLS, ConjugateGradient, NewtonCG, PrimalDualNewton

LINEAR = [CGLS(), ConjugateGradient()]
NEWTON = [
    type_(preconditioner=None, max_inner=steps) for type_ in (NewtonCG, PrimalDualNewton) for steps in (6, 12, 40)
]


@pytest.mark.parametrize("solver", [*LINEAR, *NEWTON], ids=repr)
@pytest.mark.parametrize("rows", [1, 2])
def test_300_steps_go_nowhere_along_what_no_term_sees(solver, rows, draw) -> None:
    a, c = Dense(draw((rows, 6))), Dense(draw((rows, 6), seed=1))
    objective = least_squares(a, draw((2, rows), seed=2))
    seen = a.matrix
    if solver not in LINEAR:
        objective, seen = objective + 0.3 * Huber(0.1) @ c, torch.cat((a.matrix, c.matrix))
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    for _ in range(300):
        state = solver.step(problem, state)
    x = solver.solution(state)
    onto = (torch.linalg.pinv(seen) @ seen @ x.mT).mT
    assert float((x - onto).abs().max()) < 1e-9 * float(x.abs().max())
    assert float(problem.objective.value(x).max()) <= float(problem.objective.value(torch.zeros_like(x)).max())
