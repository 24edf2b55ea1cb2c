"""Linear operators with exact adjoints and norm intervals, nonlinear ones with both derivatives, and their algebra."""

from __future__ import annotations

from .algebra import Adjoint, Composition, Normal, Scaled, Stack, Sum, stack
from .base import HasFineSimulation, HasGram, HasGramDiagonal, HasPseudoInverse, LinearOperator, Operator
from .blur import Blur
from .capabilities.absolute_sums import HasAbsoluteSums, absolute_sums
from .capabilities.fourier_symbol import HasFourierSymbol, gram_symbol
from .capabilities.materialise import materialise
from .capabilities.subsets import subsets
from .capabilities.views import HasSubsets
from .coils import Coils
from .dense import Dense
from .diagonal import Diagonal
from .directional import AcrossDirection
from .downsampling import Downsampling
from .finite_difference import FiniteDifference
from .fourier import Fourier
from .haar import Haar
from .identity import Identity
from .inpainting import inpainting
from .nonlinear.activations import Activation
from .nonlinear.algebra import Linearisation, NonlinearComposition, NonlinearScaled, NonlinearSum
from .nonlinear.autograd_operator import FromFunction
from .nonlinear.beer_lambert import BeerLambert
from .nonlinear.blocks import Block, HasBlocks
from .nonlinear.gradient_flow_step import GradientFlowStep
from .nonlinear.pointwise import BoundedSlope, Exp, Log, Pointwise, ReLU, Shift, Sigmoid, Softplus, Square
from .nonlinear.runge_kutta import ButcherTableau
from .nonlinear.sectors import HasSector, sectors_of
from .norm import Interval
from .restriction import Restriction
from .sense import sense
from .space import Space, inner, norm, per_image
from .symmetric_derivative import SymmetricDerivative
from .symmetry.groups import Group, group
from .tensor_residual import TensorResidual
from .wavelet import WaveletTransform

__all__ = [
    "absolute_sums",
    "AcrossDirection",
    "Activation",
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
