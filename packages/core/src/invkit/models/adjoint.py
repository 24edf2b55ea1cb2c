"""The adjoint as a reconstruction: zero-filled MRI, backprojected CT."""

from __future__ import annotations

from torch import Tensor

from ..claims import BY_CONSTRUCTION, Claim
from ..functionals.data_fidelity import check_measurement
from ..operators.base import LinearOperator
from .base import Reconstructor


class Adjoint(Reconstructor):
    """x = A* y. For a 0/1 sampling pattern and one coil this is the zero-filled image, the minimum-norm solution."""

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        operator.codomain.check(y, "Adjoint: measurement")
        check_measurement(y, "Adjoint")
        return operator.adjoint(y)

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="linear", basis=BY_CONSTRUCTION, evidence="x = A* y"),)
