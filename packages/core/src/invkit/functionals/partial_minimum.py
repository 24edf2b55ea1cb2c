"""Functionals that are themselves a minimum over further unknowns, and how solvers take them apart."""

from __future__ import annotations

import abc

from ..errors import ConfigError
from ..operators.restriction import Restriction
from .algebra import Composition, Scaled, add, compose, scale, split_composition, terms_of
from .base import Differentiable, Functional, Proximable
from .on_part import OnPart


class PartialMinimum(Functional):
    """f(x) = min F(u) over the u with R u = x.

    Solvers minimise F(u) + g(R u) over u at once instead of the nested f + g: see ``lifted``.
    """

    @property
    @abc.abstractmethod
    def joint(self) -> Functional:
        """F, a sum of terms c f(K u) that solvers can sort."""

    @property
    @abc.abstractmethod
    def restriction(self) -> Restriction:
        """R, with R R* = id."""


def lifted(objective: Functional) -> tuple[Functional, Restriction | None]:
    """The objective over all unknowns, and R that takes the image out of them; itself and None if there is nothing to.

    c f + g becomes u -> c F(u) + g(R u), the terms in their order.

    Raises: ConfigError if more than one term is a partial minimum, or one stands behind an operator.
    """
    found = [term for term in terms_of(objective) if _partial(term) is not None]
    if not found:
        return objective, None
    if len(found) > 1:
        raise ConfigError(
            f"objective: there are {len(found)} terms with unknowns of their own ({', '.join(map(repr, found))}), "
            "expected at most 1. Keep one of them."
        )
    if split_composition(found[0])[2] is not None:
        raise ConfigError(
            f"objective: term {found[0]!r} stands behind an operator, expected one of the image itself. "
            "Build it for the domain of the objective."
        )
    partial = _partial(found[0])
    assert partial is not None
    restriction = partial.restriction
    terms = (
        scale(split_composition(term)[0], partial.joint) if term is found[0] else _on_image(term, restriction)
        for term in terms_of(objective)
    )
    return add(*terms), restriction


def _on_image(term: Functional, restriction: Restriction) -> Functional:
    """u -> g(R u); an indicator keeps its projection, so that what a solver returns lies in the set."""
    if isinstance(term, Proximable) and not isinstance(term, Differentiable):
        return OnPart(term, restriction)
    return compose(term, restriction)


def _partial(term: Functional) -> PartialMinimum | None:
    """The partial minimum inside c f or c f(K x)."""
    while isinstance(term, Scaled | Composition):
        term = term.functional
    return term if isinstance(term, PartialMinimum) else None
