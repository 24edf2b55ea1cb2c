"""Directional total variation: edges where a reference image has them cost less."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError
from ..operators.directional import AcrossDirection
from ..operators.finite_difference import Boundary, FiniteDifference
from ..operators.space import Space, check_tensor, real_dtype
from .algebra import Composition
from .norms import GroupL1
from .total_variation import gradient_of


def directional_tv(
    domain: Space,
    *,
    reference: Tensor,
    eta: float = 1e-2,
    boundary: Boundary = "neumann",
    spacing: float | tuple[float, ...] = 1.0,
) -> Composition:
    """dTV(x) = sum_p |(P D x)_p|, P_p = I - xi_p xi_p^T, xi = D v / (|D v|^2 + e^2)^(1/2): D x along D v is cheap.

    reference: v, an image of the same object, of shape (*spatial), (1, *spatial) or (channel, *spatial); one channel
        serves all. Of a complex one the magnitude is taken, for phases of two contrasts have little in common. It is
        converted to the precision and device of the images; gradients reach it.
    eta: e in units of the steepest |D v|, so that the scale of v does not matter: e = eta max_p |(D v)_p|. Edges much
        flatter than e are taken for noise. A constant reference gives total variation.
    boundary, spacing: as in ``FiniteDifference``, for x and v alike.

    Raises: ShapeError if the reference does not fit; DataError if it is not finite; ConfigError if eta is not positive.
    Source: Ehrhardt, Betcke (2016), Multicontrast MRI reconstruction with structure-guided total variation; there e is
    absolute.
    """
    if not 0 < eta < math.inf:
        raise ConfigError(f"directional_tv: eta is {eta}, expected a positive number. Use 0.01.")
    gradient = gradient_of(domain, boundary, spacing)
    across = AcrossDirection(_directions(reference, domain, gradient, eta), domain.shape[0], domain.dtype)
    return Composition(GroupL1((1,)), across @ gradient)


def _directions(reference: Tensor, domain: Space, gradient: FiniteDifference, eta: float) -> Tensor:
    """xi, (channel or 1, d, *spatial)."""
    check_tensor(reference, "directional_tv", "reference")
    image_shape = domain.shape[1:]
    given = tuple(reference.shape)
    if given not in (image_shape, (1, *image_shape), domain.shape):
        raise ShapeError(
            f"directional_tv: reference has shape {given}, expected {image_shape}, {(1, *image_shape)} or "
            f"{domain.shape}. Resample it to the grid of the images."
        )
    real = real_dtype(domain.dtype)
    if not bool(torch.isfinite(reference.detach()).all()):
        missing = int((~torch.isfinite(reference.detach())).sum())
        raise DataError(
            f"directional_tv: reference has {missing} values that are NaN or inf, expected 0. Repair or mask them."
        )
    if not (reference.is_floating_point() or reference.is_complex()):
        reference = reference.to(real)
    reference = _in_its_own_unit(reference)  # before it is converted: its largest value may not fit
    v = (reference.abs() if reference.is_complex() else reference).to(device=domain.device, dtype=real)
    v = v if len(given) == len(domain.shape) else v.unsqueeze(0)
    steps = FiniteDifference(
        image_shape, len(v), gradient.boundary, gradient.spacing, real, domain.device
    )  # fmt: skip
    # Only the direction matters: in units of the steepest step no square overflows or vanishes.
    g = _in_its_own_unit(steps.forward(v.unsqueeze(0)).squeeze(0))
    squares = g.square().sum(1, keepdim=True)
    # No root of the squares is taken where they may be zero: it has no derivative there.
    limit = squares + eta**2 * squares.amax()
    return g / limit.clamp_min(torch.finfo(real).tiny).sqrt()


def _in_its_own_unit(x: Tensor) -> Tensor:
    """x / max |x|; the maximum is held, for what depends on the direction of x alone does not depend on it."""
    largest = x.detach().abs().amax()
    return x / torch.where(largest > 0, largest, 1)
