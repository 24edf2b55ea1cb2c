"""Reconstruction methods behind one call: model(y, operator)."""

from __future__ import annotations

from .adjoint import Adjoint
from .base import IterativeReconstructor, Reconstructor
from .pseudo_inverse import PseudoInverse
from .variational import Stopping, Variational

__all__ = [
    "Adjoint",
    "IterativeReconstructor",
    "PseudoInverse",
    "Reconstructor",
    "Stopping",
    "Variational",
]
