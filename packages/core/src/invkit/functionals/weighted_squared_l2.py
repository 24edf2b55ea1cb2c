"""The weighted square 0.5 sum w |x - c|^2 and its conjugate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import functionals as rules
from ..errors import DataError, ShapeError
from ..operators.norm import Interval
from ..operators.space import check_tensor, squared_magnitude
from . import moduli
from .base import HasHessianDiagonal, Proximable, as_float, fitted, sum_per_image


@dataclass(frozen=True, eq=False, repr=False)
class WeightedSquaredL2(HasHessianDiagonal, Proximable):
    """0.5 sum_i w_i |x_i - centre_i|^2; centre None is zero. Numbers of weight 0 are ignored.

    weights: real and >= 0, of a shape that broadcasts to the images; gradients reach them.
    gradient w (x - centre), prox (v + tau w centre) / (1 + tau w).

    Raises: ShapeError if the weights are complex; DataError if one is negative or not finite.
    """

    weights: Tensor
    centre: Tensor | None = None

    def __post_init__(self) -> None:
        check_weights(self.weights, "WeightedSquaredL2")

    def _difference(self, x: Tensor) -> Tensor:
        return x if self.centre is None else x - self._centre(x)

    def _centre(self, x: Tensor) -> Tensor:
        assert self.centre is not None
        return fitted(self.centre, x, "WeightedSquaredL2", "centre")

    def _weights(self, x: Tensor) -> Tensor:
        return fitted(self.weights, x, "WeightedSquaredL2", "weights")

    def _value(self, x: Tensor) -> Tensor:
        return 0.5 * sum_per_image(self._weights(x) * squared_magnitude(self._difference(x)))

    def _gradient(self, x: Tensor) -> Tensor:
        return self._weights(x) * self._difference(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return self._weights(v) * v

    def _hessian_diagonal(self, x: Tensor) -> Tensor:
        return self._weights(x) * torch.ones_like(x.real)

    def smoothness(self) -> Interval:
        return Interval.exact(as_float(self.weights.abs().max()) if self.weights.numel() else 0.0, "largest weight")

    def hessian_lipschitz(self) -> float:
        return 0.0

    def convexity(self) -> float | None:
        smallest = as_float(self.weights.min()) if self.weights.numel() else 0.0
        return smallest if smallest >= 0 else None  # learned weights may become negative

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        pull = tau * self._weights(v)
        return (v if self.centre is None else v + pull * self._centre(v)) / (1 + pull)

    @property
    def conjugate(self) -> Proximable:
        return WeightedQuadraticConjugate(self.weights, self.centre)

    def scaled_conjugate(self, weight: float | Tensor) -> Proximable:
        return WeightedQuadraticConjugate(weight * self.weights, self.centre)


@dataclass(frozen=True, eq=False, repr=False)
class WeightedQuadraticConjugate(Proximable):
    """The conjugate of a weighted square: z -> sum_i |z_i|^2 / (2 w_i) + Re <centre, z>.

    +inf where z_i differs from 0 and w_i does not.   prox(v, sigma) = w (v - sigma centre) / (w + sigma).
    """

    weights: Tensor
    centre: Tensor | None = None
    derivations = (rules.CONJUGATE_CONVEX, rules.CONJUGATE_STRONGLY_CONVEX)

    def _value(self, z: Tensor) -> Tensor:
        weights, squares = self._weights(z), squared_magnitude(z)
        seen = weights > 0
        quadratic = torch.where(seen, squares, 0) / (2 * torch.where(seen, weights, 1))
        quadratic = torch.where(seen, quadratic, torch.where(z == 0, 0.0, torch.inf).to(squares))
        if self.centre is None:
            return sum_per_image(quadratic)
        return sum_per_image(quadratic + (z * self._centre(z).conj()).real)

    def convexity(self) -> float | None:
        low, high = (as_float(w) for w in self.weights.aminmax()) if self.weights.numel() else (0.0, 0.0)
        return moduli.of_conjugate(high) if low >= 0 else None

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        weights = self._weights(v)
        total = weights + tau
        factor = weights / torch.where(total > 0, total, 1)
        return v * factor if self.centre is None else (v - tau * self._centre(v)) * factor

    def _centre(self, z: Tensor) -> Tensor:
        assert self.centre is not None
        return fitted(self.centre, z, "WeightedQuadraticConjugate", "centre")

    def _weights(self, z: Tensor) -> Tensor:
        return fitted(self.weights, z, "WeightedQuadraticConjugate", "weights")

    @property
    def conjugate(self) -> Proximable:
        return WeightedSquaredL2(self.weights, self.centre)


def check_weights(weights: Tensor, who: str) -> None:
    """Raises: ShapeError if weights are complex; DataError if one is negative or not finite."""
    check_tensor(weights, who, "weights")
    if not weights.is_floating_point():
        raise ShapeError(f"{who}: weights have dtype {weights.dtype}, expected a real floating type. Convert them.")
    good = torch.isfinite(weights.detach()) & (weights.detach() >= 0)
    if not bool(good.all()):
        raise DataError(
            f"{who}: {int((~good).sum())} of {weights.numel()} weights are negative, NaN or inf, expected finite "
            "numbers >= 0. Give samples to ignore the weight 0."
        )
