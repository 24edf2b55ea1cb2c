"""Whether what an object knows of its own entries is true of them: theorems and solvers take it as it stands."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functionals.base import HasHessianDiagonal
from ..operators.base import HasGramDiagonal, LinearOperator
from ..operators.capabilities.absolute_sums import HasAbsoluteSums
from ..operators.capabilities.fourier_symbol import HasFourierSymbol
from ..operators.capabilities.subsets import subsets
from ..operators.capabilities.views import HasSubsets
from ..operators.space import Space, real_dtype
from .measurement import Measurement, Worst, length, ratio, tolerance, wide
from .operator_norm import MAX_DENSE, dense_matrix, norm_interval_error

#: So many columns or rows of a large operator are looked at, drawn at random.
_DRAWN = 64

#: Subsets of this many views each, or fewer if there are fewer views.
_SUBSETS = 3


@torch.no_grad()
def absolute_sums_error(operator: HasAbsoluteSums) -> Measurement:
    """max over columns and rows of | sum |A_ji| - stated | / max sum, for an operator that is written out."""
    worst = Worst(100 * tolerance(operator.domain.dtype))
    for side in ("columns", "rows"):
        worst.offer(absolute_sums_error_at(operator, side), f"sums of {side}", side=side)
    return worst.measurement()


@torch.no_grad()
def absolute_sums_error_at(operator: HasAbsoluteSums, side: str) -> float:
    """The error for the columns, or for the rows."""
    columns = side == "columns"
    space = operator.domain if columns else operator.codomain
    stated = operator._absolute_sums()[0 if columns else 1]
    if stated.is_complex() or tuple(stated.shape) != (1, *space.shape):
        return float("inf")
    exact = dense_matrix(operator).abs().sum(0 if columns else 1)
    return _farthest(wide(stated).flatten(), exact)


@torch.no_grad()
def gram_diagonal_error(operator: HasGramDiagonal, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max over some columns of | sum_j w_j |A_ji|^2 - stated | / max, for random weights w of one and two images."""
    worst = Worst(100 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        places = torch.randperm(operator.domain.size, generator=generator, device=generator.device)[:_DRAWN]
        weights = _weights(operator, 1 + trial % 2, generator)
        where = f"trial {trial}, weights of {len(weights)} images"
        worst.offer(gram_diagonal_error_at(operator, weights, places), where, weights=weights, places=places)
    return worst.measurement()


@torch.no_grad()
def gram_diagonal_error_at(operator: HasGramDiagonal, weights: Tensor, places: Tensor) -> float:
    """The error for one batch of weights at those columns."""
    places = places.to(operator.domain.device)
    stated = operator._gram_diagonal(weights)
    if stated.is_complex() or tuple(stated.shape) != (len(weights), *operator.domain.shape):
        return float("inf")
    squares = wide(operator.forward(_units(operator.domain, places))).flatten(1).abs().square()
    exact = wide(weights).flatten(1) @ squares.mT
    return _farthest(wide(stated).flatten(1)[:, places], exact)


@torch.no_grad()
def fourier_symbol_error(operator: HasFourierSymbol, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |A*A x - F* s F x| / |A*A x|; no trials where the operator states no symbol."""
    worst = Worst(100 * tolerance(operator.domain.dtype))
    if operator._gram_symbol() is None:
        return worst.measurement()
    for trial in range(trials):
        x = operator.domain.randn(generator=generator)
        worst.offer(fourier_symbol_error_at(operator, x), f"trial {trial}", x=x)
    return worst.measurement()


@torch.no_grad()
def fourier_symbol_error_at(operator: HasFourierSymbol, x: Tensor) -> float:
    """The error for one image; infinite for a symbol that is not real, or negative."""
    symbol = operator._gram_symbol()
    if symbol is None:
        return 0.0
    if symbol.is_complex() or not bool((symbol >= 0).all()):
        return float("inf")
    axes = tuple(range(2, x.ndim))
    product = torch.fft.ifftn(wide(symbol) * torch.fft.fftn(wide(x), dim=axes), dim=axes)
    exact = wide(operator.adjoint(operator.forward(x)))
    found = product if x.is_complex() else product.real
    return ratio(length(found - exact), length(exact)) if length(exact) > 0 else ratio(length(found), length(x))


@torch.no_grad()
def subsets_error(operator: HasSubsets, *, generator: torch.Generator) -> Measurement:
    """The worst over every axis of views, in up to three subsets: |A_i x - R_i A x| and |A_i* z - A* R_i* z|, relative;
    a view that no subset selects, or two; an interval that misses |A_i|.
    """
    worst = Worst(100 * tolerance(operator.domain.dtype))
    for axis in operator.view_axes:
        count = min(_SUBSETS, operator._num_views(axis))
        x, y = operator.domain.randn(generator=generator), operator.codomain.randn(generator=generator)
        for case in ("selection", "forward", "adjoint", *(("norm",) if operator.domain.size <= MAX_DENSE else ())):
            error = subsets_error_at(operator, case, axis, count, x, y)
            where = f"{case}, {count} subsets along axis {axis}"
            worst.offer(error, where, case=case, axis=axis, count=count, x=x, y=y)
    return worst.measurement()


@torch.no_grad()
def subsets_error_at(operator: HasSubsets, case: str, axis: float, count: float, x: Tensor, y: Tensor) -> float:
    """The worst over the subsets of one kind of error."""
    parts = subsets(operator, int(count), int(axis))
    if case == "selection":
        whole = sum((restriction.adjoint(restriction.forward(y)) for _, restriction in parts), torch.zeros_like(y))
        return ratio(length(whole - y), length(y))
    if case == "norm":
        return max(max(_norm_error(part) - 1.0, 0.0) for part, _ in parts)
    errors = []
    for part, restriction in parts:
        if case == "forward":
            found, exact = part.forward(x), restriction.forward(operator.forward(x))
        else:
            z = restriction.forward(y)
            found, exact = part.adjoint(z), operator.adjoint(restriction.adjoint(z))
        errors.append(float("inf") if found.shape != exact.shape else ratio(length(found - exact), length(exact)))
    return max(errors)


@torch.no_grad()
def hessian_diagonal_error(
    functional: HasHessianDiagonal, space: Space, *, generator: torch.Generator, trials: int = 3
) -> Measurement:
    """max over some places of |<e_i, H(x) e_i> - stated| / max, at images of sizes 0.1, 1 and 10, and positive ones."""
    worst = Worst(1e3 * tolerance(space.dtype))
    for trial in range(trials):
        size = 10.0 ** (trial % 3 - 1)
        places = torch.randperm(space.size, generator=generator, device=generator.device)[:_DRAWN]
        noise = size * space.randn(generator=generator)
        for name, x in (("white noise", noise), ("positive noise", noise.abs())):
            error = hessian_diagonal_error_at(functional, x, places)
            worst.offer(error, f"{name} of size {size:g}", x=x, places=places)
    return worst.measurement()


@torch.no_grad()
def hessian_diagonal_error_at(functional: HasHessianDiagonal, x: Tensor, places: Tensor) -> float:
    """The error at one real image in those places; where the Hessian is infinite the two need only agree on that."""
    places = places.to(x.device)
    stated = functional._hessian_diagonal(x).expand_as(x).flatten(1)[0, places]
    units = _units(Space(tuple(x.shape[1:]), x.dtype, x.device), places)
    products = functional.hessian_vector(x.expand_as(units).contiguous(), units).flatten(1)
    exact = wide(products[torch.arange(len(places), device=x.device), places])
    if not torch.equal(stated.isfinite(), exact.isfinite()) or bool((stated < 0).any()):
        return float("inf")
    finite = exact.isfinite()
    return _farthest(wide(stated)[finite], exact[finite])


def _norm_error(part: LinearOperator) -> float:
    return norm_interval_error(part, generator=torch.Generator().manual_seed(0), num_steps=20).value


def _weights(operator: LinearOperator, batch: int, generator: torch.Generator) -> Tensor:
    space = operator.codomain
    real = Space(space.shape, real_dtype(space.dtype), space.device)
    return 0.1 + real.randn(batch, generator=generator).abs()


def _units(space: Space, places: Tensor) -> Tensor:
    """Unit images at those places, as one batch."""
    units = torch.zeros((len(places), space.size), dtype=space.dtype, device=space.device)
    units[torch.arange(len(places), device=space.device), places] = 1
    return units.reshape(len(places), *space.shape)


def _farthest(found: Tensor, exact: Tensor) -> float:
    """max |found - exact| / max |exact|; not-a-number if either has one. What is below 1e-35 single precision loses."""
    if not exact.numel():
        return 0.0
    apart = float((found - exact).abs().max())
    lost = 1e3 * torch.finfo(torch.float32).tiny
    return ratio(0.0 if apart <= lost and float(exact.abs().max()) <= lost else apart, float(exact.abs().max()))
