"""A* W A with weights W >= 0: the Hessian of a weighted square."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .base import LinearOperator
from .norm import Interval
from .space import Space


@dataclass(frozen=True, eq=False, repr=False)
class WeightedNormal(LinearOperator):
    """x -> A*(w A x), self-adjoint and positive semidefinite, with |A* W A| <= |A|^2 max w.

    weights: real, finite and >= 0, of a shape that broadcasts to a batch of the codomain, one row per image or one
        for all; gradients reach it.
    """

    operator: LinearOperator
    weights: Tensor

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
        smallest, largest = (squared.scaled(float(w)) for w in self.weights.detach().aminmax())
        return Interval(smallest.lower, largest.upper, f"{squared.how}, times the largest weight", squared.basis)

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"self_adjoint", "positive_semidefinite"})
