"""What functionals claim: convexity, gradient, smoothness, proximal map; of f, and of c f and f* as solvers use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..functionals.algebra import Composition, Scaled, Sum, scale
from ..functionals.base import Differentiable, Functional, Proximable
from ..measures import (
    Measurement,
    conjugate_gap,
    convexity_gap,
    gradient_error,
    hessian_error,
    prox_gap,
    smoothness_ratio,
)
from ..measures.conjugate import conjugate_gap_at
from ..measures.convexity import convexity_gap_at
from ..measures.gradient import gradient_error_at, hessian_error_at
from ..measures.hessian_lipschitz import hessian_lipschitz_ratio, hessian_lipschitz_ratio_at
from ..measures.prox_gap import prox_gap_at
from ..measures.smoothness import smoothness_ratio_at
from ..operators.space import Space
from .cases import Example
from .check import Check, Context, Skip

#: A weight that is neither 1 nor a power of two, so that one that is dropped or applied twice shows.
_WEIGHT = 0.7


def _convex(example: Example, context: Context) -> Measurement:
    return convexity_gap(example.subject, example.domain, generator=context.generator())


def _strongly_convex(example: Example, context: Context) -> Measurement:
    claim = context.claim_of(example.subject, "strongly_convex")
    if claim is None:
        raise Skip("the instance states no modulus")
    modulus = claim.params["modulus"]
    return convexity_gap(example.subject, example.domain, generator=context.generator(), modulus=modulus)


def _smooth(example: Example, context: Context) -> Measurement:
    claim = context.claim_of(example.subject, "smooth")
    if claim is None or not isinstance(example.subject, Differentiable):
        raise Skip("the instance states no constant")
    return smoothness_ratio(example.subject, example.domain, claim.params["constant"], generator=context.generator())


def _gradient(example: Example, context: Context) -> Measurement:
    found = []
    for weight in (1.0, _WEIGHT):
        f = _weighted(example.subject, weight)
        found.append(_with(gradient_error(f, example.domain, generator=context.generator()), weight=weight))
    return _worst_of(found)


def _bending(example: Example, context: Context) -> Measurement:
    functional = _differentiable(example.subject)
    constant = functional.hessian_lipschitz()
    if constant is None:
        raise Skip("it states no Lipschitz constant of its Hessian")
    return hessian_lipschitz_ratio(functional, example.domain, constant, generator=context.generator())


def _bending_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    # The constant as it is stated today; none is stated any more: nothing is left to refute.
    constant = _differentiable(example.subject).hessian_lipschitz()
    return 0.0 if constant is None else hessian_lipschitz_ratio_at(example.subject, **{**found, "constant": constant})


def _hessian(example: Example, context: Context) -> Measurement:
    return hessian_error(_differentiable(example.subject), example.domain, generator=context.generator())


def _prox(example: Example, context: Context) -> Measurement:
    def measure(f: Proximable, space: Space) -> Measurement:
        return prox_gap(f, space, generator=context.generator())

    return _over_parts(example, measure, conjugates=True)


def _conjugate(example: Example, context: Context) -> Measurement:
    return _over_parts(
        example, lambda f, space: conjugate_gap(f, space, generator=context.generator()), conjugates=False
    )


def _weighted(functional: Functional, weight: float) -> Differentiable:
    return _differentiable(functional if weight == 1 else scale(weight, functional))


def _differentiable(functional: Functional) -> Differentiable:
    if not isinstance(functional, Differentiable):
        raise Skip(f"{functional!r} has no gradient")
    return functional


def _over_parts(
    example: Example, measure: Callable[[Proximable, Space], Measurement], *, conjugates: bool
) -> Measurement:
    """The worst over f and c f of every proximable part, and over their conjugates."""
    found = []
    for i, (part, space) in enumerate(proximable_parts(example.subject, example.domain)):
        for name, variant in _variants(part, conjugates=conjugates).items():
            if not isinstance(variant, Proximable):
                raise Skip(f"{variant!r} has no proximal map")
            measurement = _with(measure(variant, space), part=i, variant=name)
            found.append(replace(measurement, where=f"{name} with f = {part!r}: {measurement.where}"))
    if not found:
        raise Skip("no part of it has a proximal map")
    return _worst_of(found)


def _variants(part: Proximable, *, conjugates: bool) -> dict[str, Functional]:
    variants: dict[str, Functional] = {"f": part, f"{_WEIGHT} f": scale(_WEIGHT, part)}
    if conjugates:
        variants |= {f"({name})*": f.conjugate for name, f in variants.items() if isinstance(f, Proximable)}
    return variants


def _variant(example: Example, found: Mapping[str, Any], *, conjugates: bool) -> tuple[Proximable, dict[str, Any]]:
    """The part that a counterexample is about, and the rest of the counterexample."""
    rest = dict(found)
    parts = [part for part, _ in proximable_parts(example.subject, example.domain)]
    variant = _variants(parts[int(rest.pop("part"))], conjugates=conjugates)[rest.pop("variant")]
    assert isinstance(variant, Proximable)
    return variant, rest


def _with(measurement: Measurement, **settings: str | float) -> Measurement:
    """The measurement, with more settings in its counterexample if it has one."""
    if not measurement.counterexample:
        return measurement
    return replace(measurement, counterexample={**measurement.counterexample, **settings})


def proximable_parts(functional: Functional, space: Space) -> Iterator[tuple[Proximable, Space]]:
    """The proximable functionals inside f, each with the space of its argument: f itself, or the f_i of f_i(K_i x)."""
    if isinstance(functional, Proximable):
        yield functional, space
    elif isinstance(functional, Sum):
        for term in functional.terms:
            yield from proximable_parts(term, space)
    elif isinstance(functional, Scaled):
        yield from proximable_parts(functional.functional, space)
    elif isinstance(functional, Composition):
        yield from proximable_parts(functional.functional, functional.operator.codomain)


def _worst_of(measurements: Iterable[Measurement]) -> Measurement:
    """The one that is furthest beyond its bound, with the trials of all."""
    found = list(measurements)
    worst = max(found, key=lambda m: (not m.passed, m.value - m.bound))
    return replace(worst, trials=sum(m.trials for m in found))


def _convex_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    gap = convexity_gap_at(example.subject, **found)
    return 0.0 if gap is None else gap


def _smooth_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return smoothness_ratio_at(example.subject, **found)


def _gradient_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    rest = dict(found)
    return gradient_error_at(_weighted(example.subject, rest.pop("weight")), **rest)


def _hessian_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    return hessian_error_at(example.subject, **found)


def _prox_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    functional, rest = _variant(example, found, conjugates=True)
    return prox_gap_at(functional, **rest)


def _conjugate_at(example: Example, context: Context, found: Mapping[str, Any]) -> float:
    functional, rest = _variant(example, found, conjugates=False)
    return conjugate_gap_at(functional, **rest)


_KIND = ("regulariser",)

FUNCTIONAL_CHECKS: tuple[Check, ...] = (
    Check(
        name="convexity",
        kinds=_KIND,
        concerns="convex",
        measure=_convex,
        at=_convex_at,
        summary="f lies below its chords.",
    ),
    Check(
        name="strong-convexity",
        kinds=_KIND,
        concerns="strongly_convex",
        measure=_strongly_convex,
        at=_convex_at,
        summary="f - (m/2)|.|^2 lies below its chords.",
    ),
    Check(
        name="gradient",
        kinds=_KIND,
        concerns="differentiable",
        measure=_gradient,
        at=_gradient_at,
        summary="Central differences.",
    ),
    Check(
        name="hessian",
        kinds=_KIND,
        concerns="differentiable",
        measure=_hessian,
        at=_hessian_at,
        summary="Central differences of the gradient.",
    ),
    Check(
        name="hessian-lipschitz",
        kinds=_KIND,
        concerns="twice_differentiable",
        measure=_bending,
        at=_bending_at,
        summary="The Hessian is M-Lipschitz, and jumps nowhere.",
    ),
    Check(
        name="smoothness",
        kinds=_KIND,
        concerns="smooth",
        measure=_smooth,
        at=_smooth_at,
        summary="The gradient is L-Lipschitz.",
    ),
    Check(
        name="prox",
        kinds=_KIND,
        concerns="prox",
        always=True,
        measure=_prox,
        at=_prox_at,
        summary="No probe has a lower objective than prox(v, tau); for f, c f and their conjugates.",
    ),
    Check(
        name="conjugate",
        kinds=_KIND,
        measure=_conjugate,
        at=_conjugate_at,
        summary="Fenchel and Young, with equality at subgradients.",
    ),
)
