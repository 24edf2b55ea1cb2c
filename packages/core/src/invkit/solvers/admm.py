"""The alternating direction method of multipliers, with an exact x-step where the Fourier transform gives one."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ConfigError
from ..functionals.algebra import Scaled, scale, split_composition, terms_of
from ..functionals.base import Functional, Proximable, as_float
from ..functionals.norms import SquaredL2
from ..functionals.partial_minimum import lifted
from ..operators.base import LinearOperator
from ..operators.fourier_symbol import gram_symbol
from ..operators.identity import Identity
from ..operators.space import inner, norm, per_image, real_dtype, rounding
from .base import Optimality, Solver
from .primal_dual import each_image, relative
from .problems import Problem

#: rho changes before these many steps have been made, every so many, by such a factor at most.
_LAST_CHANGE, _CHANGE_EVERY, _LARGEST_CHANGE = 200, 10, 5.0


@dataclass(frozen=True, eq=False)
class Quadratic:
    """(weight / 2) |K x - centre|^2; centre None is zero."""

    weight: float | Tensor
    operator: LinearOperator
    centre: Tensor | None


@dataclass(frozen=True, eq=False)
class SplitProblem(Problem):
    """minimise sum_q quadratic_q(x) + sum_i f_i(K_i x), with f_i proximable.

    symbols: s with K*K = F* diag(s) F for every quadratic and then every block; None where one has none.
    """

    quadratics: tuple[Quadratic, ...]
    blocks: tuple[tuple[Proximable, LinearOperator], ...]
    symbols: tuple[Tensor, ...] | None


@dataclass(frozen=True)
class ADMMState:
    """x, the copies z_i of K_i x and the duals y_i, with K_i x, K_i* z_i, K_i* y_i and the quadratics' gradient.

    rho: of each block and image.   data: sum_q c_q K_q* d_q.   num_steps: taken so far.
    """

    x: Tensor
    z: tuple[Tensor, ...]
    y: tuple[Tensor, ...]
    kx: tuple[Tensor, ...]
    ktz: tuple[Tensor, ...]
    kty: tuple[Tensor, ...]
    gradient: Tensor
    data: Tensor
    rho: tuple[Tensor, ...]
    num_steps: int = 0


@dataclass(frozen=True)
class ADMM(Solver[SplitProblem, ADMMState]):
    """minimise sum_q (c_q / 2) |K_q x - d_q|^2 + sum_i f_i(K_i x) by, with a = ``relaxation``,

        x   solves (sum_q c_q K_q* K_q + sum_i rho_i K_i* K_i) x = sum_q c_q K_q* d_q + sum_i K_i* (rho_i z_i - y_i);
        h_i = a K_i x + (1 - a) z_i;
        z_i <- prox of f_i / rho_i at h_i + y_i / rho_i;      y_i <- y_i + rho_i (h_i - z_i).

    The x-step is exact, by two Fourier transforms, where every K*K is diagonal in them: ``Fourier``, ``Identity``,
    periodic ``FiniteDifference`` and ``Blur``. Otherwise it is ``cg_steps`` steps of conjugate gradients from the x
    before; that converges if its errors are summable (Eckstein, Bertsekas 1992, Theorem 8), which a fixed number of
    steps does not promise: the residual says whether it did.
    rho: rho_i = rho c / |K_i|^2 at the start, c the largest c_q |K_q|^2. Within the first 200 steps it is balanced
        for each image by the two residuals, every 10 steps; then it stays.   relaxation: in (0, 2).

    Residual: the larger of |p| / max(|gradient|, |K_i* y_i|) with p = the quadratics' gradient + sum_i K_i* y_i, and
    |K_i x - z_i| / |K_i x|. Cost of a step: one K and two K* of each block, one K*K of each quadratic, and the x-step.

    Raises: ConfigError if a setting is outside its range; from ``prepare`` if a term has no proximal map.
    Source: Boyd et al. (2011), sections 3.1, 3.4.1 and 3.4.3; He, Yang, Wang (2000) for the balance of rho.
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

    def init(self, problem: SplitProblem, x0: Tensor | None) -> ADMMState:
        x = problem.start(x0, "ADMM")
        sizes = [as_float(q.weight) * q.operator.norm().upper ** 2 for q in problem.quadratics]
        unit = max(sizes, default=0.0) or 1.0
        rho = tuple(each_image(self.rho * unit / (k.norm().upper ** 2 or 1.0), x) for _, k in problem.blocks)
        data = torch.zeros_like(x)
        for q in problem.quadratics:
            if q.centre is not None:
                data = data + q.weight * q.operator.adjoint(q.centre)
        zeros = tuple(k.codomain.zeros(len(x)) for _, k in problem.blocks)
        flat = tuple(torch.zeros_like(x) for _ in zeros)
        if x0 is None:
            return ADMMState(x, zeros, zeros, zeros, flat, flat, -data, data, rho)
        kx = tuple(k.forward(x) for _, k in problem.blocks)
        ktz = tuple(k.adjoint(z) for z, (_, k) in zip(kx, problem.blocks, strict=True))
        return ADMMState(x, kx, zeros, kx, ktz, flat, self._gradient(problem, x, data), data, rho)

    def step(self, problem: SplitProblem, state: ADMMState) -> ADMMState:
        if state.num_steps and state.num_steps % _CHANGE_EVERY == 0 and state.num_steps <= _LAST_CHANGE:
            state = replace(state, rho=self._balanced(problem, state))
        rho, x = state.rho, state.x
        pulls = [per_image(r, x) * tz - ty for r, tz, ty in zip(rho, state.ktz, state.kty, strict=True)]
        rhs = functools.reduce(torch.add, pulls, state.data)
        x = self._solved(problem, rho, rhs, x)
        kx = tuple(k.forward(x) for _, k in problem.blocks)
        z, y = [], []
        for (f, _), r, ahead, z_i, y_i in zip(problem.blocks, rho, kx, state.z, state.y, strict=True):
            weight = per_image(r, z_i)
            h = self.relaxation * ahead + (1 - self.relaxation) * z_i
            z.append(f.prox(h + y_i / weight, 1 / r))
            y.append(y_i + weight * (h - z[-1]))
        ktz = tuple(k.adjoint(z_i) for (_, k), z_i in zip(problem.blocks, z, strict=True))
        kty = tuple(k.adjoint(y_i) for (_, k), y_i in zip(problem.blocks, y, strict=True))
        gradient = self._gradient(problem, x, state.data)
        return ADMMState(x, tuple(z), tuple(y), kx, ktz, kty, gradient, state.data, rho, state.num_steps + 1)

    def solution(self, state: ADMMState) -> Tensor:
        return state.x

    def optimality(self, problem: SplitProblem, state: ADMMState) -> Optimality:
        worst = torch.maximum(*self._residuals(problem, state))
        return Optimality(worst, torch.ones_like(worst))

    def objective(self, problem: SplitProblem, state: ADMMState) -> Tensor:
        return problem.objective.value(state.x)

    def _gradient(self, problem: SplitProblem, x: Tensor, data: Tensor) -> Tensor:
        parts = [q.weight * q.operator.normal().forward(x) for q in problem.quadratics]
        return functools.reduce(torch.add, parts, -data)

    def _residuals(self, problem: SplitProblem, state: ADMMState) -> tuple[Tensor, Tensor]:
        """The relative sizes of p and of K_i x - z_i."""
        p = norm(functools.reduce(torch.add, state.kty, state.gradient))
        worst = torch.zeros_like(p)
        sizes = [norm(part) for part in state.kty] or [norm(state.data)]  # alone, the gradient has nothing to cancel
        for (_, k), r, kx, z, kty in zip(problem.blocks, state.rho, state.kx, state.z, state.kty, strict=True):
            length = torch.maximum(norm(kx), 1e-3 * k.norm().upper * norm(state.x))
            worst = torch.maximum(worst, relative(norm(kx - z), length))
            # y is the subgradient at z up to the rounding of rho z.
            p = p + torch.minimum(rounding(z) * r * k.norm().upper * norm(z), norm(kty))
        return relative(p, functools.reduce(torch.maximum, sizes, norm(state.gradient))), worst

    @torch.no_grad()
    def _balanced(self, problem: SplitProblem, state: ADMMState) -> tuple[Tensor, ...]:
        """rho larger where the copies are further from K_i x than the duals from balance, smaller where less."""
        p, d = self._residuals(problem, state)
        known = (p > 0) & (d > 0)
        ratio = torch.where(known, d / torch.where(known, p, 1.0), 1.0)
        factor = ratio.sqrt().clamp(1 / _LARGEST_CHANGE, _LARGEST_CHANGE)
        return tuple(r * factor for r in state.rho)

    def _solved(self, problem: SplitProblem, rho: tuple[Tensor, ...], rhs: Tensor, x: Tensor) -> Tensor:
        if problem.symbols is not None:
            weights = [q.weight for q in problem.quadratics] + [per_image(r, x) for r in rho]
            parts = [w * s for w, s in zip(weights, problem.symbols, strict=True)]
            return fourier_solve(functools.reduce(torch.add, parts), rhs)

        def normal(v: Tensor) -> Tensor:
            parts = [q.weight * q.operator.normal().forward(v) for q in problem.quadratics]
            parts += [per_image(r, v) * k.normal().forward(v) for r, (_, k) in zip(rho, problem.blocks, strict=True)]
            return functools.reduce(torch.add, parts)

        residual = rhs - normal(x)
        direction, size = residual, inner(residual, residual).real
        for _ in range(self.cg_steps):
            image = normal(direction)
            length = _quotient(size, inner(direction, image).real)
            x = x + per_image(length, x) * direction
            residual = residual - per_image(length, x) * image
            size, before = inner(residual, residual).real, size
            direction = residual + per_image(_quotient(size, before), x) * direction
        return x


