"""That a minimiser or a saddle point exists, and that an objective is made of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from ..claims import ASSUMED, BY_CONSTRUCTION
from ..errors import ConfigError
from ..functionals.algebra import Scaled, split_composition, terms_of
from ..functionals.base import Differentiable, Functional, parameters_hold
from ..functionals.huber import Huber
from ..functionals.indicators import Ball, Box
from ..functionals.linfinity import L1Ball, LInfinity
from ..functionals.norms import L2, GroupL1, SquaredL2
from ..functionals.nuclear_norm import NuclearNorm
from ..functionals.on_part import OnPart
from ..functionals.simplex import Simplex
from ..functionals.smoothed_norm import SmoothedNorm
from ..functionals.translation import (
    Translated,
    TranslatedBoth,
    TranslatedDifferentiable,
    TranslatedProximable,
)
from ..functionals.weighted_l1 import WeightedL1
from ..functionals.weighted_squared_l2 import WeightedSquaredL2
from ..functionals.zero import Zero
from ..operators.base import LinearOperator
from ..operators.moving import tensors_of
from .premises import resting_on
from .rule import Premise


def has_minimiser(objective: Functional) -> Premise:
    """The objective attains its minimum.

    A sum of c f(K x) does where f is a square, a norm or a smoothed one, or an indicator, if x = 0 is feasible or only
    one term is an indicator, and that without an operator: each term is bounded below and constant in each of its
    directions of recession, boxes being polyhedral (Rockafellar, Convex Analysis, 1970, Theorems 27.1 and 27.3). A
    strongly convex functional that is finite somewhere attains it in one point, and one that is finite and continuous
    on a compact set and +inf elsewhere attains it there. Of anything else it is assumed.
    """
    modulus = objective.convexity()
    if modulus is not None and modulus > 0 and _is_finite_somewhere(objective):
        premise = Premise(
            statement="a minimiser exists and is unique",
            holds=True,
            basis=BY_CONSTRUCTION,
            value=modulus,
            how="strongly convex with this modulus",
        )
        return resting_on(of_numbers(premise, objective), objective)
    how = "squares, norms and indicators (Rockafellar 1970, Theorem 27.3)" if _is_known_sum(objective) else ""
    how = how or ("finite and continuous on a compact set" if _on_compact_set(objective) else "")
    premise = Premise(
        statement="a minimiser exists",
        holds=True,
        basis=BY_CONSTRUCTION if how else ASSUMED,
        how=how or "assumed",
    )
    return resting_on(of_numbers(premise, objective), objective)


def finite_everywhere(functional: Functional) -> bool:
    """Whether c_i f_i(K_i x) is known to be finite for every x, so that no constraint can exclude its solutions."""
    return all(
        type(inner) in _FINITE or (isinstance(inner, Differentiable) and inner.smoothness() is not None)
        for inner, _ in _parts(functional)
    )


def has_saddle_point(objective: Functional) -> Premise:
    """The saddle-point problem has a solution: a minimiser exists and a dual one does.

    The dual one exists where every term that is not polyhedral is finite around a feasible point (Rockafellar 1970,
    Corollary 31.2.1), which the terms known to ``has_minimiser`` are: around 0, or everywhere but in one indicator.
    """
    known = _is_known_sum(objective) or _on_compact_set(objective)
    premise = Premise(
        statement="a saddle point exists",
        holds=True,
        basis=BY_CONSTRUCTION if known else ASSUMED,
        how="squares, norms and indicators, or finite on a compact set (Rockafellar 1970, Theorem 27.3 and Corollary "
        "31.2.1)"
        if known
        else "assumed",
    )
    return resting_on(of_numbers(premise, objective), objective)


def of_numbers(premise: Premise, objective: Functional) -> Premise:
    """The premise, failing where a tensor of the objective holds what is no number: then no x has a value.

    Bounds of indicators may be infinite, data, weights and operators may not. It fails too where a learned parameter
    has left its range, such as a negative weight: the terms are then not what they are known as.
    """
    if not parameters_hold(objective):
        return replace(
            premise,
            holds=False,
            basis=ASSUMED,
            value=None,
            how=f"a parameter of {objective!r} has left its range since it was given",
            remedy="keep learned weights and smoothing parameters positive, such as by exp",
        )
    broken = next((one for one in _with_tensors(objective) if not _are_numbers(one)), None)
    if broken is None:
        return premise
    return replace(
        premise,
        holds=False,
        basis=ASSUMED,
        value=None,
        how=f"a tensor of {broken!r} holds NaN or infinity",
        remedy="correct the data: where they are missing, leave them out by a mask",
    )


def _with_tensors(objective: Functional) -> Iterator[Functional | LinearOperator]:
    for inner, operator in _parts(objective, at_centre=False):
        yield inner
        if operator is not None:
            yield operator


def _are_numbers(thing: Functional | LinearOperator) -> bool:
    if isinstance(thing, Translated):
        return bool(thing.centre.isfinite().all()) and _are_numbers(thing.functional)
    if isinstance(thing, LinearOperator):
        return _has_norm(thing)
    finite = isinstance(thing, Differentiable) or type(thing) in _FINITE
    return all(bool(t.isfinite().all()) if finite else not bool(t.isnan().any()) for t in tensors_of(thing))


def _has_norm(operator: LinearOperator) -> bool:
    """Whether the operator holds numbers: a norm refuses any other, and is kept, where a stored matrix is long to read.

    Entries so large that the norm overflows are refused with them.
    """
    try:
        return math.isfinite(operator.norm().upper)
    except (ConfigError, ValueError, RuntimeError):  # of an author's own norm too
        return False


def _is_known_sum(objective: Functional) -> bool:
    """Squares, norms and indicators whose sum is finite somewhere."""
    kinds = (type(inner) for inner, _ in _parts(objective))
    return all(kind in (*_FINITE, Box, Ball) for kind in kinds) and _is_finite_somewhere(objective)


def _is_finite_somewhere(objective: Functional) -> bool:
    """At most one term may be infinite, and that somewhere not; or all that may are indicators that contain 0."""
    limited = [
        (inner, operator)
        for inner, operator in _parts(objective)
        if type(inner) not in _FINITE and not (isinstance(inner, Differentiable) and inner.smoothness() is not None)
    ]
    alone = len(limited) == 1 and limited[0][1] is None
    return alone or all(_contains_zero(inner) for inner, _ in limited)


def _parts(objective: Functional, *, at_centre: bool = True) -> Iterator[tuple[Functional, LinearOperator | None]]:
    """f and K of each term c f(K x); of f(K x - d) with f in ``_FINITE`` too, unless not ``at_centre``.

    Another centre changes neither where f is finite, nor its bound, nor its directions of recession.
    """
    for term in terms_of(objective):
        _, inner, operator = split_composition(term)
        while isinstance(inner, Scaled | OnPart):
            inner = inner.functional
        if at_centre and isinstance(inner, Translated) and type(inner) in _TRANSLATED:
            inner = inner.functional if type(inner.functional) in _FINITE else inner
        yield inner, operator


def has_constants_of_its_kind(objective: Functional) -> bool:
    """Whether every f of the terms c f(K x) has constants that no data changes: a norm, a square or a set of images."""
    weighted = (WeightedSquaredL2, WeightedL1)
    kinds = [kind for kind in _FINITE if kind not in weighted] + [Box, Ball, L1Ball, Simplex]
    return all(type(inner) in kinds for inner, _ in _parts(objective))


def _on_compact_set(objective: Functional) -> bool:
    """One term is the indicator of a bounded set of images, and every other one finite, and so continuous.

    Such a set is closed, and not empty while its parameters hold (see ``of_numbers``).
    """
    limited = [term for term in terms_of(objective) if not finite_everywhere(term)]
    return len(limited) == 1 and _is_bounded(limited[0])


def _is_bounded(term: Functional) -> bool:
    while isinstance(term, Scaled):  # 0 times an indicator is that indicator
        term = term.functional
    if type(term) is Box:
        return all(bool(torch.as_tensor(bound).isfinite().all()) for bound in (term.low, term.high))
    return type(term) in (Ball, L1Ball, Simplex)


def _contains_zero(indicator: Functional) -> bool:
    """Whether 0 is known to be feasible, and for a ball, which is not polyhedral, inside."""
    if type(indicator) is Box:
        low, high = torch.as_tensor(indicator.low), torch.as_tensor(indicator.high)
        return bool((low <= 0).all()) and bool((high >= 0).all())
    return type(indicator) is Ball and float(indicator.radius) > 0


#: Finite everywhere, bounded below, and constant along each direction in which they do not grow.
_FINITE = (SquaredL2, WeightedSquaredL2, GroupL1, WeightedL1, L2, LInfinity, NuclearNorm, Huber, SmoothedNorm, Zero)
_TRANSLATED = (Translated, TranslatedDifferentiable, TranslatedProximable, TranslatedBoth)
