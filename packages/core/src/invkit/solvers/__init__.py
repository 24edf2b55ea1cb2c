"""Solvers, and the one loop that runs them."""

from __future__ import annotations

from .accelerated_pdhg import AcceleratedPDHG, LinearRatePDHG
from .adaptive_pdhg import AdaptivePDHG
from .admm import ADMM
from .backtracking_fista import BacktrackingFISTA
from .barzilai_borwein import BarzilaiBorwein
from .base import Optimality, Solver
from .cgls import CGLS
from .condat_vu import CondatVu, ThreePartProblem
from .conjugate_gradient import ConjugateGradient
from .douglas_rachford import DouglasRachford, TwoProximableProblem
from .duality_gap import DualityGap, duality_gap
from .finite_sum import FiniteSumProblem
from .fista import FISTA, RestartedFISTA
from .gradient_descent import GradientDescent
from .kaczmarz import Kaczmarz
from .landweber import Landweber, Misfit, MisfitProblem
from .lbfgs import minimise_with_scipy
from .line_search import ArmijoGradientDescent
from .linearised_bregman import ConstrainedProblem, LinearisedBregman
from .mlem import MLEM
from .newton_cg import NewtonCG
from .ordered_subsets import OrderedSubsets
from .osem import OSEM
from .pcg import PCGResult, pcg
from .pdhg import PDHG
from .poisson import PoissonProblem
from .preconditioned_pdhg import PreconditionedPDHG
from .primal_dual_newton import PrimalDualNewton, SmoothTermsProblem
from .problems import CompositeProblem, LinearProblem, Problem, SaddleProblem, SmoothProblem
from .proximal_gradient import ProximalGradient
from .quadratic import LeastSquaresProblem
from .solution import History, Solution, Status
from .solve import solve
from .spectral import SingularSystem, landweber_factors, singular_system, tikhonov_factors, truncated_factors
from .split_problem import SplitProblem
from .stochastic_gradient import StochasticGradient
from .stochastic_pdhg import StochasticPDHG
from .stopping import Discrepancy, StoppingRule
from .svrg import SVRG

__all__ = [
    "AcceleratedPDHG",
    "AdaptivePDHG",
    "ADMM",
    "ArmijoGradientDescent",
    "BacktrackingFISTA",
    "BarzilaiBorwein",
    "CGLS",
    "CompositeProblem",
    "CondatVu",
    "ConjugateGradient",
    "ConstrainedProblem",
    "Discrepancy",
    "DouglasRachford",
    "duality_gap",
    "DualityGap",
    "FiniteSumProblem",
    "FISTA",
    "GradientDescent",
    "History",
    "Kaczmarz",
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
    "OrderedSubsets",
    "OSEM",
    "pcg",
    "PCGResult",
    "PDHG",
    "PoissonProblem",
    "PreconditionedPDHG",
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
    "SplitProblem",
    "Status",
    "StochasticGradient",
    "StochasticPDHG",
    "StoppingRule",
    "SVRG",
    "ThreePartProblem",
    "tikhonov_factors",
    "truncated_factors",
    "TwoProximableProblem",
]
