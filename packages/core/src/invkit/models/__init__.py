"""Reconstruction methods behind one call: model(y, operator)."""

from __future__ import annotations

from .adjoint import Adjoint
from .base import IterativeReconstructor, MinimisingReconstructor, Reconstructor
from .denoiser import BoundedDenoiser, Denoiser
from .denoisers import GaussianFilter, ProximalDenoiser
from .derived_denoisers import ClippedDenoiser, OperatorDenoiser, OracleResidual, ResidualDenoiser
from .iteratively_regularised import IterativelyRegularised
from .plug_and_play import PlugAndPlay
from .pseudo_inverse import PseudoInverse
from .red import RegularisationByDenoising
from .spectral import Tikhonov, TruncatedSVD
from .variational import Stopping, Variational

__all__ = [
    "Adjoint",
    "BoundedDenoiser",
    "ClippedDenoiser",
    "Denoiser",
    "GaussianFilter",
    "IterativelyRegularised",
    "IterativeReconstructor",
    "MinimisingReconstructor",
    "OperatorDenoiser",
    "OracleResidual",
    "PlugAndPlay",
    "ProximalDenoiser",
    "PseudoInverse",
    "Reconstructor",
    "RegularisationByDenoising",
    "ResidualDenoiser",
    "Stopping",
    "Tikhonov",
    "TruncatedSVD",
    "Variational",
]
