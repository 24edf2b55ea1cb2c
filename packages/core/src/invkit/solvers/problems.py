"""The forms of problem that solvers solve, and how a sum of functionals is sorted into each.

smooth       minimise f(x)                              f differentiable
composite    minimise f(x) + g(x)                       f differentiable, g proximable
saddle       minimise sum_i f_i(K_i x) + g(x)           f_i and g proximable, K_i linear
linear       solve H x = b                              H self-adjoint, positive semidefinite
"""

from __future__ import annotations

import functools
import operator as python_operator
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from ..functionals.affine import AffineSet
from ..functionals.algebra import Scaled, Sum, add, scale, split_composition, terms_of
from ..functionals.base import Differentiable, Functional, Proximable
from ..functionals.data_fidelity import check_measurement
from ..functionals.kullback_leibler import KullbackLeibler
from ..functionals.norms import SquaredL2
from ..functionals.partial_minimum import lifted
from ..functionals.smooth_kullback_leibler import SmoothKullbackLeibler
from ..functionals.translation import Translated
from ..functionals.weighted_squared_l2 import WeightedSquaredL2
from ..functionals.zero import Zero
from ..operators.base import LinearOperator
from ..operators.identity import Identity
from ..operators.space import Space
from ..operators.weighted_normal import WeightedNormal


@dataclass(frozen=True, eq=False)
class Problem:
    """What every form knows: the objective it came from.

    restriction: where the objective has unknowns beside the image (TGV has vector fields), what takes the image out of
        them all; None where the unknown is the image.
    """

    objective: Functional
    restriction: LinearOperator | None = field(default=None, kw_only=True)

    def image(self, u: Tensor) -> Tensor:
        """The image in the unknown."""
        return u if self.restriction is None else self.restriction.forward(u)

    def start(self, x0: Tensor | None, who: str) -> Tensor:
        """A checked copy-free starting point: x0, or zeros if the objective says of which shape.

        Raises: ShapeError if x0 does not fit, or is needed and missing; DataError if it is not finite.
        """
        domain, batch = self.objective.domain, batch_of(self.objective)
        if x0 is not None and self.restriction is not None and x0.shape[1:] == self.restriction.codomain.shape:
            x0 = self.restriction.adjoint(x0)  # the image where it belongs, zero in the other unknowns
        if x0 is None:
            if domain is None or batch is None:
                raise ShapeError(
                    f"{who}: x0 is None, expected a starting image. The objective does not say how many images of "
                    "which shape it has: pass x0."
                )
            return domain.zeros(batch)
        if domain is not None:
            domain.check(x0, f"{who}: x0")
        check_measurement(x0, f"{who}: x0")
        if batch is not None and len(x0) != batch:
            raise ShapeError(
                f"{who}: x0 has {len(x0)} images, expected {batch} as the measurement has. Give each its own start."
            )
        return x0


@dataclass(frozen=True, eq=False)
class SmoothProblem(Problem):
    """minimise f(x)."""

    smooth: Differentiable


@dataclass(frozen=True, eq=False)
class CompositeProblem(Problem):
    """minimise f(x) + g(x)."""

    smooth: Differentiable
    proximable: Proximable


@dataclass(frozen=True, eq=False)
class SaddleProblem(Problem):
    """minimise sum_i f_i(K_i x) + g(x), with f_i in ``blocks`` beside its K_i, and the conjugates f_i*."""

    blocks: tuple[tuple[Proximable, LinearOperator], ...]
    proximable: Proximable
    conjugates: tuple[Proximable, ...]


@dataclass(frozen=True, eq=False)
class LinearProblem(Problem):
    """solve H x = b; the minimiser of the quadratic objective."""

    operator: LinearOperator
    rhs: Tensor


def as_smooth(objective: Functional, who: str) -> SmoothProblem:
    """Raises: ConfigError if a term has no gradient."""
    objective, restriction = lifted(objective)
    for term in terms_of(objective):
        if not isinstance(term, Differentiable):
            raise ConfigError(
                f"{who}: term {term!r} has no gradient, expected a differentiable one. "
                "Use core/fista if it has a proximal map, core/pdhg if it is a norm of K x."
            )
    assert isinstance(objective, Differentiable)
    return SmoothProblem(objective, objective, restriction=restriction)


def as_composite(objective: Functional, who: str) -> CompositeProblem:
    """Differentiable terms make f; what is left must be one proximable term.

    Raises: ConfigError if a term is neither, or more than one is only proximable.
    """
    objective, restriction = lifted(objective)
    smooth = [term for term in terms_of(objective) if isinstance(term, Differentiable)]
    rest = [term for term in terms_of(objective) if not isinstance(term, Differentiable)]
    for term in rest:
        if not isinstance(term, Proximable):
            raise ConfigError(
                f"{who}: term {term!r} has neither a gradient nor a proximal map in closed form. "
                "Use core/pdhg, which takes the norm and the operator apart, or core/h1 instead of core/tv."
            )
    if len(rest) > 1:
        raise ConfigError(
            f"{who}: there are {len(rest)} terms without a gradient ({', '.join(map(repr, rest))}), "
            "expected at most 1. Use core/pdhg, which takes any number."
        )
    f = add(*smooth) if len(smooth) > 1 else (smooth[0] if smooth else Zero())
    g = rest[0] if rest else Zero()
    assert isinstance(f, Differentiable)
    assert isinstance(g, Proximable)
    return CompositeProblem(objective, f, g, restriction=restriction)


