"""Linear operators with exact adjoints and norm intervals, and their algebra."""

from __future__ import annotations

from .algebra import Adjoint, Composition, Normal, Scaled, Stack, Sum, stack
from .base import HasFineSimulation, HasGram, HasPseudoInverse, LinearOperator, Operator
from .blur import Blur
from .coils import Coils
from .dense import Dense
from .finite_difference import FiniteDifference
from .fourier import Fourier
from .identity import Identity
from .norm import Interval
from .sense import sense
from .space import Space, inner, norm, per_image

__all__ = [
    "Adjoint",
    "Blur",
    "Coils",
    "Composition",
    "Dense",
    "FiniteDifference",
    "Fourier",
    "HasFineSimulation",
    "HasGram",
    "HasPseudoInverse",
    "Identity",
    "inner",
    "Interval",
    "LinearOperator",
    "norm",
    "Normal",
    "Operator",
    "per_image",
    "Scaled",
    "sense",
    "Space",
    "Stack",
    "stack",
    "Sum",
]
