"""The form of problem that ADMM splits: quadratics, and functions of K x with a copy each; its exact Fourier solve."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.algebra import Scaled, scale, split_composition, terms_of
from ...functionals.base import Functional, Proximable
from ...functionals.norms import SquaredL2
from ...functionals.partial_minimum import lifted
from ...operators.base import LinearOperator
from ...operators.capabilities.fourier_symbol import gram_symbol
from ...operators.identity import Identity
from ...operators.space import real_dtype, rounding
from ..problems import Problem
from .free_edges import periodic_form


@dataclass(frozen=True, eq=False)
class Quadratic:
    """(weight / 2) |K x - centre|^2; centre None is zero."""

    weight: float | Tensor
    operator: LinearOperator
    centre: Tensor | None


@dataclass(frozen=True, eq=False)
class SplitProblem(Problem):
    """minimise sum_q quadratic_q(x) + sum_i f_i(K_i x), with f_i proximable.

    free: whether f_i leaves the last differences of K_i free; see ``free_edges``.
    symbols: s with K*K = F* diag(s) F for every quadratic and then every block; None where one has none.
    """

    quadratics: tuple[Quadratic, ...]
    blocks: tuple[tuple[Proximable, LinearOperator], ...]
    free: tuple[bool, ...]
    symbols: tuple[Tensor, ...] | None


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
    symbols = _symbols(quadratics, blocks)
    free = [False] * len(blocks)
    if symbols is None:
        periodic = [periodic_form(f, k) for f, k in blocks]
        replaced = [(f, k if p is None else p) for (f, k), p in zip(blocks, periodic, strict=True)]
        symbols = _symbols(quadratics, replaced)
        if symbols is not None:
            blocks, free = replaced, [p is not None for p in periodic]
    return SplitProblem(objective, tuple(quadratics), tuple(blocks), tuple(free), symbols, restriction=restriction)


def _symbols(quadratics: list[Quadratic], blocks: list[tuple[Proximable, LinearOperator]]) -> tuple[Tensor, ...] | None:
    found = []
    for operator in [q.operator for q in quadratics] + [k for _, k in blocks]:
        symbol = gram_symbol(operator)
        if symbol is None:
            return None
        found.append(symbol.to(real_dtype(operator.domain.dtype)))
    return tuple(found)


def held_by_precision(q: Tensor, r: Tensor, floor: float) -> tuple[float, float]:
    """(l, h): for l < s < h every entry of q + s r >= 0 is zero or above floor * (max q + s max r); (1, 1) if none is.

    An entry less its floor is linear in s, so that each one bounds s from one side.
    """
    seen = q + r > 0
    a, b = (q - floor * q.max())[seen], (r - floor * r.max())[seen]
    if bool(((a <= 0) & (b <= 0)).any()):
        return 1.0, 1.0
    rising, falling = (a < 0) & (b > 0), b < 0
    lowest = float((-a[rising] / b[rising]).max()) if bool(rising.any()) else 0.0
    highest = float((-a[falling] / b[falling]).min()) if bool(falling.any()) else float("inf")
    return lowest, highest


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
