"""Functionals with another centre, f(x - c), and tilted by a linear one, f(x) + Re <c, x>: each other's conjugates.

f(. - c)          gradient(x) = f.gradient(x - c)        prox(v, tau) = c + prox_f(v - c, tau)
f + Re <c, .>                                            prox(v, tau) = prox_f(v - tau c, tau)

Source: Bauschke, Combettes (2011), Propositions 13.20 and 23.29.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..operators.norm import Interval
from ..operators.space import Space
from .algebra import Composition, Scaled, Sum, add, compose, scale
from .base import Differentiable, Functional, Proximable, fitted, sum_per_image
from .indicators import Box, Indicator
from .norms import SquaredL2
from .weighted_squared_l2 import WeightedSquaredL2


@dataclass(frozen=True, eq=False, repr=False)
class Translated(Functional):
    """x -> f(x - centre), the centre a batch of images; gradients reach it."""

    functional: Functional
    centre: Tensor
    derivations = (
        rules.TRANSLATION_CONVEX, rules.TRANSLATION_STRONGLY_CONVEX, rules.TRANSLATION_SMOOTH, rules.TRANSLATION_PROX
    )  # fmt: skip

    @property
    def domain(self) -> Space | None:
        return self.functional.domain

    def _value(self, x: Tensor) -> Tensor:
        moved = self._moved(x)
        value = self.functional.value(moved)
        return self._forgiving(value, x, moved) if isinstance(self.functional, Indicator) else value

    @final
    def _moved(self, x: Tensor) -> Tensor:
        return x - fitted(self.centre, x, "Translated", "centre")

    def _forgiving(self, value: Tensor, x: Tensor, moved: Tensor) -> Tensor:
        """The value of an indicator, 0 where the set is as near as the rounding of a sum with the centre."""
        assert isinstance(self.functional, Indicator)
        moved = moved.detach()
        missed = (self.functional._prox(moved, 1.0) - moved).abs().flatten(1).amax(1)
        size = (x.detach().abs() + self.centre.detach().abs()).flatten(1).amax(1)
        return value.masked_fill(missed <= 32 * torch.finfo(x.dtype).eps * size, 0.0)

    def convexity(self) -> float | None:
        return self.functional.convexity()

    def __repr__(self) -> str:
        return f"Translated({self.functional!r})"


class TranslatedDifferentiable(Translated, Differentiable):
    """f(x - centre) with a gradient."""

    functional: Differentiable

    def _gradient(self, x: Tensor) -> Tensor:
        return self.functional.gradient(self._moved(x))

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return self.functional.hessian_vector(self._moved(x), v)

    def smoothness(self) -> Interval | None:
        return self.functional.smoothness()

    def hessian_lipschitz(self) -> float | None:
        return self.functional.hessian_lipschitz()

    def is_twice_differentiable(self) -> bool:
        return self.functional.is_twice_differentiable()


class TranslatedProximable(Translated, Proximable):
    """f(x - centre) with a proximal map."""

    functional: Proximable

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        centre = fitted(self.centre, v, "Translated", "centre")
        return centre + self.functional._prox(v - centre, tau)

    @property
    def conjugate(self) -> Proximable:
        return Tilted(self.functional.conjugate, self.centre)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return Tilted(self.functional.scaled_conjugate(weight), self.centre)


class TranslatedBoth(TranslatedDifferentiable, TranslatedProximable):
    """f(x - centre) with a gradient and a proximal map."""

    functional: Any  # Differentiable and Proximable; the type system has no intersection


@dataclass(frozen=True, eq=False, repr=False)
class Tilted(Proximable):
    """z -> f(z) + Re <direction, z>, the conjugate of a translated functional."""

    functional: Proximable
    direction: Tensor
    derivations = (rules.TILT_CONVEX, rules.TILT_STRONGLY_CONVEX, rules.TILT_PROX)

    @property
    def domain(self) -> Space | None:
        return self.functional.domain

    def _value(self, z: Tensor) -> Tensor:
        return self.functional.value(z) + sum_per_image((z * self._direction(z).conj()).real)

    def convexity(self) -> float | None:
        return self.functional.convexity()

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return self.functional._prox(v - tau * self._direction(v), tau)

    def _direction(self, z: Tensor) -> Tensor:
        return fitted(self.direction, z, "Tilted", "direction")

    @property
    def conjugate(self) -> Proximable:
        conjugate = translate(self.functional.conjugate, self.direction)
        assert isinstance(conjugate, Proximable)
        return conjugate

    def __repr__(self) -> str:
        return f"Tilted({self.functional!r})"


def translate(functional: Functional, centre: Tensor) -> Functional:
    """x -> f(x - centre), with the capabilities of f.

    centre: a batch of images, or one image with a batch axis of one.

    Sums and scalings are translated inside, f(K x) becomes f(K x - K centre), squares move their own centre, and a
    ``Box`` its bounds if the centre is one real image.

    Raises: ShapeError if the centre is no batch of the functional's domain.
    """
    if functional.domain is not None:
        functional.domain.check(centre, "translate: centre")
    if isinstance(functional, Sum):
        return add(*(translate(term, centre) for term in functional.terms))
    if isinstance(functional, Scaled):
        return scale(functional.weight, translate(functional.functional, centre))
    if isinstance(functional, Composition):
        moved = translate(functional.functional, functional.operator.forward(centre))
        return compose(moved, functional.operator)
    if isinstance(functional, Translated):
        return translate(functional.functional, functional.centre + centre)
    # By type: a class that derives from one of these may have other values.
    if type(functional) is SquaredL2:
        return SquaredL2(_moved(functional.centre, centre))
    if type(functional) is WeightedSquaredL2:
        return WeightedSquaredL2(functional.weights, _moved(functional.centre, centre))
    if type(functional) is Box and len(centre) == 1 and not centre.is_complex():
        return Box(functional.low + centre[0], functional.high + centre[0])
    kinds = (isinstance(functional, Differentiable), isinstance(functional, Proximable))
    wrapper = {
        (True, True): TranslatedBoth, (True, False): TranslatedDifferentiable, (False, True): TranslatedProximable,
        (False, False): Translated,
    }[kinds]  # fmt: skip
    return wrapper(functional, centre)


def _moved(centre: Tensor | None, by: Tensor) -> Tensor:
    return by if centre is None else centre + by
