"""Solvers, and the one loop that runs them."""

from __future__ import annotations

from .accelerated_pdhg import AcceleratedPDHG, LinearRatePDHG
from .adaptive_pdhg import AdaptivePDHG
from .backtracking_fista import BacktrackingFISTA
from .barzilai_borwein import BarzilaiBorwein
from .base import Optimality, Solver
from .cgls import CGLS
from .conjugate_gradient import ConjugateGradient
from .duality_gap import DualityGap, duality_gap
from .fista import FISTA, RestartedFISTA
from .gradient_descent import GradientDescent
from .landweber import Landweber, Misfit, MisfitProblem
from .lbfgs import minimise_with_scipy
from .line_search import ArmijoGradientDescent
from .linearised_bregman import ConstrainedProblem, LinearisedBregman
from .mlem import MLEM
from .newton_cg import NewtonCG
from .osem import OSEM
from .pcg import PCGResult, pcg
from .pdhg import PDHG
from .poisson import PoissonProblem
from .primal_dual_newton import PrimalDualNewton, SmoothTermsProblem
from .problems import CompositeProblem, LinearProblem, Problem, SaddleProblem, SmoothProblem
from .proximal_gradient import ProximalGradient
from .quadratic import LeastSquaresProblem
from .solution import History, Solution, Status
from .solve import solve
from .spectral import SingularSystem, landweber_factors, singular_system, tikhonov_factors, truncated_factors
from .stopping import Discrepancy, StoppingRule

__all__ = [
    "AcceleratedPDHG",
    "AdaptivePDHG",
    "ArmijoGradientDescent",
    "BacktrackingFISTA",
    "BarzilaiBorwein",
    "CGLS",
    "CompositeProblem",
    "ConjugateGradient",
    "ConstrainedProblem",
    "Discrepancy",
    "duality_gap",
    "DualityGap",
    "FISTA",
    "GradientDescent",
    "History",
    "Landweber",
    "landweber_factors",
    "LeastSquaresProblem",
    "LinearisedBregman",
    "LinearProblem",
    "LinearRatePDHG",
    "minimise_with_scipy",
    "Misfit",
    "MisfitProblem",
    "MLEM",
    "NewtonCG",
    "Optimality",
    "OSEM",
    "pcg",
    "PCGResult",
    "PDHG",
    "PoissonProblem",
    "PrimalDualNewton",
    "Problem",
    "ProximalGradient",
    "RestartedFISTA",
    "SaddleProblem",
    "singular_system",
    "SingularSystem",
    "SmoothProblem",
    "SmoothTermsProblem",
    "Solution",
    "solve",
    "Solver",
    "Status",
    "StoppingRule",
    "tikhonov_factors",
    "truncated_factors",
]
