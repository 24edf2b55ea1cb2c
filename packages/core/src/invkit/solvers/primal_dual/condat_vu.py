"""The primal-dual method of Condat and Vu: one term by its gradient, the others by their proximal maps."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import add, scale, split_composition, terms_of
from ...functionals.base import Differentiable, Functional, Proximable
from ...functionals.moduli import is_convex
from ...functionals.partial_minimum import lifted
from ...functionals.zero import Zero
from ...operators.base import LinearOperator
from ...operators.identity import Identity
from ...operators.space import norm, rounding
from ..base import Optimality, Solver
from ..gradient.gradient_descent import first_scale, gradient_scale
from ..problems import Problem
from .step import data_sizes, dual_floor, dual_residuals, relative


@dataclass(frozen=True, eq=False)
class ThreePartProblem(Problem):
    """minimise h(x) + sum_i f_i(K_i x) + g(x), with h differentiable, f_i and g proximable, K_i linear."""

    smooth: Differentiable
    blocks: tuple[tuple[Proximable, LinearOperator], ...]
    proximable: Proximable
    conjugates: tuple[Proximable, ...]


@dataclass(frozen=True)
class CondatVuState:
    """x, the duals, K_i x, K_i* y_i and the gradient of h at x; then the step that led here.

    reference: |gradient of h at zero|.   size: how large images seem to be after the first step.
    """

    x: Tensor
    y: tuple[Tensor, ...]
    kx: tuple[Tensor, ...]
    kty: tuple[Tensor, ...]
    gradient: Tensor
    reference: Tensor
    tau: float
    sigma: tuple[float, ...]
    x_before: Tensor
    y_before: tuple[Tensor, ...]
    kx_before: tuple[Tensor, ...]
    gradient_before: Tensor
    ahead: tuple[Tensor, ...]
    size: Tensor | None = None


@dataclass(frozen=True)
class CondatVu(Solver[ThreePartProblem, CondatVuState]):
    """minimise h(x) + sum_i f_i(K_i x) + g(x) by, with z_i = 2 K_i x - K_i x_before,

        y_i <- prox of sigma_i f_i* at y_i + sigma_i z_i;
        x   <- prox_g(x - tau (gradient h(x) + sum_i K_i* y_i), tau).

    h is the sum of the terms whose gradient has a known Lipschitz constant L; of the others, the first without an
    operator is g.   tau, sigma: steps with 1 / tau - sum_i sigma_i |K_i|^2 > L / 2; sigma is one number, or one for
    each block. None: sigma_i = balance L / |K_i|^2, and tau so that the difference is 0.55 L. Without blocks it is
    the proximal gradient method.

    It suits an h with few small eigenvalues; where A*A has many, as in CT, PDHG goes through them with longer steps.

    Residual: the larger of |p| / max(|gradient h(x)|, |K_i* y_i|) and max_i |d_i| / |K_i x| (without blocks
    |p| / max(|gradient h(x)|, |gradient h(0)|)), with d_i as for ``PDHG`` and p = (x_before - x) / tau +
    gradient h(x) - gradient h(x_before) in gradient h(x) + dg(x) + sum_i K_i* y_i.
    Cost: one gradient, one K and one K* a step, and one gradient at the start.

    Raises: ConfigError if a setting is not positive; from ``prepare`` if no term has such a gradient, or another has
    no proximal map; from ``init`` if the steps do not fulfil their condition.
    Source: Condat (2013), Algorithm 3.1 and Theorem 3.1; Vu (2013).
    """

    form = ThreePartProblem

    tau: float | None = None
    sigma: float | tuple[float, ...] | None = None
    balance: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.balance < math.inf:
            raise ConfigError(f"CondatVu: balance is {self.balance}, expected a positive number. Use 0.2.")
        if (self.tau is None) != (self.sigma is None):
            raise ConfigError(
                f"CondatVu: tau is {self.tau} and sigma is {self.sigma}, expected both or neither. Give both."
            )
        sigmas = self.sigma if isinstance(self.sigma, tuple | list) else (self.sigma,)
        if any(step is not None and not 0 < step < math.inf for step in (self.tau, *sigmas)):
            raise ConfigError(
                f"CondatVu: tau is {self.tau} and sigma is {self.sigma}, expected positive numbers. Leave both out."
            )

    def prepare(self, objective: Functional) -> ThreePartProblem:
        return as_three_part(objective, "CondatVu")

    def step_sizes(self, problem: ThreePartProblem) -> tuple[float, tuple[float, ...]]:
        """tau and sigma_i for this problem.

        Raises: ConfigError unless 1 / tau - sum_i sigma_i |K_i|^2 > L / 2.
        """
        smooth = problem.smooth.smoothness()
        assert smooth is not None
        length = smooth.upper
        norms = [operator.norm().upper for _, operator in problem.blocks]
        if self.tau is None or self.sigma is None:
            unit = length if length > 0 else 1.0
            sigma = tuple(self.balance * unit / (n**2 if n > 0 else 1.0) for n in norms)
            return 1 / (0.55 * unit + len(norms) * self.balance * unit), sigma
        sigma = self.sigma if isinstance(self.sigma, tuple | list) else (self.sigma,) * len(norms)
        if len(sigma) != len(norms):
            raise ConfigError(
                f"CondatVu: there are {len(sigma)} sigmas, expected {len(norms)}. Give one for each block."
            )
        left = 1 / self.tau - sum(s * n**2 for s, n in zip(sigma, norms, strict=True))
        if not left > length / 2:
            raise ConfigError(
                f"CondatVu: 1 / tau - sum sigma_i |K_i|^2 is {left:.6g}, expected more than L / 2 = {length / 2:.6g}. "
                "Lower a step, or leave both out."
            )
        return self.tau, tuple(float(s) for s in sigma)

    def init(self, problem: ThreePartProblem, x0: Tensor | None) -> CondatVuState:
        tau, sigma = self.step_sizes(problem)
        x = problem.start(x0, "CondatVu")
        y = tuple(operator.codomain.zeros(len(x)) for _, operator in problem.blocks)
        kx = y if x0 is None else tuple(operator.forward(x) for _, operator in problem.blocks)
        kty = tuple(torch.zeros_like(x) for _ in y)
        gradient = problem.smooth.gradient(x)
        reference = first_scale(gradient, gradient_scale(problem.smooth, x0))
        return CondatVuState(x, y, kx, kty, gradient, reference, tau, sigma, x, y, kx, gradient, kx)

    def step(self, problem: ThreePartProblem, state: CondatVuState) -> CondatVuState:
        tau, sigma = state.tau, state.sigma
        ahead = tuple(2 * kx - before for kx, before in zip(state.kx, state.kx_before, strict=True))
        y = tuple(
            f_star.prox(y_i + s * z, s)
            for f_star, y_i, s, z in zip(problem.conjugates, state.y, sigma, ahead, strict=True)
        )
        kty = tuple(operator.adjoint(y_i) for (_, operator), y_i in zip(problem.blocks, y, strict=True))
        ascent = functools.reduce(torch.add, kty, state.gradient)
        x = problem.proximable.prox(state.x - tau * ascent, tau)
        kx = tuple(operator.forward(x) for _, operator in problem.blocks)
        size = state.size
        if size is None:
            sizes = data_sizes(problem, tuple(norm(part.detach()) for part in kty), sigma)
            size = functools.reduce(torch.maximum, sizes, torch.zeros_like(state.reference))
        gradient = problem.smooth.gradient(x)
        return CondatVuState(
            x,
            y,
            kx,
            kty,
            gradient,
            state.reference,
            tau,
            sigma,
            state.x,
            state.y,
            state.kx,
            state.gradient,
            ahead,
            size,
        )

    def solution(self, state: CondatVuState) -> Tensor:
        return state.x

    def optimality(self, problem: ThreePartProblem, state: CondatVuState) -> Optimality:
        assert state.size is not None
        p = norm((state.x_before - state.x) / state.tau + state.gradient - state.gradient_before)
        # A step below the spacing of the numbers moves nothing: of the ascent, so much may not have been seen.
        ascent = norm(functools.reduce(torch.add, state.kty, state.gradient))
        p = p + torch.minimum(rounding(state.x) * norm(state.x) / state.tau, ascent)
        # Without blocks h may have nothing to cancel with: then the start says what is small.
        parts = [norm(part) for part in state.kty] or [state.reference]
        parts += dual_floor((state.reference,))
        worst = relative(p, functools.reduce(torch.maximum, parts, norm(state.gradient)))
        moved = tuple(zip(state.y_before, state.ahead, strict=True))
        duals = dual_residuals(problem, state, moved, state.sigma, state.size)
        worst = functools.reduce(torch.maximum, duals, worst)
        return Optimality(worst, torch.ones_like(worst))

    def objective(self, problem: ThreePartProblem, state: CondatVuState) -> Tensor:
        values = [f.value(kx) for (f, _), kx in zip(problem.blocks, state.kx, strict=True)]
        start = problem.smooth.value(state.x) + problem.proximable.value(state.x)
        return functools.reduce(torch.add, values, start)


def as_three_part(objective: Functional, who: str) -> ThreePartProblem:
    """Convex terms whose gradient has a known Lipschitz constant make h; of the rest, c f(K x) are blocks.

    Raises: ConfigError if there is no such term, or another has no proximal map.
    """
    objective, restriction = lifted(objective)
    smooth: list[Functional] = []
    blocks: list[tuple[Proximable, LinearOperator]] = []
    g: Proximable | None = None
    for term in terms_of(objective):
        if isinstance(term, Differentiable) and is_convex(term.convexity()) and term.smoothness() is not None:
            smooth.append(term)
            continue
        weight, inner, operator = split_composition(term)
        if not isinstance(inner, Proximable):
            raise ConfigError(
                f"{who}: term {term!r} has neither a gradient with a known Lipschitz constant nor a proximal map, "
                "expected one of them. Split it into c f(K x)."
            )
        weighted = scale(weight, inner)
        assert isinstance(weighted, Proximable)
        if operator is None and g is None:
            g = weighted
            continue
        if operator is None:
            domain = objective.domain
            if domain is None:
                raise ConfigError(
                    f"{who}: {objective!r} has no operator that says the size of its images. Use core/douglas-rachford."
                )
            operator = Identity(domain.shape[1:], domain.shape[0], domain.dtype, domain.device)
        blocks.append((weighted, operator))
    if not smooth:
        raise ConfigError(
            f"{who}: no term of {objective!r} has a gradient with a known Lipschitz constant, expected one. "
            "Use core/pdhg."
        )
    h = add(*smooth) if len(smooth) > 1 else smooth[0]
    assert isinstance(h, Differentiable)
    conjugates = tuple(f.conjugate for f, _ in blocks)
    return ThreePartProblem(objective, h, tuple(blocks), g or Zero(), conjugates, restriction=restriction)
