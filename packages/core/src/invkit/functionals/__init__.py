"""Convex functionals with gradients, proximal maps and conjugates, and their algebra."""

from __future__ import annotations

from .affine import AffineSet
from .algebra import Composition, Scaled, Sum, terms_of
from .base import Differentiable, Functional, Proximable
from .conjugate import moreau
from .data_fidelity import (
    huber_fit,
    kullback_leibler,
    l1_fit,
    least_squares,
    smooth_kullback_leibler,
    weighted_least_squares,
)
from .directional_tv import directional_tv
from .huber import Huber
from .indicators import Ball, Box, nonnegativity
from .kullback_leibler import KullbackLeibler
from .linfinity import L1Ball, LInfinity
from .nonlinear_composition import NonlinearComposition
from .norms import L1, L2, GroupL1, SquaredL2
from .nuclear_norm import NuclearNorm, SpectralBall
from .partial_minimum import PartialMinimum, lifted
from .radial import RadialNorm
from .simplex import Simplex
from .smooth_kullback_leibler import SmoothKullbackLeibler
from .smoothed_norm import SmoothedNorm
from .tgv import TGV, tgv
from .total_variation import h1, huber_tv, nuclear_tv, smoothed_tv, total_variation, vector_tv
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
    "directional_tv",
    "Functional",
    "GroupL1",
    "h1",
    "Huber",
    "huber_fit",
    "huber_tv",
    "kullback_leibler",
    "KullbackLeibler",
    "L1",
    "l1_fit",
    "L1Ball",
    "L2",
    "least_squares",
    "lifted",
    "LInfinity",
    "moreau",
    "NonlinearComposition",
    "nonnegativity",
    "nuclear_tv",
    "NuclearNorm",
    "PartialMinimum",
    "Proximable",
    "RadialNorm",
    "Scaled",
    "Simplex",
    "smooth_kullback_leibler",
    "smoothed_tv",
    "SmoothedNorm",
    "SmoothKullbackLeibler",
    "SpectralBall",
    "SquaredL2",
    "Sum",
    "terms_of",
    "TGV",
    "tgv",
    "total_variation",
    "translate",
    "Translated",
    "vector_tv",
    "weighted_least_squares",
    "WeightedL1",
    "WeightedSquaredL2",
    "Zero",
]
