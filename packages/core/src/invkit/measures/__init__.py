"""Measurements: numbers that a claim predicts, taken on the object itself. They can refute; they never prove."""

from __future__ import annotations

from .adjoint_mismatch import adjoint_mismatch
from .batch_invariance import batch_invariance
from .blocks import block_ratio, blocks_of
from .conjugate import conjugate_gap
from .convexity import convexity_gap
from .determinism import determinism_error
from .equivariance import equivariance_error, off_grid_error
from .fresh_result import shared_results
from .gradient import gradient_error, hessian_error
from .gradient_field import jacobian_asymmetry
from .input_mutation import input_mutation
from .invariance import invariance_error
from .jvp import jvp_error
from .linearity import linearity_error
from .lipschitz import averagedness_ratio, lipschitz_ratio
from .measurement import Measurement, tolerance
from .operator_norm import lanczos_lower_bound, norm_interval_error
from .prox_gap import prox_gap
from .range_ratio import range_ratio
from .shortcuts import normal_error, pseudo_inverse_error
from .smoothness import smoothness_ratio
from .structure import isometry_error, self_adjointness_error, semidefiniteness_gap, unitarity_error
from .vjp import vjp_error

__all__ = [
    "adjoint_mismatch",
    "averagedness_ratio",
    "batch_invariance",
    "block_ratio",
    "blocks_of",
    "conjugate_gap",
    "convexity_gap",
    "determinism_error",
    "equivariance_error",
    "gradient_error",
    "hessian_error",
    "input_mutation",
    "invariance_error",
    "isometry_error",
    "jacobian_asymmetry",
    "jvp_error",
    "lanczos_lower_bound",
    "linearity_error",
    "lipschitz_ratio",
    "Measurement",
    "norm_interval_error",
    "normal_error",
    "off_grid_error",
    "prox_gap",
    "pseudo_inverse_error",
    "range_ratio",
    "self_adjointness_error",
    "semidefiniteness_gap",
    "shared_results",
    "smoothness_ratio",
    "tolerance",
    "unitarity_error",
    "vjp_error",
]
