from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from invkit.errors import ConfigError
from invkit.functionals import L1, L2, Box, GroupL1, SquaredL2, least_squares, total_variation
from invkit.operators import Dense, FiniteDifference, Fourier
from invkit.solvers import PDHG, PreconditionedPDHG, solve
from invkit.solvers.primal_dual.preconditioned_pdhg import taken_together


def matrix_of(operator) -> Tensor:
    n = operator.domain.size
    units = torch.eye(n, dtype=operator.domain.dtype).reshape(n, *operator.domain.shape)
    return operator.forward(units).flatten(1).mT


def uneven(draw) -> Dense:
    """Rows and columns of very different size."""
    rows, columns = torch.logspace(0, -2, 10, dtype=torch.float64), torch.logspace(0, -1.5, 12, dtype=torch.float64)
    return Dense(rows[:, None] * draw((10, 12)) * columns, (1, 3, 4))


def objectives(draw):
    op = uneven(draw)
    y = draw((2, 10), seed=1)
    fourier = Fourier((3, 4), dtype=torch.complex128)
    group = FiniteDifference((3, 4), dtype=torch.float64)
    return [
        least_squares(op, y) + 0.1 * total_variation(op.domain) + Box(0.0),
        least_squares(op, y) + 0.1 * total_variation(op.domain, isotropic=False) + 0.3 * L2(),
        least_squares(op, y) + 0.2 * (L2() @ group) + 0.3 * GroupL1((1,)),
        0.7 * least_squares(fourier, draw((2, 1, 3, 4), torch.complex128)) + 0.1 * total_variation(fourier.domain),
    ]


@pytest.mark.parametrize("index", range(4))
def test_the_preconditioned_operator_has_norm_one_at_most(index, draw) -> None:
    problem = PreconditionedPDHG().prepare(objectives(draw)[index])
    tau, sigma = PreconditionedPDHG().step_sizes(problem)
    shape = problem.blocks[0][1].domain.shape
    rows = []
    for (_, operator), s in zip(problem.blocks, sigma, strict=True):
        s = s.expand(1, *operator.codomain.shape).flatten()
        rows.append(s.sqrt()[:, None] * matrix_of(operator))
    scaled = torch.cat(rows) * tau.expand(1, *shape).flatten().sqrt()
    norm = float(torch.linalg.matrix_norm(scaled, 2))
    assert 0.2 < norm <= 1


def test_pixels_that_a_functional_takes_together_share_a_step(draw) -> None:
    problem = PreconditionedPDHG().prepare(objectives(draw)[0])
    tau, (data, differences) = PreconditionedPDHG().step_sizes(problem)
    assert len(tau.unique()) > 3  # a box is separable
    assert len(data.unique()) > 3
    assert differences.shape[2] == 1  # one for both components of a gradient
    tau, _ = PreconditionedPDHG().step_sizes(PreconditionedPDHG().prepare(objectives(draw)[1]))
    assert tau.numel() == 1  # the norm of the whole image has one step


class Mine(GroupL1):
    """A subclass may have changed the proximal map."""


def test_what_is_not_known_to_be_separable_has_one_step() -> None:
    assert taken_together(Mine(())) is None
    assert taken_together(2.0 * Mine(())) is None
    assert taken_together(2.0 * L1()) == ()
    assert taken_together((2.0 * L1()).conjugate) == ()
    assert taken_together(GroupL1((1,)).conjugate) == (1,)
    assert taken_together(SquaredL2()) == ()
    assert taken_together(L2().conjugate) is None


def test_it_comes_nearer_where_rows_and_columns_differ_in_size(draw) -> None:
    op = uneven(draw)
    objective = least_squares(op, draw((2, 10), seed=1)) + 0.01 * L1() + Box(0.0)
    left = [solve(objective, s, rtol=0.0, max_steps=1000).optimality for s in (PDHG(), PreconditionedPDHG())]
    assert bool((left[1] < 0.95 * left[0]).all())


def test_equal_steps_give_the_iterates_of_the_plain_method(draw) -> None:
    """A transform of every pixel offers no sums: what is left is PDHG, up to rounding of the steps."""
    fourier = Fourier((3, 4), dtype=torch.complex128)
    y = draw((2, 1, 3, 4), torch.complex128)
    objective = least_squares(fourier, y) + 0.3 * (L1() @ (fourier.H @ (2.0 * fourier)))
    plain, diagonal = (solve(objective, s, rtol=0.0, max_steps=30).x for s in (PDHG(), PreconditionedPDHG()))
    torch.testing.assert_close(plain, diagonal, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("balance", [0.0, math.nan, math.inf])
def test_a_balance_that_is_not_positive_is_refused(balance) -> None:
    with pytest.raises(ConfigError, match=f"PreconditionedPDHG: balance is {balance}, expected a positive number"):
        PreconditionedPDHG(balance=balance)
