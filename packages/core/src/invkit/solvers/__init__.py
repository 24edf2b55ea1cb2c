"""Solvers, and the one loop that runs them."""

from __future__ import annotations

from .base import Optimality, Solver
from .factors import DenoisingGradientStep, DouglasRachfordStep, Factor, GradientStep, ProximalStep, StatedFactor
from .fixed_point import Existence, FixedPointProblem, KrasnoselskiiMann
from .gradient.backtracking_fista import BacktrackingFISTA
from .gradient.barzilai_borwein import BarzilaiBorwein
from .gradient.fista import FISTA, RestartedFISTA
from .gradient.gradient_descent import GradientDescent
from .gradient.landweber import Landweber, Misfit, MisfitProblem
from .gradient.lbfgs import minimise_with_scipy
from .gradient.line_search import ArmijoGradientDescent
from .gradient.linearised_bregman import ConstrainedProblem, LinearisedBregman
from .gradient.proximal_gradient import ProximalGradient
from .linear.cgls import CGLS
from .linear.conjugate_gradient import ConjugateGradient
from .linear.pcg import PCGResult, pcg
from .linear.quadratic import LeastSquaresProblem
from .linear.spectral import SingularSystem, landweber_factors, singular_system, tikhonov_factors, truncated_factors
from .newton.newton_cg import NewtonCG
from .newton.primal_dual_newton import PrimalDualNewton, SmoothTermsProblem
from .primal_dual.accelerated_pdhg import AcceleratedPDHG, LinearRatePDHG
from .primal_dual.adaptive_pdhg import AdaptivePDHG
from .primal_dual.condat_vu import CondatVu, ThreePartProblem
from .primal_dual.duality_gap import DualityGap, duality_gap
from .primal_dual.pdhg import PDHG
from .primal_dual.preconditioned_pdhg import PreconditionedPDHG
from .primal_dual.stochastic_pdhg import StochasticPDHG
from .problems import CompositeProblem, LinearProblem, Problem, SaddleProblem, SmoothProblem
from .solution import History, Solution, Status
from .solve import solve
from .splitting.admm import ADMM
from .splitting.douglas_rachford import DouglasRachford, TwoProximableProblem
from .splitting.split_problem import SplitProblem
from .stopping import Discrepancy, StoppingRule
from .subsets.finite_sum import FiniteSumProblem
from .subsets.kaczmarz import Kaczmarz
from .subsets.mlem import MLEM
from .subsets.ordered_subsets import OrderedSubsets
from .subsets.osem import OSEM
from .subsets.poisson import PoissonProblem
from .subsets.stochastic_gradient import StochasticGradient
from .subsets.svrg import SVRG

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
    "DenoisingGradientStep",
    "Discrepancy",
    "DouglasRachford",
    "DouglasRachfordStep",
    "duality_gap",
    "DualityGap",
    "Existence",
    "Factor",
    "FiniteSumProblem",
    "FISTA",
    "FixedPointProblem",
    "GradientDescent",
    "GradientStep",
    "History",
    "Kaczmarz",
    "KrasnoselskiiMann",
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
    "ProximalStep",
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
    "StatedFactor",
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
