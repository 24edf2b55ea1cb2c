"""Settings that the theorems must refuse, each beside one that they speak of rightly."""

from __future__ import annotations

from . import gradient, linear, maps, primal_dual, variational
from .case import Case

RULES = (*gradient.SPECIMENS, *primal_dual.SPECIMENS, *linear.SPECIMENS, *maps.SPECIMENS, *variational.SPECIMENS)

__all__ = ["Case", "RULES"]
