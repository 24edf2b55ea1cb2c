"""What theorems and solvers take from an object as it stands: sums of entries, symbols, views, curvature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..functionals.base import HasHessianDiagonal
from ..measures.capabilities import (
    absolute_sums_error,
    absolute_sums_error_at,
    fourier_symbol_error,
    fourier_symbol_error_at,
    gram_diagonal_error,
    gram_diagonal_error_at,
    hessian_diagonal_error,
    hessian_diagonal_error_at,
    subsets_error,
    subsets_error_at,
)
from ..measures.measurement import Measurement
from ..measures.operator_norm import MAX_DENSE
from ..operators.base import HasGramDiagonal
from ..operators.capabilities.absolute_sums import HasAbsoluteSums
from ..operators.capabilities.fourier_symbol import HasFourierSymbol
from ..operators.capabilities.views import HasSubsets
from .cases import Example
from .check import Check, Context, Evaluate, Skip


def _sums(example: Example, context: Context) -> Measurement:
    if example.subject.domain.size > MAX_DENSE:
        raise Skip(f"it has {example.subject.domain.size} columns, more than the {MAX_DENSE} that are written out")
    return absolute_sums_error(example.subject)


def _symbol(example: Example, context: Context) -> Measurement:
    if example.subject._gram_symbol() is None:
        raise Skip("this instance states no symbol")
    return fourier_symbol_error(example.subject, generator=context.generator())


def _gram(example: Example, context: Context) -> Measurement:
    return gram_diagonal_error(example.subject, generator=context.generator())


def _subsets(example: Example, context: Context) -> Measurement:
    return subsets_error(example.subject, generator=context.generator())


def _hessian(example: Example, context: Context) -> Measurement:
    if example.domain.is_complex:
        raise Skip("for complex images any number beside the diagonal will do")
    return hessian_diagonal_error(example.subject, example.domain, generator=context.generator())


def _at(evaluate: Callable[..., float]) -> Evaluate:
    def at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
        return evaluate(example.subject, **found)

    return at


CAPABILITY_CHECKS: tuple[Check, ...] = (
    Check(
        name="absolute-sums",
        kinds=("operator",),
        needs=HasAbsoluteSums,
        measure=_sums,
        at=_at(absolute_sums_error_at),
        summary="The sums of |A_ji| by column and by row are those of the matrix.",
    ),
    Check(
        name="gram-diagonal",
        kinds=("operator",),
        needs=HasGramDiagonal,
        measure=_gram,
        at=_at(gram_diagonal_error_at),
        summary="The diagonal of A* W A is that of the matrix.",
    ),
    Check(
        name="fourier-symbol",
        kinds=("operator",),
        needs=HasFourierSymbol,
        measure=_symbol,
        at=_at(fourier_symbol_error_at),
        summary="A*A = F* diag(s) F.",
    ),
    Check(
        name="subsets",
        kinds=("operator",),
        needs=HasSubsets,
        measure=_subsets,
        at=_at(subsets_error_at),
        summary="Each subset of views is A restricted to them, and together they are all.",
    ),
    Check(
        name="hessian-diagonal",
        kinds=("regulariser",),
        needs=HasHessianDiagonal,
        measure=_hessian,
        at=_at(hessian_diagonal_error_at),
        summary="The diagonal of the Hessian is that of its products with unit images.",
    ),
)
