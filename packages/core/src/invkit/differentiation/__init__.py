"""How the solution of an iterative method is differentiated."""

from __future__ import annotations

from .base import Differentiation
from .differentiable_solve import differentiable_solve
from .fixed_point import FixedPointSolution, ImplicitFixedPoint, fixed_point
from .hypergradient import Hypergradient, hypergradient
from .hypergradient_bound import HypergradientBound, hypergradient_bound
from .implicit import Implicit
from .iterations import Anderson, Broyden, Iteration, Picard
from .jacobian_free import JacobianFree
from .linear_solvers import GMRES, PCG, Affine, LinearResult, LinearSolver
from .mixed_derivative import MixedDerivative
from .unrolled import Unrolled

__all__ = [
    "Affine",
    "Anderson",
    "Broyden",
    "differentiable_solve",
    "Differentiation",
    "fixed_point",
    "FixedPointSolution",
    "GMRES",
    "Hypergradient",
    "hypergradient",
    "hypergradient_bound",
    "HypergradientBound",
    "Implicit",
    "ImplicitFixedPoint",
    "Iteration",
    "JacobianFree",
    "LinearResult",
    "LinearSolver",
    "MixedDerivative",
    "PCG",
    "Picard",
    "Unrolled",
]
