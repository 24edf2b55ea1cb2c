"""The data term of a variational model and what is added to it, as the theorems of this room read them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ....claims import ASSUMED, BY_CONSTRUCTION, MEASURED, Basis
from ....errors import InvkitError
from ....functionals.algebra import add, scale, split_composition
from ....functionals.base import Differentiable, Functional, as_float
from ....functionals.data_fidelity import least_squares, weighted_least_squares
from ....functionals.indicators import Box
from ....functionals.norms import SquaredL2
from ....functionals.weighted_squared_l2 import WeightedSquaredL2
from ....functionals.zero import Zero
from ....models.variational import Variational
from ....operators.base import LinearOperator
from ...premises import convex
from ...pure_functions import sees_only_its_arguments
from ...rule import Hypothesis, Premise, Setting
from .._numbers import at_least, at_most


@dataclass(frozen=True, eq=False)
class Squared:
    """(scale/2) |W^(1/2) (A x - y)|^2; the bounds are of the weights."""

    fit: Differentiable
    scale: float
    least: float
    largest: float
    weights: Tensor | None


def about_a_variational_model(setting: Setting) -> bool:
    return isinstance(setting.subject, Variational) and setting.problem is not None and setting.operator is not None


def the_model(setting: Setting) -> Variational:
    assert isinstance(setting.subject, Variational)
    return setting.subject


def squared(setting: Setting) -> Squared | None:
    """The data term at the measurement of the setting; None if it has another form."""
    assert setting.operator is not None
    assert setting.y is not None
    return _squared(the_model(setting), setting.operator, setting.y)


def _squared(model: Variational, operator: LinearOperator, y: Tensor) -> Squared | None:
    try:
        fit = model.data_fidelity(operator, y)
    except InvkitError:  # one that takes counts only, say
        return None
    weight, inner, inside = split_composition(fit)
    if inside is not operator or not isinstance(fit, Differentiable) or not 0 <= as_float(weight) < torch.inf:
        return None
    if type(inner) is SquaredL2 and _is(inner.centre, y):
        return Squared(fit, as_float(weight), 1.0, 1.0, None)
    if type(inner) is WeightedSquaredL2 and _is(inner.centre, y) and inner.weights.numel():
        weights = inner.weights.detach()
        return Squared(fit, as_float(weight), float(weights.min()), float(weights.max()), weights)
    return None


def _is(centre: Tensor | None, y: Tensor) -> bool:
    return centre is y or (centre is not None and centre.shape == y.shape and torch.equal(centre, y))


def rest(setting: Setting) -> Functional:
    """weight * R and the constraint, what the objective adds to the data term."""
    model, operator = the_model(setting), setting.operator
    assert operator is not None
    terms: list[Functional] = []
    if model.regulariser is not None:
        terms.append(scale(model.weight, model.regulariser(operator.domain)))
    if model.nonnegative:
        terms.append(Box(0.0))
    return add(*terms) if len(terms) > 1 else (terms[0] if terms else Zero())


def _form(setting: Setting) -> Premise:
    found = squared(setting)
    basis = _same_for_every_measurement(setting, found)
    name = getattr(the_model(setting).data_fidelity, "__name__", repr(the_model(setting).data_fidelity))
    return Premise(
        statement="the data term is (c/2) |W^(1/2) (A x - y)|^2, with the same c >= 0 and W >= 0 for every y",
        holds=found is not None and basis is not None,
        basis=basis if basis is not None else ASSUMED,
        value=None if found is None else found.scale,
        how=f"{name}; c, weights in [{at_least(found.least)}, {at_most(found.largest)}]" if found is not None else name,
        remedy="choose data_fidelity='least-squares', or weighted_least_squares with weights that do not depend on y",
    )


def _same_for_every_measurement(setting: Setting, found: Squared | None) -> Basis | None:
    """How it is known that y enters as the centre alone: by the function, or by looking at two other measurements."""
    given = the_model(setting).data_fidelity
    operator = setting.operator
    if found is None or operator is None:
        return None
    if given is least_squares or (isinstance(given, functools.partial) and given.func is weighted_least_squares):
        return BY_CONSTRUCTION
    generator = torch.Generator().manual_seed(0)
    for size in (1.0, 37.0):
        y = size * operator.codomain.randn(max(len(setting.y), 1) if setting.y is not None else 1, generator=generator)
        other = _squared(the_model(setting), operator, y)
        if other is None or other.scale != found.scale or (other.weights is None) != (found.weights is None):
            return None
        if other.weights is not None and found.weights is not None and not torch.equal(other.weights, found.weights):
            return None
    return MEASURED


def _alone(setting: Setting) -> Premise:
    model = the_model(setting)
    pure = model.regulariser is None or sees_only_its_arguments(model.regulariser)
    built = "R is built from the domain alone"
    if not pure:
        name = getattr(model.regulariser, "__name__", type(model.regulariser).__name__)
        built = f"assumed of {name}, which may look at more than the domain"
    return Premise(
        statement="the objective is that data term + weight * R, and y enters nowhere else",
        holds=type(model) is Variational,
        basis=BY_CONSTRUCTION if pure else ASSUMED,
        how=built if type(model) is Variational else "a subclass may pose another problem",
        remedy="pose it as invkit.models.Variational itself, with a weight that does not depend on y and a regulariser "
        "that is one of invkit.functionals, functools.partial of it, or written of those and numbers",
    )


SQUARED_DATA_TERM = Hypothesis(
    statement="the data term is (c/2) |W^(1/2) (A x - y)|^2, with the same c >= 0 and W >= 0 for every y",
    concerns=("form", "data"),
    evaluate=_form,
)
Y_ENTERS_ONCE = Hypothesis(
    statement="the objective is that data term + weight * R, and y enters nowhere else",
    concerns=("form", "data"),
    evaluate=_alone,
)
CONVEX_REST = Hypothesis(
    statement="weight * R is convex, with the constraint if there is one",
    concerns=("convex",),
    evaluate=lambda s: convex(rest(s), "weight * R"),
)
