"""Data fidelities: how far A x is from the measurement y."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import DataError
from ..operators.base import LinearOperator
from .algebra import CompositionDifferentiable
from .norms import SquaredL2


def least_squares(operator: LinearOperator, y: Tensor) -> CompositionDifferentiable:
    """0.5 |A x - y|^2, with gradient A*(A x - y): one A and one A*, smooth with constant |A|^2.

    y: a batch of the operator's codomain.

    Raises: ShapeError if y does not fit; DataError if it is not finite.
    """
    operator.codomain.check(y, "least_squares: measurement")
    check_measurement(y, "least_squares")
    return CompositionDifferentiable(SquaredL2(y), operator)


def check_measurement(y: Tensor, who: str) -> None:
    """Raises: DataError if a measurement contains NaN or inf; says how many and which image."""
    finite = torch.isfinite(y)
    if not bool(finite.all()):
        bad = (~finite).flatten(1).sum(1)
        first = int(bad.nonzero()[0])
        raise DataError(
            f"{who}: measurement has {int(bad.sum())} values that are NaN or inf (first in image {first}), expected 0. "
            "Repair or mask them before reconstructing."
        )
