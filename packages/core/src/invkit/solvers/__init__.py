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
    "LeastSquaresProblem",
    "LinearisedBregman",
    "LinearProblem",
    "LinearRatePDHG",
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
    "SmoothProblem",
    "SmoothTermsProblem",
    "Solution",
    "solve",
    "Solver",
    "Status",
    "StoppingRule",
]