def fourier_solve(symbol: Tensor, rhs: Tensor) -> Tensor:
    """F* diag(1 / symbol) F rhs, the solution of smallest norm where the symbol vanishes."""
    if not len(rhs):
        return rhs.clone()  # MKL refuses to transform an empty batch
    dims = tuple(range(2 - rhs.ndim, 0))
    floor = rounding(rhs) * symbol.amax(dims, keepdim=True)
    positive = symbol > floor
    spectrum = torch.fft.fftn(rhs, dim=dims) * torch.where(positive, 1 / torch.where(positive, symbol, 1.0), 0.0)
    x = torch.fft.ifftn(spectrum, dim=dims)
    return x if rhs.is_complex() else x.real.contiguous()


def as_split(objective: Functional, who: str) -> SplitProblem:
    """Terms (c/2) |K x - d|^2 are quadratics, every other term c f(K x) a block, with K = id where there is none.

    Raises: ConfigError if a term has no proximal map, or nothing says the size of the images.
    """
    objective, restriction = lifted(objective)
    quadratics: list[Quadratic] = []
    blocks: list[tuple[Proximable, LinearOperator]] = []
    domain = objective.domain
    if domain is None:
        raise ConfigError(
            f"{who}: {objective!r} has no operator that says the size of its images. Use core/douglas-rachford."
        )
    for term in terms_of(objective):
        weight, part, operator = split_composition(term)
        k = operator or Identity(domain.shape[1:], domain.shape[0], domain.dtype, domain.device)
        if isinstance(part, Scaled):
            weight, part = weight * part.weight, part.functional
        if type(part) is SquaredL2:
            quadratics.append(Quadratic(weight, k, part.centre))
            continue
        if not isinstance(part, Proximable):
            raise ConfigError(
                f"{who}: term {term!r} has no proximal map in closed form, expected c f(K x) with a proximable f. "
                "Split it, or use core/gradient-descent if every term is differentiable."
            )
        weighted = scale(weight, part)
        assert isinstance(weighted, Proximable)
        blocks.append((weighted, k))
    operators = [q.operator for q in quadratics] + [k for _, k in blocks]
    found = [gram_symbol(k) for k in operators]
    known = tuple(s.to(real_dtype(domain.dtype)) for s in found if s is not None)
    symbols = known if len(known) == len(found) else None
    return SplitProblem(objective, tuple(quadratics), tuple(blocks), symbols, restriction=restriction)


def _quotient(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and zero once there is nothing left."""
    positive = below > 0
    return torch.where(positive, above / torch.where(positive, below, 1.0), 0.0)