def as_saddle(objective: Functional, who: str) -> SaddleProblem:
    """Terms f(K x) become blocks; the first proximable term without an operator becomes g, others blocks with K = id.

    Raises: ConfigError if a term, or the f of a term f(K x), has no proximal map; or no term has an operator.
    """
    objective, restriction = lifted(objective)
    blocks: list[tuple[Proximable, LinearOperator]] = []
    g: Proximable | None = None
    for term in terms_of(objective):
        weight, inner, operator = split_composition(term)
        if not isinstance(inner, Proximable):
            raise ConfigError(
                f"{who}: term {term!r} has no proximal map in closed form, expected c f(K x) with a proximable f. "
                "Split it, or use core/gradient-descent if every term is differentiable."
            )
        weighted = scale(weight, inner)
        assert isinstance(weighted, Proximable)
        if operator is not None:
            blocks.append((weighted, operator))
        elif g is None:
            g = weighted
        elif objective.domain is not None:
            blocks.append((weighted, _identity(objective.domain)))
        else:
            raise ConfigError(f"{who}: {objective!r} has no operator that says the size of its images. Use core/fista.")
    if not blocks:
        raise ConfigError(f"{who}: {objective!r} has no term f(K x), expected at least one. Use core/fista.")
    conjugates = tuple(f.conjugate for f, _ in blocks)
    return SaddleProblem(objective, tuple(blocks), g or Zero(), conjugates, restriction=restriction)


def as_linear(objective: Functional, who: str) -> LinearProblem:
    """H = sum_i c_i K_i* W_i K_i and b = sum_i c_i K_i* W_i d_i of the objective sum_i (c_i / 2) |K_i x - d_i|_{W_i}^2.

    Raises: ConfigError if a term is not such a square.
    """
    objective, restriction = lifted(objective)
    operators: list[LinearOperator] = []
    parts: list[Tensor] = []
    for term in terms_of(objective):
        weight, inner, operator = split_composition(term)
        if isinstance(inner, Scaled):
            weight, inner = weight * inner.weight, inner.functional
        if not (type(inner) is SquaredL2 or type(inner) is WeightedSquaredL2):  # another class may have other values
            raise ConfigError(
                f"{who}: term {term!r} is not quadratic, expected (c/2) |K x - d|^2. Use core/fista or core/pdhg."
            )
        if operator is None and objective.domain is None:
            raise ConfigError(f"{who}: {objective!r} has no operator that says the size of its images. Use core/fista.")
        k = operator if operator is not None else _identity(objective.domain)  # type: ignore[arg-type]
        weights = inner.weights if type(inner) is WeightedSquaredL2 else None
        operators.append(weight * (k.normal() if weights is None else WeightedNormal(k, weights)))
        if inner.centre is not None:
            parts.append(weight * k.adjoint(inner.centre if weights is None else weights * inner.centre))
    normal = functools.reduce(python_operator.add, operators)
    if not parts:
        parts.append(normal.domain.zeros(1))
    return LinearProblem(objective, normal, functools.reduce(torch.add, parts), restriction=restriction)


def batch_of(thing: object) -> int | None:
    """How many images the data inside a functional have; None if it has none. Data of one image serve any number.

    Raises: ShapeError if two of them differ.
    """
    found = sorted({batch for batch in _batches(thing) if batch != 1})
    if len(found) > 1:
        raise ShapeError(
            f"objective: its terms have data of {found[0]} and of {found[1]} images, expected one number of images. "
            "Give every term data for the same images, or for one."
        )
    return found[0] if found else (1 if any(True for _ in _batches(thing)) else None)


def _batches(thing: object) -> Iterator[int]:
    data: Tensor | None = None
    if isinstance(thing, SquaredL2 | WeightedSquaredL2 | Translated):
        data = thing.centre
    elif isinstance(thing, KullbackLeibler | SmoothKullbackLeibler):
        data = thing.y
    elif isinstance(thing, AffineSet):
        data = thing.rhs
    if data is not None:
        yield len(data)
    for term in thing.terms if isinstance(thing, Sum) else ():
        yield from _batches(term)
    inner = getattr(thing, "functional", None)
    if inner is not None:
        yield from _batches(inner)


def _identity(domain: Space) -> Identity:
    return Identity(domain.shape[1:], domain.shape[0], domain.dtype, domain.device)
