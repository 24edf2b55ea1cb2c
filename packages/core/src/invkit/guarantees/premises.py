"""Hypotheses that several theorems share: convexity, smoothness, exact adjoints and proximal maps, existence."""

from __future__ import annotations

from collections.abc import Iterator

from ..claims import ASSUMED, BY_CONSTRUCTION, Basis, find_claim
from ..functionals.algebra import Composition, Scaled, Sum, split_composition, terms_of
from ..functionals.base import Differentiable, Functional, Proximable
from ..functionals.indicators import Ball, Box
from ..functionals.norms import L2, GroupL1, SquaredL2
from ..functionals.zero import Zero
from ..operators.base import LinearOperator
from .rule import Premise


def convex(functional: Functional, name: str) -> Premise:
    """f is convex, as it claims."""
    claim = find_claim(functional.claims(), "convex")
    return Premise(
        statement=f"{name} = {functional!r} is convex",
        holds=claim is not None,
        basis=claim.basis if claim is not None else ASSUMED,
        how=claim.evidence if claim is not None else "it does not claim to be",
        remedy="choose a convex functional, or state its convexity if it is",
    )


def smooth(functional: Differentiable, name: str) -> Premise:
    """The gradient of f is Lipschitz with a known constant."""
    found = functional.smoothness()
    return Premise(
        statement=f"the gradient of {name} is Lipschitz with a known constant L",
        holds=found is not None,
        basis=found.basis if found is not None else ASSUMED,
        value=found.upper if found is not None else None,
        how=found.how if found is not None else "no constant is known",
        remedy="give the functional a smoothness(), or choose a solver that needs none",
    )


def step_below(step_size: float | None, functional: Differentiable, limit: float, *, strict: bool) -> Premise:
    """0 < step size < limit / L, or <= where ``strict`` is False. Without a known L nothing can be compared."""
    lipschitz = functional.smoothness()
    statement = f"the step size lies in (0, {limit:g}/L{')' if strict else ']'}"
    remedy = "leave step_size out, or lower it"
    if lipschitz is None or step_size is None:
        return Premise(
            statement=statement, holds=False, basis=ASSUMED, value=step_size, how="L is not known", remedy=remedy
        )
    bound = limit / lipschitz.upper if lipschitz.upper > 0 else float("inf")
    return Premise(
        statement=statement,
        holds=0 < step_size < bound if strict else 0 < step_size <= bound,
        basis=lipschitz.basis,
        value=step_size,
        bound=bound,
        how=f"L <= {lipschitz.upper:.6g}, {lipschitz.how}",
        remedy=remedy,
    )


def proximable(functional: Proximable, name: str) -> Premise:
    """The proximal map is that of f, as it claims."""
    claim = find_claim(functional.claims(), "prox")
    return Premise(
        statement=f"the proximal map of {name} = {functional!r} is exact",
        holds=claim is not None,
        basis=claim.basis if claim is not None else ASSUMED,
        how=claim.evidence if claim is not None else "",
        remedy="give its proximal map in closed form and claim it",
    )


def exact_adjoints(objective: Functional) -> tuple[Premise, ...]:
    """Every operator inside the objective is linear and comes with its adjoint."""
    return tuple(_exact_adjoint(operator) for operator in dict.fromkeys(operators_of(objective)))


def _exact_adjoint(operator: LinearOperator) -> Premise:
    claims = operator.claims()
    found = [find_claim(claims, name) for name in ("linear", "adjoint")]
    known = [claim for claim in found if claim is not None]
    return Premise(
        statement=f"{operator!r} is linear and its adjoint is exact",
        holds=len(known) == len(found),
        basis=min((claim.basis for claim in known), default=ASSUMED),
        remedy="use an implementation with a matched adjoint",
    )


def operators_of(functional: Functional) -> Iterator[LinearOperator]:
    """The operators K of the terms f(K x)."""
    if isinstance(functional, Sum):
        for term in functional.terms:
            yield from operators_of(term)
    elif isinstance(functional, Scaled):
        yield from operators_of(functional.functional)
    elif isinstance(functional, Composition):
        yield functional.operator
        yield from operators_of(functional.functional)


def has_minimiser(objective: Functional) -> Premise:
    """The objective attains its minimum.

    A sum of c f(K x) does where f is a square, a norm, or an indicator, if x = 0 is feasible or only one term is an
    indicator, and that without an operator: each term is bounded below and constant in each of its directions of
    recession, boxes being polyhedral (Rockafellar, Convex Analysis, 1970, Theorems 27.1 and 27.3). A strongly
    convex functional attains it in one point. Of anything else it is assumed.
    """
    modulus = objective.convexity()
    if modulus:
        return Premise(
            statement="a minimiser exists and is unique",
            holds=True,
            basis=_basis_of_convexity(objective),
            value=modulus,
            how="strongly convex with this modulus",
        )
    known = _is_known_sum(objective)
    return Premise(
        statement="a minimiser exists",
        holds=True,
        basis=BY_CONSTRUCTION if known else ASSUMED,
        how="squares, norms and indicators (Rockafellar 1970, Theorem 27.3)" if known else "assumed",
    )


def has_saddle_point(objective: Functional) -> Premise:
    """The saddle-point problem has a solution: a minimiser exists and a dual one does.

    The dual one exists where every term that is not polyhedral is finite around a feasible point (Rockafellar 1970,
    Corollary 31.2.1), which the terms known to ``has_minimiser`` are: around 0, or everywhere but in one indicator.
    """
    primal = has_minimiser(objective)
    known = _is_known_sum(objective)
    return Premise(
        statement="a saddle point exists",
        holds=True,
        basis=min(primal.basis, BY_CONSTRUCTION) if known else ASSUMED,
        how="squares, norms and indicators (Rockafellar 1970, Theorem 27.3 and Corollary 31.2.1)"
        if known
        else "assumed",
    )


def _basis_of_convexity(functional: Functional) -> Basis:
    claim = find_claim(functional.claims(), "strongly_convex")
    return claim.basis if claim is not None else ASSUMED


def _is_known_sum(objective: Functional) -> bool:
    indicators = []
    for term in terms_of(objective):
        _, inner, operator = split_composition(term)
        while isinstance(inner, Scaled):
            inner = inner.functional
        if type(inner) in (Box, Ball):
            indicators.append((inner, operator))
        elif type(inner) not in (SquaredL2, GroupL1, L2, Zero):
            return False
    alone = len(indicators) == 1 and indicators[0][1] is None
    return alone or all(_contains_zero(inner) for inner, _ in indicators)


def _contains_zero(indicator: Functional) -> bool:
    """Whether 0 is feasible, and for a ball, which is not polyhedral, inside."""
    if isinstance(indicator, Box):
        return indicator.low <= 0 <= indicator.high
    assert isinstance(indicator, Ball)
    return float(indicator.radius) > 0
