"""Reconstruction methods behind one call: model(y, operator)."""

from __future__ import annotations

from .adjoint import Adjoint
from .base import IterativeReconstructor, MinimisingReconstructor, Reconstructor
from .denoiser import Denoiser
from .denoisers import GaussianFilter, ProximalDenoiser
from .iteratively_regularised import IterativelyRegularised
from .plug_and_play import PlugAndPlay
from .pseudo_inverse import PseudoInverse
from .red import RegularisationByDenoising
from .spectral import Tikhonov, TruncatedSVD
from .variational import Stopping, Variational

__all__ = [
    "Adjoint",
    "Denoiser",
    "GaussianFilter",
    "IterativelyRegularised",
    "IterativeReconstructor",
    "MinimisingReconstructor",
    "PlugAndPlay",
    "ProximalDenoiser",
    "PseudoInverse",
    "Reconstructor",
    "RegularisationByDenoising",
    "Stopping",
    "Tikhonov",
    "TruncatedSVD",
    "Variational",
]
