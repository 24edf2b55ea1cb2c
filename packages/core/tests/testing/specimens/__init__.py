"""Wrong specimens by kind. The test beside this folder runs every check on each; the documentation prints the table."""

from __future__ import annotations

from .denoisers import DENOISERS
from .functionals import FUNCTIONALS
from .models import MODELS
from .networks import NETWORKS
from .operators import OPERATORS
from .registry import SPACE, Specimen, as_checked
from .solvers import SOLVERS
from .symmetry import SYMMETRIES
from .theorems import RULES

SPECIMENS: tuple[Specimen, ...] = (
    *OPERATORS,
    *FUNCTIONALS,
    *SOLVERS,
    *MODELS,
    *DENOISERS,
    *NETWORKS,
    *SYMMETRIES,
    *RULES,
)

__all__ = ["SPACE", "SPECIMENS", "Specimen", "as_checked"]
