"""Convex functionals with gradients, proximal maps and conjugates, and their algebra."""

from __future__ import annotations

from .algebra import Composition, Scaled, Sum, terms_of
from .base import Differentiable, Functional, Proximable
from .conjugate import moreau
from .data_fidelity import kullback_leibler, l1_fit, least_squares, weighted_least_squares
from .huber import Huber
from .indicators import Ball, Box, nonnegativity
from .kullback_leibler import KullbackLeibler
from .norms import L1, L2, GroupL1, SquaredL2
from .radial import RadialNorm
from .smoothed_norm import SmoothedNorm
from .total_variation import h1, total_variation
from .translation import Translated, translate
from .weighted_squared_l2 import WeightedSquaredL2
from .zero import Zero

__all__ = [
    "Ball",
    "Box",
    "Composition",
    "Differentiable",
    "Functional",
    "GroupL1",
    "h1",
    "Huber",
    "kullback_leibler",
    "KullbackLeibler",
    "L1",
    "l1_fit",
    "L2",
    "least_squares",
    "moreau",
    "nonnegativity",
    "Proximable",
    "RadialNorm",
    "Scaled",
    "SmoothedNorm",
    "SquaredL2",
    "Sum",
    "terms_of",
    "total_variation",
    "translate",
    "Translated",
    "weighted_least_squares",
    "WeightedSquaredL2",
    "Zero",
]
