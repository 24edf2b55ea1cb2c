"""Convex functionals with gradients, proximal maps and conjugates, and their algebra."""

from __future__ import annotations

from .affine import AffineSet
from .algebra import Composition, Scaled, Sum, terms_of
from .base import Differentiable, Functional, Proximable
from .conjugate import moreau
from .data_fidelity import huber_fit, kullback_leibler, l1_fit, least_squares, weighted_least_squares
from .huber import Huber
from .indicators import Ball, Box, nonnegativity
from .kullback_leibler import KullbackLeibler
from .linfinity import L1Ball, LInfinity
from .norms import L1, L2, GroupL1, SquaredL2
from .nuclear_norm import NuclearNorm, SpectralBall
from .radial import RadialNorm
from .simplex import Simplex
from .smoothed_norm import SmoothedNorm
from .total_variation import h1, total_variation
from .translation import Translated, translate
from .weighted_l1 import WeightedL1
from .weighted_squared_l2 import WeightedSquaredL2
from .zero import Zero

__all__ = [
    "AffineSet",
    "Ball",
    "Box",
    "Composition",
    "Differentiable",
    "Functional",
    "GroupL1",
    "h1",
    "Huber",
    "huber_fit",
    "kullback_leibler",
    "KullbackLeibler",
    "L1",
    "l1_fit",
    "L1Ball",
    "L2",
    "least_squares",
    "LInfinity",
    "moreau",
    "nonnegativity",
    "NuclearNorm",
    "Proximable",
    "RadialNorm",
    "Scaled",
    "Simplex",
    "SmoothedNorm",
    "SpectralBall",
    "SquaredL2",
    "Sum",
    "terms_of",
    "total_variation",
    "translate",
    "Translated",
    "weighted_least_squares",
    "WeightedL1",
    "WeightedSquaredL2",
    "Zero",
]
