"""The rules by which the claims of an expression follow from those of its parts, each with its source; no torch."""

from .derivation import Derivation
from .functionals import FUNCTIONALS
from .maps import MAPS
from .operators import OPERATORS
from .symmetry import SYMMETRIES

#: Every rule.
DERIVATIONS: tuple[Derivation, ...] = (*OPERATORS, *FUNCTIONALS, *MAPS, *SYMMETRIES)

__all__ = ["DERIVATIONS", "FUNCTIONALS", "MAPS", "OPERATORS", "SYMMETRIES", "Derivation"]
