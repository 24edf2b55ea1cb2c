"""Solvers, and the one loop that runs them."""

from __future__ import annotations

from .base import Optimality, Solver
from .cgls import CGLS
from .conjugate_gradient import ConjugateGradient
from .fista import FISTA
from .gradient_descent import GradientDescent
from .pcg import PCGResult, pcg
from .pdhg import PDHG
from .problems import CompositeProblem, LinearProblem, Problem, SaddleProblem, SmoothProblem
from .proximal_gradient import ProximalGradient
from .quadratic import LeastSquaresProblem
from .solution import History, Solution, Status
from .solve import solve
from .stopping import Discrepancy, StoppingRule

__all__ = [
    "CGLS",
    "CompositeProblem",
    "ConjugateGradient",
    "Discrepancy",
    "FISTA",
    "GradientDescent",
    "History",
    "LeastSquaresProblem",
    "LinearProblem",
    "Optimality",
    "pcg",
    "PCGResult",
    "PDHG",
    "Problem",
    "ProximalGradient",
    "SaddleProblem",
    "SmoothProblem",
    "Solution",
    "solve",
    "Solver",
    "Status",
    "StoppingRule",
]
