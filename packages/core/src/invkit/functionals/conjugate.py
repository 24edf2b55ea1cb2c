"""Convex conjugates: f*(z) = sup_x Re <x, z> - f(x)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..derivations import functionals as rules
from ..derivations import symmetry
from ..derivations.symmetry import Action
from ..errors import ConfigError
from . import moduli
from .base import Differentiable, Proximable, as_float, times, weight_for

_SMALLEST = 2.0**-64


@dataclass(frozen=True, eq=False, repr=False)
class ScaledConjugate(Proximable):
    """(c f)*(z) = c f*(z / c), with prox(v, sigma) = c prox_{f*}(v / c, sigma / c), for c > 0.

    Raises: ConfigError if c is not positive.
    Source: Bauschke, Combettes (2011), Propositions 13.20 and 23.29.
    """

    weight: float | Tensor
    inner: Proximable
    derivations = (
        rules.CONJUGATE_CONVEX, rules.SCALED_CONJUGATE_STRONGLY_CONVEX, rules.CONJUGATE_STRONGLY_CONVEX,
        rules.SCALED_CONJUGATE_PROX, symmetry.CONJUGATE_INVARIANT,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not as_float(self.weight) > 0:
            raise ConfigError(
                f"ScaledConjugate: weight is {as_float(self.weight)}, expected a positive number. Drop the term."
            )

    def _value(self, z: Tensor) -> Tensor:
        return times(self.weight, self.inner.value(z / self.weight))

    def convexity(self) -> float | None:
        weight, stated = as_float(self.weight), self.inner.convexity()
        if stated is None or not weight > 0:
            return None
        known = (moduli.over(stated, weight), _by_smoothness(self.inner, weight))
        return max((modulus for modulus in known if modulus is not None), default=None)

    def is_invariant(self, action: Action) -> bool:
        return self.inner.is_invariant(action)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        weight = weight_for(self.weight, v)
        return weight * self.inner._prox(v / weight, tau / weight)

    def _has_prox(self) -> bool:
        # The quotients by a smaller weight overflow, those of float32 first.
        return as_float(self.weight) >= _SMALLEST and self.inner._has_prox()

    @property
    def conjugate(self) -> Proximable:
        return _scaled(self.weight, self.inner.conjugate)


def _by_smoothness(functional: Proximable, weight: float) -> float | None:
    """The modulus of z -> c f(z / c) because the conjugate of f, whose conjugate f is, is convex and smooth."""
    other = functional.conjugate
    if not isinstance(other, Differentiable) or not moduli.is_convex(other.convexity()):
        return None
    smooth = other.smoothness()
    return None if smooth is None else moduli.of_conjugate(smooth.upper, weight)


def moreau(functional: Proximable, v: Tensor, sigma: float | Tensor) -> Tensor:
    """prox of sigma f* at v by Moreau's identity: v - sigma prox_f(v / sigma, 1 / sigma).

    Source: Bauschke, Combettes (2011), Theorem 14.3.
    """
    return v - sigma * functional._prox(v / sigma, 1 / sigma)


def _scaled(weight: float | Tensor, functional: Proximable) -> Proximable:
    from .algebra import scale

    scaled = scale(weight, functional)
    assert isinstance(scaled, Proximable)
    return scaled
