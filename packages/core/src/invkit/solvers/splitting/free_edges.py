"""Differences that stop at the edge, as periodic ones whose last entries are free: exact Fourier steps for both.

With D the forward differences that are zero across the far edge, P the periodic ones and M the 0/1 mask of the entries
that do not wrap round, D = M P. So f(D x) = g(P x) with g = f o M, and P* P is diagonal in the Fourier transform.
"""

from __future__ import annotations

import dataclasses

from torch import Tensor

from ...functionals.algebra import Scaled
from ...functionals.base import Functional, Proximable
from ...functionals.norms import GroupL1
from ...functionals.radial import RadialNorm
from ...operators.base import LinearOperator
from ...operators.finite_difference import FiniteDifference


def periodic_form(functional: Functional, operator: LinearOperator) -> FiniteDifference | None:
    """P with f(D x) = f(M P x); None unless the operator is such a D and the proximal map of f keeps zeros."""
    if type(operator) is not FiniteDifference or operator.boundary != "neumann":
        return None
    inner = functional.functional if isinstance(functional, Scaled) else functional
    keeps_zeros = type(inner) is GroupL1 or isinstance(inner, RadialNorm)
    return dataclasses.replace(operator, boundary="periodic") if keeps_zeros else None


def prox_with_free_edges(functional: Proximable, v: Tensor, tau: float | Tensor) -> Tensor:
    """The proximal map of f o M at a field of differences (batch, channel, d, *spatial): prox_f(M v) + v - M v.

    M is an orthogonal projection, and prox_f maps its range into itself, because it keeps zeros.
    """
    inside = v.clone()
    for edge in _edges(inside):
        edge.zero_()
    found = functional.prox(inside, tau)
    for edge, kept in zip(_edges(found), _edges(v), strict=True):
        edge.copy_(kept)
    return found


def _edges(field: Tensor) -> list[Tensor]:
    """The last entries of each component along its own axis, as views."""
    dims = field.shape[2]
    return [field.select(2, i).narrow(i - dims, field.shape[i - dims] - 1, 1) for i in range(dims)]
