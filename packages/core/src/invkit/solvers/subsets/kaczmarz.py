"""Block Kaczmarz (ART): one block of equations after the other."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ...operators.space import norm
from ..base import Optimality, Solver
from ..linear.quadratic import LeastSquaresProblem, Quadratic, as_least_squares
from .finite_sum import check_seed, drawn_order
from .stochastic_gradient import EpochState


@dataclass(frozen=True, eq=False)
class BlocksProblem(LeastSquaresProblem):
    """K_i x = d_i for every term; ``blocks`` are the terms without their c_i, ``bounds`` at least the |K_i|^2."""

    blocks: tuple[Quadratic, ...]
    bounds: tuple[float, ...]


@dataclass(frozen=True)
class Kaczmarz(Solver[BlocksProblem, EpochState]):
    """x <- x + relaxation K_i*(d_i - K_i x) / |K_i|^2 for one term (c/2) |K_i x - d_i|^2 after the other.

    One step is one sweep over all terms. For blocks of one row each update is the projection onto its equation:
    Kaczmarz's method. If the equations have a common solution the iterates converge to the one nearest to the start;
    else to a cycle around a minimiser of sum_i |K_i x - d_i|^2 / |K_i|^2, the nearer the smaller the relaxation. The
    c_i do not matter.

    relaxation: in (0, 2).   order: "cyclic", or "random" for a new one each sweep, drawn from the seed for all images.
    Residual: |sum_i c_i K_i*(d_i - K_i x)| at x, with one K_i and one K_i* of every term for each check; scale:
    |sum_i c_i K_i* d_i|. An inconsistent system keeps it away from 0.
    Cost: one K_i and one K_i* of every term a step; as much for each check, and a K_i* of every term at the start.

    Raises: ConfigError if a setting is outside its range.
    Source: Kaczmarz (1937); Elfving (1980), Numer. Math. 35, 1-12, for blocks; Natterer (1986), The Mathematics of
    Computerized Tomography, section V.3.
    """

    form = BlocksProblem

    relaxation: float = 1.0
    order: Literal["cyclic", "random"] = "cyclic"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.relaxation < 2:
            raise ConfigError(f"Kaczmarz: relaxation is {self.relaxation}, expected a number in (0, 2). Use 1.")
        if self.order not in ("cyclic", "random"):
            raise ConfigError(f"Kaczmarz: order is {self.order!r}, expected 'cyclic' or 'random'. Choose one.")
        check_seed(self.seed, "Kaczmarz")

    def prepare(self, objective: Functional) -> BlocksProblem:
        problem = as_least_squares(objective, "Kaczmarz")
        blocks = tuple(replace(term, weight=1.0) for term in problem.terms)
        bounds = tuple(block.norm_bound() for block in blocks)
        return BlocksProblem(
            problem.objective,
            problem.terms,
            problem.domain,
            problem.norm_bound,
            blocks,
            bounds,
            restriction=problem.restriction,
        )

    def init(self, problem: BlocksProblem, x0: Tensor | None) -> EpochState:
        x = problem.start(x0, "Kaczmarz")
        with torch.no_grad():
            scale = norm(_gradient(problem, torch.zeros_like(x)))
            scale = torch.where(scale > 0, scale, norm(_gradient(problem, x))) if x0 is not None else scale
        return EpochState(x, 0, scale)

    def step(self, problem: BlocksProblem, state: EpochState) -> EpochState:
        count = len(problem.blocks)
        order = range(count) if self.order == "cyclic" else drawn_order(self.seed, state.epoch, count)
        x = state.x
        for i in order:
            if problem.bounds[i] > 0:
                block = problem.blocks[i]
                x = x + self.relaxation / problem.bounds[i] * block.adjoint(block.residual(x))
        return EpochState(x, state.epoch + 1, state.reference)

    def solution(self, state: EpochState) -> Tensor:
        return state.x

    def optimality(self, problem: BlocksProblem, state: EpochState) -> Optimality:
        return Optimality(norm(_gradient(problem, state.x)), state.reference)

    def objective(self, problem: BlocksProblem, state: EpochState) -> Tensor:
        return problem.objective.value(state.x)


def _gradient(problem: LeastSquaresProblem, x: Tensor) -> Tensor:
    return functools.reduce(torch.add, (term.adjoint(-term.residual(x)) for term in problem.terms))
