"""Penalties on the discrete gradient: total variation and the squared H1 seminorm."""

from __future__ import annotations

from typing import Literal

from ..operators.finite_difference import FiniteDifference
from ..operators.space import Space
from .algebra import Composition, CompositionDifferentiable
from .norms import GroupL1, SquaredL2

Boundary = Literal["neumann", "periodic"]


def gradient_of(domain: Space, boundary: Boundary = "neumann", spacing: float | tuple[float, ...] = 1.0):
    """The forward-difference gradient on images of ``domain``, shape (channel, *spatial)."""
    return FiniteDifference(domain.shape[1:], domain.shape[0], boundary, spacing, domain.dtype, domain.device)


def total_variation(
    domain: Space,
    *,
    isotropic: bool = True,
    boundary: Boundary = "neumann",
    spacing: float | tuple[float, ...] = 1.0,
) -> Composition:
    """TV(x) = sum_p |(Dx)_p|_2, or sum_p |(Dx)_p|_1 if not isotropic; D as in ``FiniteDifference``.

    Complex images: real and imaginary differences stand in one group. Channels are independent.
    Source: Rudin, Osher, Fatemi (1992), eq. 2.
    """
    return Composition(GroupL1((1,) if isotropic else ()), gradient_of(domain, boundary, spacing))


def h1(
    domain: Space, *, boundary: Boundary = "neumann", spacing: float | tuple[float, ...] = 1.0
) -> CompositionDifferentiable:
    """0.5 |Dx|_2^2, the squared H1 seminorm; smooth with constant |D|^2."""
    return CompositionDifferentiable(SquaredL2(), gradient_of(domain, boundary, spacing))
