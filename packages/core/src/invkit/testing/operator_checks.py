"""What operators claim: linearity, adjoint, norm interval, structure, derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..measures import (
    Measurement,
    adjoint_mismatch,
    isometry_error,
    jvp_error,
    linearity_error,
    norm_interval_error,
    normal_error,
    pseudo_inverse_error,
    self_adjointness_error,
    semidefiniteness_gap,
    unitarity_error,
    vjp_error,
)
from ..measures.adjoint_mismatch import adjoint_mismatch_at
from ..measures.jvp import jvp_error_at
from ..measures.linearity import linearity_error_at
from ..measures.operator_norm import norm_interval_error_at
from ..measures.shortcuts import normal_error_at, pseudo_inverse_error_at
from ..measures.structure import (
    isometry_error_at,
    self_adjointness_error_at,
    semidefiniteness_gap_at,
    unitarity_error_at,
)
from ..measures.vjp import vjp_error_at
from ..operators.base import HasGram, HasPseudoInverse
from .cases import Example
from .check import Check, Context, Evaluate, Skip


def _adjoint(example: Example, context: Context) -> Measurement:
    return adjoint_mismatch(example.subject, generator=context.generator())


def _linear(example: Example, context: Context) -> Measurement:
    return linearity_error(example.subject.forward, example.domain, generator=context.generator())


def _norm(example: Example, context: Context) -> Measurement:
    if context.claim is not None:
        stated, interval = context.claim.params, example.subject.norm()
        if not stated["lower"] <= interval.lower <= interval.upper <= stated["upper"]:
            raise Skip(f"norm() is [{interval.lower:.6g}, {interval.upper:.6g}], and only that is measured")
    return norm_interval_error(example.subject, generator=context.generator())


def _vjp(example: Example, context: Context) -> Measurement:
    return vjp_error(example.subject, generator=context.generator())


def _jvp(example: Example, context: Context) -> Measurement:
    return jvp_error(example.subject, generator=context.generator())


def _normal(example: Example, context: Context) -> Measurement:
    return normal_error(example.subject, generator=context.generator())


def _pseudo_inverse(example: Example, context: Context) -> Measurement:
    return pseudo_inverse_error(example.subject, generator=context.generator())


def _structure(measure: Callable[..., Measurement], *, square: bool) -> Callable[[Example, Context], Measurement]:
    def run(example: Example, context: Context) -> Measurement:
        operator = example.subject
        if square and operator.domain != operator.codomain:
            raise Skip(f"codomain is {operator.codomain.shape}, not the domain {operator.domain.shape}")
        return measure(operator, generator=context.generator())

    return run


def _at(evaluate: Callable[..., float]) -> Evaluate:
    """That function of the operator, at the tensors and numbers of a counterexample."""

    def at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
        return evaluate(example.subject, **found)

    return at


def _linear_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return linearity_error_at(example.subject.forward, **found)


_KIND = ("operator",)

OPERATOR_CHECKS: tuple[Check, ...] = (
    Check(
        name="linearity",
        kinds=_KIND,
        concerns="linear",
        measure=_linear,
        at=_linear_at,
        summary="A(ax + bz) = a Ax + b Az.",
    ),
    Check(
        name="adjoint",
        kinds=_KIND,
        concerns="adjoint",
        measure=_adjoint,
        at=_at(adjoint_mismatch_at),
        summary="<Ax, y> = <x, A*y>.",
    ),
    Check(
        name="norm-interval",
        kinds=_KIND,
        concerns="norm_bound",
        measure=_norm,
        at=_at(norm_interval_error_at),
        summary="lower <= |A| <= upper.",
    ),
    Check(
        name="self-adjoint",
        kinds=_KIND,
        concerns="self_adjoint",
        measure=_structure(self_adjointness_error, square=True),
        at=_at(self_adjointness_error_at),
        summary="<Ax, z> = <x, Az>.",
    ),
    Check(
        name="positive-semidefinite",
        kinds=_KIND,
        concerns="positive_semidefinite",
        measure=_structure(semidefiniteness_gap, square=True),
        at=_at(semidefiniteness_gap_at),
        summary="<Ax, x> >= 0.",
    ),
    Check(
        name="isometric",
        kinds=_KIND,
        concerns="isometric",
        measure=_structure(isometry_error, square=False),
        at=_at(isometry_error_at),
        summary="|Ax| = |x|.",
    ),
    Check(
        name="unitary",
        kinds=_KIND,
        concerns="unitary",
        measure=_structure(unitarity_error, square=False),
        at=_at(unitarity_error_at),
        summary="A*A = AA* = id.",
    ),
    Check(
        name="derivative",
        kinds=_KIND,
        concerns="differentiable",
        measure=_vjp,
        at=_at(vjp_error_at),
        summary="torch's derivative of forward is vjp.",
    ),
    Check(
        name="jacobian-product",
        kinds=_KIND,
        concerns="differentiable",
        measure=_jvp,
        at=_at(jvp_error_at),
        summary="jvp belongs to torch's derivative of forward: Re<F'(x)v, z> = Re<v, F'(x)*z>.",
    ),
    Check(
        name="normal",
        kinds=_KIND,
        needs=HasGram,
        measure=_normal,
        at=_at(normal_error_at),
        summary="The shortcut to A*A agrees with A and A*.",
    ),
    Check(
        name="pseudo-inverse",
        kinds=_KIND,
        needs=HasPseudoInverse,
        measure=_pseudo_inverse,
        at=_at(pseudo_inverse_error_at),
        summary="The four conditions of Penrose.",
    ),
)
