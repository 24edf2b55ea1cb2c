"""Convex conjugates: f*(z) = sup_x Re <x, z> - f(x)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..derivations.symmetry import Action
from ..errors import ConfigError
from .base import Proximable, as_float, times


@dataclass(frozen=True, eq=False, repr=False)
class ScaledConjugate(Proximable):
    """(c f)*(z) = c f*(z / c), with prox(v, sigma) = c prox_{f*}(v / c, sigma / c), for c > 0.

    Raises: ConfigError if c is not positive.
    Source: Bauschke, Combettes (2011), Propositions 13.20 and 23.29.
    """

    weight: float | Tensor
    inner: Proximable

    def __post_init__(self) -> None:
        if not as_float(self.weight) > 0:
            raise ConfigError(
                f"ScaledConjugate: weight is {as_float(self.weight)}, expected a positive number. Drop the term."
            )

    def _value(self, z: Tensor) -> Tensor:
        return times(self.weight, self.inner.value(z / self.weight))

    def convexity(self) -> float | None:
        modulus = self.inner.convexity()
        return None if modulus is None else modulus / as_float(self.weight)

    def is_invariant(self, action: Action) -> bool:
        return self.inner.is_invariant(action)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return self.weight * self.inner._prox(v / self.weight, tau / self.weight)

    @property
    def conjugate(self) -> Proximable:
        return _scaled(self.weight, self.inner.conjugate)


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
