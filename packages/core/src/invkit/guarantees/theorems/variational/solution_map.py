"""The minimiser is a differentiable function of the data and the parameters."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....functionals.algebra import (
    CompositionDifferentiable,
    ScaledBoth,
    ScaledDifferentiable,
    SumDifferentiable,
)
from ....functionals.base import Functional
from ....functionals.data_fidelity import least_squares, smooth_kullback_leibler, weighted_least_squares
from ....functionals.norms import SquaredL2
from ....functionals.smooth_kullback_leibler import SmoothKullbackLeibler
from ....functionals.smoothed_norm import SmoothedNorm
from ....functionals.translation import TranslatedBoth, TranslatedDifferentiable
from ....functionals.weighted_squared_l2 import WeightedSquaredL2
from ....functionals.zero import Zero
from ....models.variational import Variational
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting
from .._numbers import at_most
from ._smooth_objective import STRONGLY_CONVEX_OBJECTIVE, TWICE_DIFFERENTIABLE, about_an_objective

#: Their gradients are continuously differentiable in every tensor that they were built from, together with x.
_KNOWN = (SquaredL2, WeightedSquaredL2, SmoothedNorm, SmoothKullbackLeibler, Zero)
_OF_PARTS = (
    SumDifferentiable, ScaledDifferentiable, ScaledBoth, CompositionDifferentiable, TranslatedDifferentiable,
    TranslatedBoth,
)  # fmt: skip
_FITS = (least_squares, weighted_least_squares, smooth_kullback_leibler)


def _leaves(f: Functional) -> Iterator[Functional]:
    if type(f) not in _OF_PARTS:
        yield f
        return
    inner = getattr(f, "terms", None) or (getattr(f, "functional"),)  # noqa: B009
    for part in inner:
        yield from _leaves(part)


def _smooth_in_data(setting: Setting) -> Premise:
    unknown = [type(leaf).__name__ for leaf in _leaves(setting.objective) if type(leaf) not in _KNOWN]
    model = setting.subject
    if isinstance(model, Variational):
        given = model.data_fidelity
        fit = given.func if isinstance(given, functools.partial) else given
        unknown += [] if fit in _FITS else [getattr(fit, "__name__", type(fit).__name__)]
    return Premise(
        statement="the gradient of f is continuously differentiable in (x, y, theta)",
        holds=True,
        basis=ASSUMED if unknown else BY_CONSTRUCTION,
        how=f"assumed of {', '.join(unknown)}"
        if unknown
        else "y: the data; theta: weights, centres and smoothing parameters of the functionals",
        remedy="use the functionals and data fidelities of the core" if unknown else "",
    )


def _conclusion(setting: Setting) -> Conclusion:
    modulus = setting.objective.convexity()
    assert modulus
    return Conclusion(
        statement="the minimiser is a continuously differentiable function of y and theta: du*/dtheta = -H^(-1) "
        f"(d/dtheta gradient f), |H^(-1)| <= {at_most(1 / modulus)}",
        value=modulus,
        lower=True,
        how="modulus of f",
        part="the minimiser as a function of y and theta",
    )


DIFFERENTIABLE_SOLUTION_MAP = Rule(
    name="differentiable-solution-map",
    statement="the minimiser of a strongly convex function with a continuous Hessian is a continuously differentiable "
    "function of its data and parameters",
    formula="(y, theta) -> u* = argmin f(., y, theta) is C1, du*/dtheta = -H(u*)^(-1) d/dtheta gradient f(u*)",
    source="dissertation, section 1.2.3, eq. 1.4; Krantz, Parks (2002), The Implicit Function Theorem",
    about=about_an_objective,
    premises=(
        STRONGLY_CONVEX_OBJECTIVE,
        TWICE_DIFFERENTIABLE,
        Hypothesis(
            statement="the gradient of f is continuously differentiable in (x, y, theta)",
            concerns=("differentiable", "data", "parameter"),
            evaluate=_smooth_in_data,
        ),
        EXACT_ADJOINTS,
    ),
    concludes="differentiable",
    conclude=_conclusion,
    further=True,
)
