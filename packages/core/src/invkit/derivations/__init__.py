"""The rules by which the claims of an expression follow from those of its parts, each with its source; no torch."""

from .derivation import Derivation
from .functionals import FUNCTIONALS
from .operators import OPERATORS

__all__ = ["FUNCTIONALS", "OPERATORS", "Derivation"]
