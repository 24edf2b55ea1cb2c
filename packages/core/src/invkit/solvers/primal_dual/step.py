"""What the primal-dual methods share: the step, its residual, and which term stands without an operator."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Proximable
from ...functionals.norms import QuadraticConjugate
from ...functionals.zero import Zero
from ...operators.base import LinearOperator
from ...operators.identity import Identity
from ...operators.space import add_scaled, norm, per_image, rounding
from ..base import Optimality
from ..problems import SaddleProblem

#: A number, one for each image (batch,), or one for each element of a batch of one.
Step = float | Tensor


class HasBlocks(Protocol):
    """A problem with terms f_i(K_i x)."""

    @property
    def blocks(self) -> tuple[tuple[Proximable, LinearOperator], ...]: ...


class SaddlePoint(Protocol):
    """A state that knows x and y_i, and beside them K_i x and K_i* y_i."""

    @property
    def x(self) -> Tensor: ...
    @property
    def y(self) -> tuple[Tensor, ...]: ...
    @property
    def kx(self) -> tuple[Tensor, ...]: ...
    @property
    def kty(self) -> tuple[Tensor, ...]: ...


#: The share of the first |K_i* y_i| below which they are no longer what residuals are compared with.
_FLOOR = 1e-2


@dataclass(frozen=True)
class PrimalDualState:
    """x and the duals y_i with K_i x and K_i* y_i, and the step that led here: from where, and how long it was.

    ahead: the K_i z of that step, with z the extrapolated image.   tau, sigma: its lengths; before the first step,
    those that it will have.   first: the |K_i* y_i| after the first step, and size how large images then seem to be.
    gamma: the modulus by which a method changes its steps, kept here so that no step asks the device for it.
    """

    x: Tensor
    y: tuple[Tensor, ...]
    kx: tuple[Tensor, ...]
    kty: tuple[Tensor, ...]
    tau: Tensor
    sigma: tuple[Tensor, ...]
    x_before: Tensor
    y_before: tuple[Tensor, ...]
    kx_before: tuple[Tensor, ...]
    ahead: tuple[Tensor, ...]
    first: tuple[Tensor, ...] | None = None
    size: Tensor | None = None
    gamma: Tensor | None = None


def start(
    problem: SaddleProblem,
    x0: Tensor | None,
    tau: Tensor | float,
    sigma: tuple[Tensor | float, ...],
    who: str,
    *,
    gamma: float | None = None,
) -> PrimalDualState:
    """Duals at zero; numbers become one for each image."""
    x = problem.start(x0, who)
    duals = tuple(operator.codomain.zeros(len(x)) for _, operator in problem.blocks)
    kx = duals if x0 is None else tuple(operator.forward(x) for _, operator in problem.blocks)
    kty = tuple(torch.zeros_like(x) for _ in duals)
    sigmas = tuple(each_image(s, x) for s in sigma)
    modulus = None if gamma is None else each_image(gamma, x)
    return PrimalDualState(x, duals, kx, kty, each_image(tau, x), sigmas, x, duals, kx, kx, gamma=modulus)


def each_image(value: float | Tensor, x: Tensor) -> Tensor:
    """A number as a tensor (batch,), in float64; a tensor as it is."""
    if isinstance(value, Tensor):
        return value
    return torch.full((len(x),), value, dtype=torch.float64, device=x.device)


def primal_dual_step(
    problem: SaddleProblem, state: PrimalDualState, tau: Tensor, sigma: tuple[Tensor, ...], theta: Tensor | float
) -> PrimalDualState:
    """With z = x + theta (x - x_before),

        y_i <- prox of sigma_i f_i* at y_i + sigma_i K_i z;      x <- prox_g(x - tau sum_i K_i* y_i, tau).

    One K and one K*: K z is K x + theta (K x - K x_before).
    """
    ahead = tuple(_ahead(kx, before, theta) for kx, before in zip(state.kx, state.kx_before, strict=True))
    y = tuple(
        f_star.prox(add_scaled(y_i, s, z), s)
        for f_star, y_i, s, z in zip(problem.conjugates, state.y, sigma, ahead, strict=True)
    )
    kty = tuple(operator.adjoint(y_i) for (_, operator), y_i in zip(problem.blocks, y, strict=True))
    x = problem.proximable.prox(add_scaled(state.x, -tau, functools.reduce(torch.add, kty)), tau)
    kx = tuple(operator.forward(x) for _, operator in problem.blocks)
    first, size = state.first, state.size
    if first is None:
        first = tuple(norm(part.detach()) for part in kty)
        size = functools.reduce(torch.maximum, data_sizes(problem, first, sigma))
    return PrimalDualState(x, y, kx, kty, tau, sigma, state.x, state.y, state.kx, ahead, first, size, state.gamma)


def _ahead(kx: Tensor, before: Tensor, theta: float | Tensor) -> Tensor:
    """K x + theta (K x - K x_before)."""
    if not isinstance(theta, Tensor):
        return torch.sub((1 + theta) * kx, before, alpha=theta)
    return add_scaled(kx, theta, kx - before)


def data_sizes(problem: HasBlocks, first: tuple[Tensor, ...], sigma: tuple[Step, ...]) -> list[Tensor]:
    """|K_i* d_i| / |K_i|^2 for data d_i, read off the first step: how large images are, before there is one."""
    return [
        part * (1 + 1 / _smallest(s)) / max(operator.norm().upper ** 2, 1e-300)
        for part, s, (_, operator) in zip(first, sigma, problem.blocks, strict=True)
    ]


def step_optimality(problem: SaddleProblem, state: PrimalDualState) -> Optimality:
    """``saddle_optimality`` of the step that led to a state."""
    assert state.first is not None
    assert state.size is not None
    moved = tuple(zip(state.y_before, state.ahead, strict=True))
    return saddle_optimality(problem, state, state.x_before, moved, state.tau, state.sigma, state.first, state.size)


def saddle_optimality(
    problem: SaddleProblem,
    state: SaddlePoint,
    x_before: Tensor,
    moved: tuple[tuple[Tensor, Tensor], ...],
    tau: Step,
    sigma: tuple[Step, ...],
    first: tuple[Tensor, ...],
    size: Tensor,
) -> Optimality:
    """The larger of |p| / max_i |K_i* y_i| and max_i |d_i| / |K_i x|; scale 1.

    p = (x_before - x) / tau in dg(x) + sum K_i* y_i, and d_i = (y_before - y) / sigma_i + K_i z - K_i x in
    df_i*(y_i) - K_i x, with the pairs (y_before, K_i z) in ``moved``: nothing is applied.
    """
    # A step below the spacing of the numbers moves nothing: of each ascent, so much may not have been seen.
    eps = rounding(state.x)
    parts = [norm(part) for part in state.kty]
    ascent = norm(functools.reduce(torch.add, state.kty))
    p = over(state.x - x_before, tau) + torch.minimum(eps * over(state.x, tau), ascent)
    if len(parts) == 1 and type(problem.proximable) is Zero:
        parts = list(first)  # nothing cancels: p is the one part itself, and is compared with the first
    worst = relative(p, functools.reduce(torch.maximum, parts + dual_floor(first)))
    worst = functools.reduce(torch.maximum, dual_residuals(problem, state, moved, sigma, size), worst)
    return Optimality(worst, torch.ones_like(worst))


def dual_floor(first: tuple[Tensor, ...]) -> list[Tensor]:
    """Duals that vanish at the solution, as with a weight of zero, say nothing of what is small; those at first do."""
    return [_FLOOR * part for part in first]


def dual_residuals(
    problem: HasBlocks,
    state: SaddlePoint,
    moved: tuple[tuple[Tensor, Tensor], ...],
    sigma: tuple[Step, ...],
    size: Tensor,
) -> list[Tensor]:
    """|d_i| / |K_i x| of each block; see ``saddle_optimality``."""
    eps = rounding(state.x)
    size_of_x = torch.maximum(size, norm(state.x))
    found = []
    for i, ((_, operator), (y_before, ahead)) in enumerate(zip(problem.blocks, moved, strict=True)):
        y, s = state.y[i], sigma[i]
        d = (y_before - y) / per_image(s, y) + ahead - state.kx[i]
        unseen = torch.minimum(eps * over(y, s), norm(ahead))
        # A constant image has no gradient to compare with, a zero image nothing: the size of images stands in.
        length = torch.maximum(norm(state.kx[i]), 1e-3 * operator.norm().upper * size_of_x)
        found.append(relative(norm(d) + unseen, length))
    return found


def saddle_objective(problem: SaddleProblem, state: SaddlePoint) -> Tensor:
    """sum_i f_i(K_i x) + g(x), without an operator call."""
    values = [f.value(kx) for (f, _), kx in zip(problem.blocks, state.kx, strict=True)]
    return functools.reduce(torch.add, values, problem.proximable.value(state.x))


def over(x: Tensor, step: Step) -> Tensor:
    """|x / step|, (batch,)."""
    if isinstance(step, Tensor) and step.ndim > 1:
        return norm(x / step)
    return norm(x) / step


def relative(size: Tensor, scale: Tensor) -> Tensor:
    """size / scale; 0 where the size is."""
    ratio = size / scale.clamp_min(torch.finfo(scale.dtype).tiny)
    # Before the first dual has moved the scale is zero: that is far from a solution, but no overflow.
    ratio = torch.where(size < torch.inf, ratio.clamp_max(torch.finfo(ratio.dtype).max), ratio)
    return torch.where(size == 0, torch.zeros_like(ratio), ratio)


def unit_of_data(problem: SaddleProblem) -> tuple[float, list[float]]:
    """c = |K_i|^2 of the first quadratic block (1 without one), and all |K_i|, with 1 for a block that is zero.

    sigma_i = b c / |K_i|^2 and tau = 1 / (m b c) make the iteration independent of units, whatever b is.
    """
    norms = [operator.norm().upper for _, operator in problem.blocks]
    safe = [n if n > 0 else 1.0 for n in norms]
    quadratic = [n for n, f in zip(safe, problem.conjugates, strict=True) if isinstance(f, QuadraticConjugate)]
    return (quadratic[0] ** 2 if quadratic else 1.0), safe


def with_strongly_convex_g(problem: SaddleProblem, who: str) -> tuple[SaddleProblem, float]:
    """The problem with its most strongly convex term without an operator (or with K = id) as g, and the modulus.

    Raises: ConfigError if there is none.
    """
    places = [i for i, (_, operator) in enumerate(problem.blocks) if type(operator) is Identity]
    moduli = {i: problem.blocks[i][0].convexity() or 0.0 for i in places}
    best = max(moduli, key=lambda i: moduli[i], default=None)
    modulus = problem.proximable.convexity() or 0.0
    if best is not None and moduli[best] > modulus and _splits(problem):
        problem, modulus = _exchanged(problem, best), moduli[best]
    if not modulus > 0:
        raise ConfigError(
            f"{who}: no term without an operator has a modulus of strong convexity > 0 in {problem.objective!r}, "
            "expected one such as c * SquaredL2(y). Use core/pdhg."
        )
    return problem, modulus


def _splits(problem: SaddleProblem) -> bool:
    """Whether a block is left when one becomes g."""
    return len(problem.blocks) > 1 or type(problem.proximable) is not Zero


def _exchanged(problem: SaddleProblem, place: int) -> SaddleProblem:
    g, identity = problem.blocks[place]
    rest: list[tuple[Proximable, LinearOperator]] = [block for i, block in enumerate(problem.blocks) if i != place]
    if type(problem.proximable) is not Zero:
        rest.insert(place, (problem.proximable, identity))
    blocks = tuple(rest)
    return replace(problem, blocks=blocks, proximable=g, conjugates=tuple(f.conjugate for f, _ in blocks))


def _smallest(step: Step) -> Step:
    return step.amin() if isinstance(step, Tensor) and step.ndim > 1 else step
