"""Penalties on the discrete gradient: total variation, its smooth and vectorial kin, and the squared H1 seminorm."""

from __future__ import annotations

from torch import Tensor

from ..operators.finite_difference import Boundary, FiniteDifference
from ..operators.space import Space
from .algebra import Composition, CompositionDifferentiable
from .huber import Huber
from .norms import GroupL1, SquaredL2
from .nuclear_norm import NuclearNorm
from .smoothed_norm import SmoothedNorm


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


def vector_tv(
    domain: Space, *, boundary: Boundary = "neumann", spacing: float | tuple[float, ...] = 1.0
) -> Composition:
    """sum_p |(Dx)_p|_F over the Jacobian of all channels: they share their edges. With one channel it is TV.

    Source: Bresson, Chan (2008), Fast dual minimization of the vectorial total variation norm.
    """
    return Composition(GroupL1((0, 1)), gradient_of(domain, boundary, spacing))


def nuclear_tv(
    domain: Space, *, boundary: Boundary = "neumann", spacing: float | tuple[float, ...] = 1.0
) -> Composition:
    """sum_p |(Dx)_p|_*, the nuclear norm of the Jacobian of all channels: their edges share one direction too.

    Source: Holt (2014), Total nuclear variation and Jacobian extensions of total variation for vector fields.
    """
    return Composition(NuclearNorm((0,), (1,)), gradient_of(domain, boundary, spacing))


def huber_tv(
    domain: Space,
    *,
    delta: float | Tensor = 1e-2,
    isotropic: bool = True,
    boundary: Boundary = "neumann",
    spacing: float | tuple[float, ...] = 1.0,
) -> CompositionDifferentiable:
    """sum_p rho(|(Dx)_p|), quadratic up to delta and |.| - delta / 2 beyond (``Huber``): TV with a gradient.

    delta: in units of Dx, a number or a 0-d tensor that is learned.

    Raises: ConfigError if delta is not positive.
    """
    return CompositionDifferentiable(Huber(delta, (1,) if isotropic else ()), gradient_of(domain, boundary, spacing))


def smoothed_tv(
    domain: Space,
    *,
    gamma: float | Tensor = 1e-2,
    isotropic: bool = True,
    boundary: Boundary = "neumann",
    spacing: float | tuple[float, ...] = 1.0,
) -> CompositionDifferentiable:
    """sum_p rho(|(Dx)_p|) with the twice differentiable rho of ``SmoothedNorm``, |.| - gamma / 3 beyond gamma.

    gamma: in units of Dx, a number or a 0-d tensor that is learned.

    Raises: ConfigError if gamma is not positive.
    Source: Sherry (2021), section 1.2.1.
    """
    norm = SmoothedNorm(gamma, (1,) if isotropic else ())
    return CompositionDifferentiable(norm, gradient_of(domain, boundary, spacing))


def h1(
    domain: Space, *, boundary: Boundary = "neumann", spacing: float | tuple[float, ...] = 1.0
) -> CompositionDifferentiable:
    """0.5 |Dx|_2^2, the squared H1 seminorm; smooth with constant |D|^2."""
    return CompositionDifferentiable(SquaredL2(), gradient_of(domain, boundary, spacing))
