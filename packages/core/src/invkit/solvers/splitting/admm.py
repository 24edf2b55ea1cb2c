"""The alternating direction method of multipliers, with an exact x-step where the Fourier transform gives one."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional, as_float
from ...operators.space import inner, norm, per_image, rounding
from ..base import Optimality, Solver
from ..primal_dual.step import dual_floor, each_image, relative
from .free_edges import prox_with_free_edges
from .split_problem import SplitProblem, as_split, fourier_solve, held_by_precision

#: rho changes before these many steps have been made, every so many, by such a factor at most.
LAST_CHANGE, _CHANGE_EVERY, _LARGEST_CHANGE = 200, 10, 5.0
#: So it stays within this factor of where it began; where rounding would hide a frequency of the x-step, in a smaller
#: range, but never one smaller than ``LEAST_RANGE``, of which the balance makes use.
LARGEST_RANGE, LEAST_RANGE = _LARGEST_CHANGE ** (LAST_CHANGE // _CHANGE_EVERY), 1e2
#: An entry of the x-step's system counts in ``fourier_solve`` above eps times the largest; twice that is far enough for
#: the theorem, and as much again for the rounding of rho and the symbols.
_FLOOR_IN_EPS = 4.0
#: So many roundings of the largest curvature are no curvature to go along in conjugate gradients.
_FLAT_IN_EPS = 4.0


@dataclass(frozen=True)
class ADMMState:
    """x, the copies z_i of K_i x and the scaled duals u_i = y_i / rho_i, with K_i x.

    z_before, u_before: those that the x-step started from.   left: what it left of its system, None if nothing.
    rho: of each block and image.   data: sum_q c_q K_q* d_q.   num_steps: taken so far.
    """

    x: Tensor
    z: tuple[Tensor, ...]
    u: tuple[Tensor, ...]
    kx: tuple[Tensor, ...]
    z_before: tuple[Tensor, ...]
    u_before: tuple[Tensor, ...]
    left: Tensor | None
    data: Tensor
    rho: tuple[Tensor, ...]
    limits: tuple[float, float] = (0.0, math.inf)
    num_steps: int = 0


@dataclass(frozen=True)
class ADMM(Solver[SplitProblem, ADMMState]):
    """minimise sum_q (c_q / 2) |K_q x - d_q|^2 + sum_i f_i(K_i x) by, with a = ``relaxation`` and u_i = y_i / rho_i,

        x   solves (sum_q c_q K_q* K_q + sum_i rho_i K_i* K_i) x = sum_q c_q K_q* d_q + sum_i rho_i K_i* (z_i - u_i);
        v_i = a K_i x + (1 - a) z_i + u_i;      z_i <- prox of f_i / rho_i at v_i;      u_i <- v_i - z_i.

    The x-step is exact, by two Fourier transforms, where every K*K is diagonal in them: ``Fourier``, ``Identity``,
    ``FiniteDifference`` with either boundary under a norm (see ``free_edges``), periodic ``Blur``. Otherwise it is
    ``cg_steps`` steps of conjugate gradients from the x before; that converges if its errors are summable (Eckstein,
    Bertsekas 1992, Theorem 8), which a fixed number of steps does not promise: the residual says whether it did.
    rho: rho_i = rho c / |K_i|^2 at the start, c the largest c_q |K_q|^2. Within the first 200 steps it is balanced
        for each image by the two residuals, every 10 steps, as far as the precision holds the x-step's system; then
        it stays.   relaxation: in (0, 2).

    Of a constraint, the copy z_i is inside at every step, x in the limit only: its objective may be infinite till then.

    Residual: the larger of |p| / max(|gradient|, |K_i* y_i|) with p = the quadratics' gradient + sum_i K_i* y_i, and
    |K_i x - z_i| / |K_i x|. Cost of a step: one K and one K* of each block and the x-step; of a look at the residual,
    two K* of each block.

    Raises: ConfigError if a setting is outside its range; from ``prepare`` if a term has no proximal map.
    Source: Boyd et al. (2011), sections 3.1.1, 3.4.1 and 3.4.3; He, Yang, Wang (2000) for the balance of rho.
    """

    form = SplitProblem

    rho: float = 1.0
    relaxation: float = 1.6
    cg_steps: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.rho < math.inf:
            raise ConfigError(f"ADMM: rho is {self.rho}, expected a positive number. Use 1.")
        if not 0 < self.relaxation < 2:
            raise ConfigError(f"ADMM: relaxation is {self.relaxation}, expected a number in (0, 2). Use 1.6.")
        if not float(self.cg_steps).is_integer() or self.cg_steps < 1:
            raise ConfigError(f"ADMM: cg_steps is {self.cg_steps}, expected a whole number >= 1. Use 10.")

    def prepare(self, objective: Functional) -> SplitProblem:
        return as_split(objective, "ADMM")

    def start_rho(self, problem: SplitProblem) -> tuple[float, ...]:
        """rho_i at the start."""
        sizes = [as_float(q.weight) * q.operator.norm().upper ** 2 for q in problem.quadratics]
        unit = max(sizes, default=0.0) or 1.0
        return tuple(self.rho * unit / (k.norm().upper ** 2 or 1.0) for _, k in problem.blocks)

    def rho_range(self, problem: SplitProblem) -> tuple[float, float]:
        """The least and the largest multiple of rho at the start that the balance may choose."""
        if problem.symbols is None or not problem.blocks:
            return 1 / LARGEST_RANGE, LARGEST_RANGE
        q, r = self.system(problem)
        floor = _FLOOR_IN_EPS * torch.finfo(problem.symbols[0].dtype).eps
        lowest, highest = held_by_precision(q, r, floor)
        if lowest >= 1 or highest <= 1:  # it is hidden where rho starts
            return 1 / LARGEST_RANGE, LARGEST_RANGE
        lowest, highest = min(lowest, 1 / LEAST_RANGE), max(highest, LEAST_RANGE)
        return max(lowest, 1 / LARGEST_RANGE), min(highest, LARGEST_RANGE)

    def system(self, problem: SplitProblem) -> tuple[Tensor, Tensor]:
        """The symbols of Q = sum_q c_q K_q*K_q and R = sum_i rho_i K_i*K_i at the start, in double precision."""
        assert problem.symbols is not None
        weights = [as_float(q.weight) for q in problem.quadratics] + list(self.start_rho(problem))
        parts = [w * s.detach().double() for w, s in zip(weights, problem.symbols, strict=True)]
        num, zero = len(problem.quadratics), torch.zeros((), dtype=torch.float64, device=problem.symbols[0].device)
        total = functools.reduce(torch.add, parts, zero)
        q = functools.reduce(torch.add, parts[:num], zero).expand_as(total)
        return q, functools.reduce(torch.add, parts[num:], zero).expand_as(total)

    def init(self, problem: SplitProblem, x0: Tensor | None) -> ADMMState:
        x = problem.start(x0, "ADMM")
        start = self.start_rho(problem)
        rho = tuple(each_image(r, x) for r in start)
        low, high = self.rho_range(problem)
        limits = (start[0] * low, start[0] * high) if start else (0.0, math.inf)
        data = torch.zeros_like(x)
        for q in problem.quadratics:
            if q.centre is not None:
                data = data + q.weight * q.operator.adjoint(q.centre)
        zeros = tuple(k.codomain.zeros(len(x)) for _, k in problem.blocks)
        kx = zeros if x0 is None else tuple(k.forward(x) for _, k in problem.blocks)
        return ADMMState(x, kx, zeros, kx, kx, zeros, None, data, rho, limits)

    def step(self, problem: SplitProblem, state: ADMMState) -> ADMMState:
        if state.num_steps and state.num_steps % _CHANGE_EVERY == 0 and state.num_steps <= LAST_CHANGE:
            state = self._balanced(problem, state)
        rho = state.rho
        pulls = [
            per_image(r, state.x) * k.adjoint(z - u)
            for r, z, u, (_, k) in zip(rho, state.z, state.u, problem.blocks, strict=True)
        ]
        rhs = functools.reduce(torch.add, pulls, state.data)
        x, left = self._solved(problem, rho, rhs, state)
        kx = tuple(k.forward(x) for _, k in problem.blocks)
        z, u = [], []
        parts = zip(problem.blocks, problem.free, rho, kx, state.z, state.u, strict=True)
        for (f, _), free, r, ahead, z_i, u_i in parts:
            v = torch.add(u_i, ahead, alpha=self.relaxation).add_(z_i, alpha=1 - self.relaxation)
            z.append(prox_with_free_edges(f, v, 1 / r) if free else f.prox(v, 1 / r))
            u.append(v - z[-1])
        return ADMMState(
            x, tuple(z), tuple(u), kx, state.z, state.u, left, state.data, rho, state.limits, state.num_steps + 1
        )

    def solution(self, state: ADMMState) -> Tensor:
        return state.x

    def optimality(self, problem: SplitProblem, state: ADMMState) -> Optimality:
        worst = torch.maximum(*self._residuals(problem, state))
        return Optimality(worst, torch.ones_like(worst))

    def objective(self, problem: SplitProblem, state: ADMMState) -> Tensor:
        return problem.objective.value(state.x)

    def _residuals(self, problem: SplitProblem, state: ADMMState) -> tuple[Tensor, Tensor]:
        """The relative sizes of p and of K_i x - z_i."""
        # The system that x solves says its gradient: sum_i rho_i K_i* (z_before - u_before - K_i x).
        gradient = torch.zeros_like(state.x) if state.left is None else -state.left
        duals = []
        rows = zip(problem.blocks, state.rho, state.kx, state.u, state.z_before, state.u_before, strict=True)
        for (_, k), r, kx, u, z_before, u_before in rows:
            weight = per_image(r, state.x)
            gradient = gradient + weight * k.adjoint(z_before - u_before - kx)
            duals.append(weight * k.adjoint(u))
        p = norm(functools.reduce(torch.add, duals, gradient))
        worst = torch.zeros_like(p)
        start = norm(state.data)
        sizes = [norm(part) for part in duals] or [start]  # alone, the gradient has nothing to cancel
        for (_, k), r, kx, z, size in zip(problem.blocks, state.rho, state.kx, state.z, sizes, strict=False):
            length = torch.maximum(norm(kx), 1e-3 * k.norm().upper * norm(state.x))
            worst = torch.maximum(worst, relative(norm(kx - z), length))
            # u is the subgradient at z up to the rounding of z.
            p = p + torch.minimum(rounding(z) * r * k.norm().upper * norm(z), size)
        return relative(p, functools.reduce(torch.maximum, sizes + dual_floor((start,)), norm(gradient))), worst

    @torch.no_grad()
    def _balanced(self, problem: SplitProblem, state: ADMMState) -> ADMMState:
        """rho larger where the copies are further from K_i x than the duals from balance, smaller where less."""
        p, d = self._residuals(problem, state)
        known = (p > 0) & (d > 0)
        ratio = torch.where(known, d / torch.where(known, p, 1.0), 1.0)
        factor = ratio.sqrt().clamp(1 / _LARGEST_CHANGE, _LARGEST_CHANGE)
        if state.rho:
            factor = (factor * state.rho[0]).clamp(*state.limits) / state.rho[0]
        u = tuple(u_i / per_image(factor, u_i) for u_i in state.u)  # y = rho u stays
        return replace(state, rho=tuple(r * factor for r in state.rho), u=u)

    def _solved(
        self, problem: SplitProblem, rho: tuple[Tensor, ...], rhs: Tensor, state: ADMMState
    ) -> tuple[Tensor, Tensor | None]:
        """x, and what is left of its system; None if nothing but rounding.

        An image stands still in conjugate gradients once its residual, or the curvature along its direction, is
        rounding: along a common kernel of the K_q and K_i no step has a bounded length.
        """
        x = state.x
        if problem.symbols is not None:
            weights = [q.weight for q in problem.quadratics] + [per_image(r, x) for r in rho]
            parts = [w * s for w, s in zip(weights, problem.symbols, strict=True)]
            return fourier_solve(functools.reduce(torch.add, parts), rhs), None

        def normal(v: Tensor) -> Tensor:
            parts = [q.weight * q.operator.normal().forward(v) for q in problem.quadratics]
            parts += [per_image(r, v) * k.normal().forward(v) for r, (_, k) in zip(rho, problem.blocks, strict=True)]
            return functools.reduce(torch.add, parts)

        residual = rhs - normal(x)
        direction, size = residual, inner(residual, residual).real
        floor = (rounding(x) * self._scale(problem, rho, state)) ** 2
        curvature = torch.zeros_like(size)
        for _ in range(self.cg_steps):
            image = normal(direction)
            bend, squared = inner(direction, image).real, inner(direction, direction).real
            curvature = torch.maximum(curvature, _quotient(bend, squared))
            moving = (size > floor) & (bend > _FLAT_IN_EPS * rounding(x) * curvature * squared)
            length = torch.where(moving, _quotient(size, bend), 0.0)
            x = x + per_image(length, x) * direction
            residual = residual - per_image(length, x) * image
            size, before = inner(residual, residual).real, size
            direction = residual + per_image(torch.where(moving, _quotient(size, before), 0.0), x) * direction
        return x, residual

    def _scale(self, problem: SplitProblem, rho: tuple[Tensor, ...], state: ADMMState) -> Tensor:
        """At least |rhs| + |S x| of the x-step's system, of which its residual is the difference: with norms of parts,
        for these may cancel."""
        size = norm(state.x)
        total = norm(state.data)
        for q in problem.quadratics:
            total = total + q.weight * q.operator.norm().upper ** 2 * size
        for r, z, u, (_, k) in zip(rho, state.z, state.u, problem.blocks, strict=True):
            upper = k.norm().upper
            total = total + r * upper * (norm(z - u) + upper * size)
        return total.detach()


def _quotient(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and zero once there is nothing left."""
    positive = below > 0
    return torch.where(positive, above / torch.where(positive, below, 1.0), 0.0)
