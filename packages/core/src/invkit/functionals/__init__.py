"""Convex functionals with gradients, proximal maps and conjugates, and their algebra."""

from __future__ import annotations

from .algebra import Composition, Scaled, Sum, terms_of
from .base import Differentiable, Functional, Proximable
from .conjugate import moreau
from .data_fidelity import least_squares
from .indicators import Ball, Box, nonnegativity
from .norms import L1, L2, GroupL1, SquaredL2
from .total_variation import h1, total_variation
from .zero import Zero

__all__ = [
    "Ball",
    "Box",
    "Composition",
    "Differentiable",
    "Functional",
    "GroupL1",
    "h1",
    "L1",
    "L2",
    "least_squares",
    "moreau",
    "nonnegativity",
    "Proximable",
    "Scaled",
    "SquaredL2",
    "Sum",
    "terms_of",
    "total_variation",
    "Zero",
]
