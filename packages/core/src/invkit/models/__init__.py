"""Reconstruction methods behind one call: model(y, operator)."""

from __future__ import annotations

from .adjoint import Adjoint
from .base import Reconstructor
from .pseudo_inverse import PseudoInverse
from .variational import Stopping, Variational

__all__ = ["Adjoint", "PseudoInverse", "Reconstructor", "Stopping", "Variational"]
