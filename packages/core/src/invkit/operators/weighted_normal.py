"""A* W A with weights W >= 0: the Hessian of a weighted square."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..derivations import operators as rules
from ..errors import ShapeError
from .base import LinearOperator
from .norm import Interval
from .space import Space


@dataclass(frozen=True, eq=False, repr=False)
class WeightedNormal(LinearOperator):
    """x -> A*(w A x), self-adjoint, and positive semidefinite for weights >= 0, with |A* W A| <= |A|^2 max |w|.

    weights: real and finite, of a shape that broadcasts to a batch of the codomain, one row per image or one for all;
        gradients reach it.

    Raises: ShapeError if the weights are complex.
    """

    operator: LinearOperator
    weights: Tensor
    derivations = (
        rules.WEIGHTED_NORMAL_ADJOINT, rules.WEIGHTED_NORMAL_NORM, rules.WEIGHTED_NORMAL_SELF_ADJOINT,
        rules.WEIGHTED_NORMAL_PSD,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.weights.is_complex():
            raise ShapeError(
                f"WeightedNormal: weights have dtype {self.weights.dtype}, expected a real one. Take their magnitudes."
            )

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.domain

    def _forward(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(self.weights * self.operator.forward(x))

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._forward(y)

    def _norm(self) -> Interval:
        if not self.weights.numel():
            return Interval.exact(0.0)
        norm = self.operator.norm()
        squared = norm * norm
        low, high = (float(w) for w in self.weights.detach().aminmax())
        # Weights of both signs may cancel; NaN is in both ends and is refused by the interval.
        lower = squared.scaled(low).lower if low >= 0 else 0.0
        upper = squared.scaled(max(-low, high)).upper
        return Interval(lower, upper, f"{squared.how}, times the largest weight", squared.basis)

    @property
    def structure(self) -> frozenset[str]:
        if bool((self.weights.detach() >= 0).all()):
            return frozenset({"self_adjoint", "positive_semidefinite"})
        return frozenset({"self_adjoint"})
