"""A class that derives from a functional of the core may have other values, so no solver may take it for that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Basis
from invkit.errors import ConfigError
from invkit.functionals import Box, Functional, KullbackLeibler, SquaredL2, Zero
from invkit.operators import Dense, Interval
from invkit.solvers import (
    CGLS,
    MLEM,
    PDHG,
    ConjugateGradient,
    GradientDescent,
    Kaczmarz,
    Landweber,
    LinearisedBregman,
    NewtonCG,
    Solver,
    minimise_with_scipy,
    solve,
)

A = Dense(2 * torch.eye(3, dtype=torch.float64))
ONE = torch.ones(1, 3, dtype=torch.float64)


@dataclass(frozen=True, eq=False, repr=False)
class Tripled(SquaredL2):
    """1.5 |x - centre|^2, right in everything that it says."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def _value(self, x: Tensor) -> Tensor:
        return 3 * super()._value(x)

    def _gradient(self, x: Tensor) -> Tensor:
        return 3 * super()._gradient(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return 3 * v

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        return 3 * torch.ones_like(x)

    def smoothness(self) -> Interval:
        return Interval.exact(3.0)

    def convexity(self) -> float:
        return 3.0


@dataclass(frozen=True, eq=False, repr=False)
class Shifted(Zero):
    """|x|_1-like, in the disguise of nothing: only its class is looked at here."""


@dataclass(frozen=True, eq=False, repr=False)
class OtherCounts(KullbackLeibler):
    """Only its class is looked at here."""


@dataclass(frozen=True, eq=False, repr=False)
class OtherBox(Box):
    """Only its class is looked at here."""


@pytest.mark.parametrize(
    "solver",
    [ConjugateGradient(), CGLS(), Kaczmarz(), Landweber(), LinearisedBregman()],
    ids=lambda s: type(s).__name__,
)
def test_what_derives_from_a_square_is_no_square(solver: Solver):
    with pytest.raises(ConfigError, match="Tripled"):
        solver.prepare(Tripled(ONE) @ A + 0.1 * SquaredL2())


@pytest.mark.parametrize("solver", [GradientDescent(), NewtonCG()], ids=lambda s: type(s).__name__)
def test_the_general_methods_use_its_own_derivatives(solver: Solver):
    objective = Tripled(ONE) @ A + 0.1 * SquaredL2()
    result = solve(objective, solver, max_steps=2000, rtol=1e-10)
    torch.testing.assert_close(result.x, ONE * 6 / 12.1, rtol=1e-6, atol=0.0)


def test_other_counts_and_other_boxes_are_refused() -> None:
    fit: Functional = OtherCounts(ONE) @ A
    with pytest.raises(ConfigError, match="OtherCounts|not a fit to counts"):
        MLEM().prepare(fit + Box(0.0))
    with pytest.raises(ConfigError, match="OtherBox|not a fit to counts"):
        MLEM().prepare((KullbackLeibler(ONE) @ A) + OtherBox(0.0))
    with pytest.raises(ConfigError, match="neither a misfit"):
        Landweber().prepare((SquaredL2(ONE) @ A) + OtherBox(0.0))
    with pytest.raises(ConfigError, match="at most one Box"):
        minimise_with_scipy((SquaredL2(ONE) @ A) + OtherBox(0.0), ONE)


def test_a_block_is_not_hidden_behind_what_derives_from_zero() -> None:
    assert PDHG().prepare((SquaredL2(ONE) @ A) + Shifted()) is not None
