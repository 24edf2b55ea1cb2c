"""What a theorem is asked about, and what the specimens of the theorems are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invkit.claims import MEASURED, Claim
from invkit.functionals import L1, Box, Differentiable, Functional, Proximable, kullback_leibler, least_squares
from invkit.guarantees import Node, Rule, explain
from invkit.guarantees.theorems import core_rules
from invkit.operators import Dense, Interval
from invkit.solvers import Solver

from ..registry import Specimen


@dataclass(frozen=True, eq=False)
class Case:
    """The arguments of ``explain``."""

    subject: Any
    operator: Any = None
    solver: Solver[Any, Any] | None = None

    def explained(self, rules: tuple[Rule, ...] | None = None) -> Node:
        rules = core_rules() if rules is None else rules
        return explain(self.subject, self.operator, solver=self.solver, rules=rules)


Make = Callable[[], Case]


def refused(rule: str, honest: Make, *faults: tuple[str, Make, str]) -> tuple[Specimen, ...]:
    """Specimens of one theorem, each with (what is wrong, the wrong setting, the premise in the rule's words)."""
    return tuple(
        Specimen("rule", f"{what} ({rule})", make, f"{rule}: {premise}", honest) for what, make, premise in faults
    )


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


A = Dense(noise(8, 6))
Y = torch.ones(1, 8, dtype=torch.float64)
DATA = least_squares(A, Y)
L = DATA.smoothness().upper


@dataclass(frozen=True, eq=False, repr=False)
class Unmatched(Dense):
    """A matrix with a backprojector of its own, as in tomography."""

    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in super().claims() if claim.property != "adjoint")


class PowerIteration(Dense):
    """A matrix whose norm was only measured, which bounds it from below."""

    def _norm(self) -> Interval:
        return Interval(0.0, float(torch.linalg.matrix_norm(self.matrix, 2)), "power iteration", MEASURED)


@dataclass(frozen=True, eq=False, repr=False)
class NumNonzero(Proximable):
    """How many entries are not zero; its proximal map is a hard threshold."""

    def _value(self, x: Tensor) -> Tensor:
        return (x != 0).flatten(1).sum(1).to(x.dtype)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return torch.where(v.square() > 2 * tau, v, 0.0)

    @property
    def conjugate(self) -> Proximable:
        return Box(0.0, 0.0)


class RoughProx(type(L1())):  # type: ignore[misc]
    """|x|_1 whose proximal map is some iteration that was stopped."""

    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in super().claims() if claim.property != "prox")


@dataclass(frozen=True, eq=False, repr=False)
class Cosine(Differentiable):
    """sum cos x, smooth and not convex."""

    def _value(self, x: Tensor) -> Tensor:
        return torch.cos(x).flatten(1).sum(1)

    def _gradient(self, x: Tensor) -> Tensor:
        return -torch.sin(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return -torch.cos(x) * v

    def smoothness(self) -> Interval:
        return Interval.exact(1.0)


def trained() -> tuple[Dense, float]:
    """A matrix whose weights grew by 1.02 in place, and |A|^2 from before, when its norm was asked for."""
    operator = Dense(A.matrix.clone())
    before = operator.norm().upper ** 2
    operator.matrix.mul_(1.02)
    return operator, before


def unmatched() -> Functional:
    return least_squares(Unmatched(A.matrix), Y)


def measured() -> Functional:
    return least_squares(PowerIteration(A.matrix), Y)


def counts() -> Functional:
    """A smooth data term whose gradient has no Lipschitz constant."""
    return kullback_leibler(Dense(A.matrix.abs()), Y, 1.0)


NONCONVEX_G = "a regulariser that counts"
NONCONVEX_F = "a cosine in the objective"
UNMATCHED = "a backprojector that is not the adjoint"
NO_CONSTANT = "Kullback-Leibler, whose gradient has no Lipschitz constant"
ROUGH_PROX = "an approximate proximal map"
NOT_A_NUMBER = "NaN in the data"
MEASURED_NORM = "a norm from power iteration"
STALE = "the longest step of weights that were trained since"

EXACT_ADJOINT = "every operator is linear and its adjoint is exact"
KNOWN_L = "the gradient of f is Lipschitz with a known constant L"
