"""Linear operators with exact adjoints and norm intervals, and their algebra."""

from __future__ import annotations

from .algebra import Adjoint, Composition, Normal, Scaled, Stack, Sum, stack
from .base import HasFineSimulation, HasGram, HasGramDiagonal, HasPseudoInverse, LinearOperator, Operator
from .blur import Blur
from .coils import Coils
from .dense import Dense
from .diagonal import Diagonal
from .downsampling import Downsampling
from .finite_difference import FiniteDifference
from .fourier import Fourier
from .haar import Haar
from .identity import Identity
from .inpainting import inpainting
from .norm import Interval
from .restriction import Restriction
from .sense import sense
from .space import Space, inner, norm, per_image
from .subsets import HasSubsets, subsets
from .wavelet import WaveletTransform

__all__ = [
    "Adjoint",
    "Blur",
    "Coils",
    "Composition",
    "Dense",
    "Diagonal",
    "Downsampling",
    "FiniteDifference",
    "Fourier",
    "Haar",
    "HasFineSimulation",
    "HasGram",
    "HasGramDiagonal",
    "HasPseudoInverse",
    "HasSubsets",
    "Identity",
    "inner",
    "inpainting",
    "Interval",
    "LinearOperator",
    "norm",
    "Normal",
    "Operator",
    "per_image",
    "Restriction",
    "Scaled",
    "sense",
    "Space",
    "Stack",
    "stack",
    "subsets",
    "Sum",
    "WaveletTransform",
]
