"""Solvers, and the one loop that runs them."""

from __future__ import annotations

from .base import Optimality, Solver
from .conjugate_gradient import ConjugateGradient
from .fista import FISTA
from .gradient_descent import GradientDescent
from .pdhg import PDHG
from .problems import CompositeProblem, LinearProblem, Problem, SaddleProblem, SmoothProblem
from .proximal_gradient import ProximalGradient
from .solution import History, Solution, Status
from .solve import solve

__all__ = [
    "FISTA", "PDHG", "CompositeProblem", "ConjugateGradient", "GradientDescent", "History", "LinearProblem",
    "Optimality", "Problem", "ProximalGradient", "SaddleProblem", "SmoothProblem", "Solution", "Solver", "Status",
    "solve",
]  # fmt: skip
