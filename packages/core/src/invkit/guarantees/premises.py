"""Hypotheses that several theorems share: convexity, smoothness, exact adjoints and proximal maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..claims import ASSUMED, find_claim
from ..derivations.numbers import at_most
from ..functionals.algebra import Composition, Scaled, Sum
from ..functionals.base import Differentiable, Functional, Proximable
from ..operators.base import LinearOperator
from ..operators.moving import basis_of, silent_classes
from .rule import Premise


def resting_on(premise: Premise, *things: Any) -> Premise:
    """The premise, no stronger than its objects state; where that weakens it, it names them and what would help."""
    if not premise.holds:
        return premise
    basis = min((premise.basis, *(basis_of(thing) for thing in things)))
    names = ", ".join(cls.__qualname__.rpartition(".")[2] for cls in silent_classes(tuple(things)))
    if not names:
        return replace(premise, basis=basis, remedy="")
    return replace(
        premise,
        basis=basis,
        how="; ".join(filter(None, (premise.how, f"{names} does not state that it is by construction"))),
        remedy=f"the author of {names} would state it in the class: basis: ClassVar[Basis] = BY_CONSTRUCTION",
    )


def convex(functional: Functional, name: str) -> Premise:
    """f is convex, as it claims."""
    claim = find_claim(functional.claims(), "convex")
    premise = Premise(
        statement=f"{name} = {functional!r} is convex",
        holds=claim is not None,
        basis=claim.basis if claim is not None else ASSUMED,
        how=claim.evidence if claim is not None else "it does not claim to be",
        remedy="choose a convex functional, or let its convexity() return 0.0 or a modulus if it is",
    )
    return resting_on(premise, functional)


def strongly_convex(functional: Functional, name: str) -> Premise:
    """f is strongly convex with the modulus that it claims."""
    claim = find_claim(functional.claims(), "strongly_convex")
    premise = Premise(
        statement=f"{name} = {functional!r} is strongly convex",
        holds=claim is not None,
        basis=claim.basis if claim is not None else ASSUMED,
        value=float(claim.params["modulus"]) if claim is not None else 0.0,
        how="modulus" if claim is not None else "no positive modulus is known",
        remedy="add a square with a positive weight, such as 1e-3 * SquaredL2()",
    )
    return resting_on(premise, functional)


def smooth(functional: Differentiable, name: str) -> Premise:
    """The gradient of f is Lipschitz with a known constant."""
    found = functional.smoothness()
    premise = Premise(
        statement=f"the gradient of {name} is Lipschitz with a known constant L",
        holds=found is not None,
        basis=found.basis if found is not None else ASSUMED,
        value=found.upper if found is not None else None,
        how=found.how if found is not None else "no constant is known",
        remedy="give the functional a smoothness(), or choose a solver that needs none",
    )
    return resting_on(premise, functional)


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
    premise = Premise(
        statement=statement,
        holds=0 < step_size < bound if strict else 0 < step_size <= bound,
        basis=lipschitz.basis,
        value=step_size,
        bound=bound,
        how=f"L <= {at_most(lipschitz.upper)}, {lipschitz.how}",
        remedy=remedy,
    )
    return resting_on(premise, functional)


def proximable(functional: Proximable, name: str, conjugate: Proximable | None = None) -> Premise:
    """The proximal map is that of f, as it claims; with the conjugate, where it is that whose map is applied."""
    applied = (functional,) if conjugate is None else (functional, conjugate)
    found = [find_claim(one.claims(), "prox") for one in applied]
    known = [claim for claim in found if claim is not None]
    premise = Premise(
        statement=f"the proximal map of {name} = {functional!r} is exact",
        holds=len(known) == len(found),
        basis=min((claim.basis for claim in known), default=ASSUMED),
        how="; ".join(dict.fromkeys(claim.evidence for claim in known if claim.evidence)),
        remedy="give its proximal map in closed form and claim it",
    )
    return resting_on(premise, *applied)


def bounded_norm(operator: LinearOperator, index: int) -> Premise:
    """|K| has a known upper bound."""
    interval = operator.norm()
    premise = Premise(
        statement=f"|K_{index}| is bounded, K_{index} = {operator!r}",
        holds=True,
        basis=interval.basis,
        value=interval.upper,
        how=interval.how,
    )
    return resting_on(premise, operator)


def exact_adjoints(objective: Functional) -> tuple[Premise, ...]:
    """Every operator inside the objective is linear and comes with its adjoint."""
    return tuple(_exact_adjoint(operator) for operator in dict.fromkeys(operators_of(objective)))


def _exact_adjoint(operator: LinearOperator) -> Premise:
    claims = operator.claims()
    found = [find_claim(claims, name) for name in ("linear", "adjoint")]
    known = [claim for claim in found if claim is not None]
    premise = Premise(
        statement=f"{operator!r} is linear and its adjoint is exact",
        holds=len(known) == len(found),
        basis=min((claim.basis for claim in known), default=ASSUMED),
        remedy="use an implementation with a matched adjoint",
    )
    return resting_on(premise, operator)


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
