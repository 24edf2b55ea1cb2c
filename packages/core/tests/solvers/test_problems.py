from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, L2, Box, SquaredL2, Zero, h1, least_squares, nonnegativity, total_variation
from invkit.operators import Dense, Space
from invkit.solvers import FISTA, PDHG, ConjugateGradient, GradientDescent, ProximalGradient
from invkit.solvers.problems import batch_of

OP = Dense(torch.eye(4), (1, 2, 2), (1, 2, 2))
FIDELITY = least_squares(OP, torch.ones(3, 1, 2, 2))
TV = total_variation(OP.domain)


def test_composite_problems_keep_what_has_no_gradient_for_the_prox() -> None:
    for objective in (FIDELITY + 0.5 * h1(OP.domain) + Box(0.0), Box(0.0) + 0.5 * h1(OP.domain) + FIDELITY):
        problem = FISTA().prepare(objective)
        assert isinstance(problem.proximable, Box)
        x = torch.full((3, 1, 2, 2), 2.0)
        torch.testing.assert_close(problem.smooth.value(x) + problem.proximable.value(x), objective.value(x))
    assert isinstance(FISTA().prepare(FIDELITY).proximable, Zero)
    assert isinstance(ProximalGradient().prepare(L1()).smooth, Zero)


def test_saddle_problems_add_up_to_the_objective() -> None:
    x = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    terms = [FIDELITY, 0.3 * TV, 0.2 * L1(), nonnegativity(), 0.1 * SquaredL2()]
    for order in (terms, terms[::-1], terms[2:] + terms[:2]):
        objective = order[0]
        for term in order[1:]:
            objective = objective + term
        problem = PDHG().prepare(objective)
        total = sum((f.value(k.forward(x)) for f, k in problem.blocks), problem.proximable.value(x))
        torch.testing.assert_close(total, objective.value(x))
        assert len(problem.blocks) == 4
        assert not torch.allclose(total, problem.proximable.value(x))  # a form that lost its blocks is rejected


def test_each_solver_names_the_term_it_cannot_take_and_one_that_can() -> None:
    with pytest.raises(ConfigError, match=r"GradientDescent: term 0.3 \* GroupL1.* has no gradient"):
        GradientDescent().prepare(FIDELITY + 0.3 * TV)
    with pytest.raises(ConfigError, match=r"FISTA: term 0.3 \* GroupL1.* neither a gradient nor a proximal map"):
        FISTA().prepare(FIDELITY + 0.3 * TV)
    with pytest.raises(ConfigError, match=r"ProximalGradient: there are 2 terms without a gradient .*Use core/pdhg"):
        ProximalGradient().prepare(FIDELITY + L1() + Box(0.0))
    with pytest.raises(ConfigError, match=r"ConjugateGradient: term L1\(\) is not quadratic"):
        ConjugateGradient().prepare(FIDELITY + L1())
    with pytest.raises(ConfigError, match=r"PDHG: L2\(\) has no term f\(K x\), expected at least one"):
        PDHG().prepare(L2())
    with pytest.raises(ConfigError, match="has no operator that says the size"):
        PDHG().prepare(L2() + L1())


def test_the_batch_is_that_of_the_measurement() -> None:
    assert batch_of(FIDELITY) == 3
    assert batch_of(2.0 * TV + 0.5 * FIDELITY) == 3
    assert batch_of(TV) is None
    assert FISTA().prepare(FIDELITY).start(None, "test").shape == (3, 1, 2, 2)


def test_the_linear_form_is_the_normal_equations(draw) -> None:
    m, d, y, c = draw((5, 4)), draw((3, 4), seed=1), draw((2, 5), seed=2), draw((2, 3), seed=3)
    f = 2.0 * least_squares(Dense(m), y) + 0.5 * (SquaredL2(c) @ Dense(d))
    problem = ConjugateGradient().prepare(f)
    x = draw((2, 4), seed=4)
    torch.testing.assert_close(problem.operator.forward(x), x @ (2 * m.T @ m + 0.5 * d.T @ d))
    torch.testing.assert_close(problem.rhs, 2 * y @ m + 0.5 * c @ d)
    assert problem.operator.structure == {"self_adjoint", "positive_semidefinite"}
    assert problem.operator.domain == Space((4,), torch.float64)
