"""What functionals claim: convexity, gradient, smoothness, proximal map; of f, and of c f and f* as solvers use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ..claims import find_claim
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
from ..operators.space import Space
from .cases import Example
from .check import Check, Context, Skip

#: A weight that is neither 1 nor a power of two, so that one that is dropped or applied twice shows.
_WEIGHT = 0.7


def _convex(example: Example, context: Context) -> Measurement:
    return convexity_gap(example.subject, example.domain, generator=context.generator())


def _strongly_convex(example: Example, context: Context) -> Measurement:
    claim = find_claim(example.subject.claims(), "strongly_convex")
    if claim is None:
        raise Skip("the instance states no modulus")
    modulus = claim.params["modulus"]
    return convexity_gap(example.subject, example.domain, generator=context.generator(), modulus=modulus)


def _smooth(example: Example, context: Context) -> Measurement:
    claim = find_claim(example.subject.claims(), "smooth")
    if claim is None or not isinstance(example.subject, Differentiable):
        raise Skip("the instance states no constant")
    return smoothness_ratio(example.subject, example.domain, claim.params["constant"], generator=context.generator())


def _gradient(example: Example, context: Context) -> Measurement:
    return _worst_of(
        gradient_error(_differentiable(f), space, generator=context.generator())
        for f, space in ((example.subject, example.domain), (scale(_WEIGHT, example.subject), example.domain))
    )


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


def _differentiable(functional: Functional) -> Differentiable:
    if not isinstance(functional, Differentiable):
        raise Skip(f"{functional!r} has no gradient")
    return functional


def _over_parts(
    example: Example, measure: Callable[[Proximable, Space], Measurement], *, conjugates: bool
) -> Measurement:
    """The worst over f and c f of every proximable part, and over their conjugates."""
    found = []
    for part, space in proximable_parts(example.subject, example.domain):
        variants = {"f": part, f"{_WEIGHT} f": scale(_WEIGHT, part)}
        if conjugates:
            variants |= {f"({name})*": f.conjugate for name, f in variants.items() if isinstance(f, Proximable)}
        for name, variant in variants.items():
            if not isinstance(variant, Proximable):
                raise Skip(f"{variant!r} has no proximal map")
            measurement = measure(variant, space)
            found.append(replace(measurement, where=f"{name} with f = {part!r}: {measurement.where}"))
    if not found:
        raise Skip("no part of it has a proximal map")
    return _worst_of(found)


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


def _worst_of(measurements: object) -> Measurement:
    """The one that is furthest beyond its bound, with the trials of all."""
    found = list(measurements)  # type: ignore[call-overload]
    worst = max(found, key=lambda m: (not m.passed, m.value - m.bound))
    return replace(worst, trials=sum(m.trials for m in found))


_KIND = ("regulariser",)

FUNCTIONAL_CHECKS: tuple[Check, ...] = (
    Check(name="convexity", kinds=_KIND, concerns="convex", measure=_convex, summary="f lies below its chords."),
    Check(
        name="strong-convexity",
        kinds=_KIND,
        concerns="strongly_convex",
        measure=_strongly_convex,
        summary="f - (m/2)|.|^2 lies below its chords.",
    ),
    Check(name="gradient", kinds=_KIND, concerns="differentiable", measure=_gradient, summary="Central differences."),
    Check(
        name="hessian",
        kinds=_KIND,
        concerns="differentiable",
        measure=_hessian,
        summary="Central differences of the gradient.",
    ),
    Check(name="smoothness", kinds=_KIND, concerns="smooth", measure=_smooth, summary="The gradient is L-Lipschitz."),
    Check(
        name="prox",
        kinds=_KIND,
        concerns="prox",
        always=True,
        measure=_prox,
        summary="No probe has a lower objective than prox(v, tau); for f, c f and their conjugates.",
    ),
    Check(
        name="conjugate",
        kinds=_KIND,
        measure=_conjugate,
        summary="Fenchel and Young, with equality at subgradients.",
    ),
)
