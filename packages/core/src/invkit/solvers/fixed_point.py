"""Fixed-point iteration with relaxation (Krasnosel'skii, Mann): for maps that need not come from an objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from ..claims import Basis
from ..derivations import sectors
from ..derivations.sectors import Sectors
from ..errors import ConfigError
from ..functionals.base import Functional
from ..operators.space import norm, rounding
from .base import Optimality, Solver
from .factors import Factor
from .problems import Problem


@dataclass(frozen=True, kw_only=True)
class Existence:
    """Why a map has a fixed point, where that does not follow from what is known of its factors.

    how: the argument in a phrase.   basis: how strongly its hypotheses are known.   source: of the theorem.
    """

    how: str
    basis: Basis
    source: str


@dataclass(frozen=True, eq=False)
class FixedPointProblem(Problem):
    """find x = T(x).

    objective: the part of T that has one, such as the data fidelity; it says where images live and is what
        ``record_objective`` records.   map: T, acting on each image of a batch alone.
    factors: the maps whose composition is T, the first applied first; theorems read them.
    minimised: a convex functional whose minimisers correspond to the fixed points of T, if there is one.
    existence: other reasons why T has a fixed point.
    """

    map: Callable[[Tensor], Tensor]
    factors: tuple[Factor, ...] = ()
    minimised: Functional | None = field(default=None, kw_only=True)
    existence: tuple[Existence, ...] = field(default=(), kw_only=True)

    @final
    def sectors(self) -> Sectors:
        """How far apart T(x) and T(z) may be; none if nothing is known."""
        return sectors.composed(*(factor.sectors() for factor in self.factors)) if self.factors else ()


@dataclass(frozen=True)
class FixedPointState:
    """x, and the point z before it with T(z)."""

    x: Tensor
    z: Tensor | None = None
    mapped: Tensor | None = None


@dataclass(frozen=True)
class KrasnoselskiiMann(Solver[FixedPointProblem, FixedPointState]):
    """x <- x + relaxation * (T(x) - x).

    relaxation: in (0, 1/alpha) for an alpha-averaged T, in (0, 1) for one that is only nonexpansive; 1 is x <- T(x).
    Residual: |T(z) - z| at the point z before x; zero exactly at fixed points. Scale: |T(z)|.
    Cost: one T a step.

    Raises: ConfigError if the relaxation is not positive.
    Source: Bauschke, Combettes (2011), Theorem 5.14 and Proposition 5.15.
    """

    form = FixedPointProblem

    relaxation: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.relaxation < math.inf:
            raise ConfigError(f"KrasnoselskiiMann: relaxation is {self.relaxation}, expected a positive number. Use 1.")

    def prepare(self, objective: Functional) -> FixedPointProblem:
        raise ConfigError(
            f"KrasnoselskiiMann: problem is {objective!r}, expected a map, not an objective. "
            "Use core/fista or core/pdhg to minimise it, or pose a FixedPointProblem."
        )

    def init(self, problem: FixedPointProblem, x0: Tensor | None) -> FixedPointState:
        return FixedPointState(problem.start(x0, "KrasnoselskiiMann"))

    def step(self, problem: FixedPointProblem, state: FixedPointState) -> FixedPointState:
        mapped = problem.map(state.x)
        x = mapped if self.relaxation == 1.0 else torch.lerp(state.x, mapped, self.relaxation)
        return FixedPointState(x, state.x, mapped)

    def solution(self, state: FixedPointState) -> Tensor:
        return state.x

    def optimality(self, problem: FixedPointProblem, state: FixedPointState) -> Optimality:
        assert state.z is not None
        assert state.mapped is not None
        size = norm(state.mapped)
        return Optimality(norm(state.mapped - state.z) + rounding(state.x) * size, size)

    def objective(self, problem: FixedPointProblem, state: FixedPointState) -> Tensor:
        return problem.objective.value(state.x)
