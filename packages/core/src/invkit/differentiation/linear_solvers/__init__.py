"""Solvers of M q = b for a function M, each image by itself."""

from __future__ import annotations

from ...errors import ConfigError
from ..iterations import Anderson, Broyden, Picard
from .affine import Affine
from .base import LinearResult, LinearSolver
from .gmres import GMRES
from .pcg import PCG

#: Names for configurations.
_NAMED: dict[str, LinearSolver] = {
    "cg": PCG(),
    "gmres": GMRES(),
    "neumann": Affine(Picard()),
    "anderson": Affine(Anderson()),
    "broyden": Affine(Broyden()),
}


def linear_solver_named(solver: str | LinearSolver, who: str) -> LinearSolver:
    """The solver of that name, or the solver itself.

    Raises: ConfigError if there is none of that name.
    """
    if isinstance(solver, LinearSolver):
        return solver
    if solver not in _NAMED:
        raise ConfigError(f"{who}: linear_solver is {solver!r}, expected one of {', '.join(_NAMED)}. Choose one.")
    return _NAMED[solver]


__all__ = ["Affine", "GMRES", "linear_solver_named", "LinearResult", "LinearSolver", "PCG"]
