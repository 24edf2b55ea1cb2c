"""Linear operators with exact adjoints and norm intervals, nonlinear ones with both derivatives, and their algebra."""

from __future__ import annotations

from .absolute_sums import HasAbsoluteSums, absolute_sums
from .algebra import Adjoint, Composition, Normal, Scaled, Stack, Sum, stack
from .autograd_operator import FromFunction
from .base import HasFineSimulation, HasGram, HasGramDiagonal, HasPseudoInverse, LinearOperator, Operator
from .beer_lambert import BeerLambert
from .blocks import Block, HasBlocks
from .blur import Blur
from .coils import Coils
from .dense import Dense
from .diagonal import Diagonal
from .directional import AcrossDirection
from .downsampling import Downsampling
from .finite_difference import FiniteDifference
from .fourier import Fourier
from .fourier_symbol import HasFourierSymbol, gram_symbol
from .gradient_flow_step import GradientFlowStep
from .groups import Group, group
from .haar import Haar
from .identity import Identity
from .inpainting import inpainting
from .materialise import materialise
from .nonlinear import Linearisation, NonlinearComposition, NonlinearScaled, NonlinearSum
from .norm import Interval
from .pointwise import BoundedSlope, Exp, Log, Pointwise, ReLU, Shift, Sigmoid, Softplus, Square
from .restriction import Restriction
from .runge_kutta import ButcherTableau
from .sectors import HasSector, sectors_of
from .sense import sense
from .space import Space, inner, norm, per_image
from .subsets import subsets
from .symmetric_derivative import SymmetricDerivative
from .tensor_residual import TensorResidual
from .views import HasSubsets
from .wavelet import WaveletTransform

__all__ = [
    "absolute_sums",
    "AcrossDirection",
    "Adjoint",
    "BeerLambert",
    "Block",
    "Blur",
    "BoundedSlope",
    "ButcherTableau",
    "Coils",
    "Composition",
    "Dense",
    "Diagonal",
    "Downsampling",
    "Exp",
    "FiniteDifference",
    "Fourier",
    "FromFunction",
    "GradientFlowStep",
    "gram_symbol",
    "Group",
    "group",
    "Haar",
    "HasAbsoluteSums",
    "HasBlocks",
    "HasFineSimulation",
    "HasFourierSymbol",
    "HasGram",
    "HasGramDiagonal",
    "HasPseudoInverse",
    "HasSector",
    "HasSubsets",
    "Identity",
    "inner",
    "inpainting",
    "Interval",
    "Linearisation",
    "LinearOperator",
    "Log",
    "materialise",
    "NonlinearComposition",
    "NonlinearScaled",
    "NonlinearSum",
    "norm",
    "Normal",
    "Operator",
    "per_image",
    "Pointwise",
    "ReLU",
    "Restriction",
    "Scaled",
    "sectors_of",
    "sense",
    "Shift",
    "Sigmoid",
    "Softplus",
    "Space",
    "Square",
    "Stack",
    "stack",
    "subsets",
    "Sum",
    "SymmetricDerivative",
    "TensorResidual",
    "WaveletTransform",
]
