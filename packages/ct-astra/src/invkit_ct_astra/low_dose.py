"""Low-dose CT scans of a known image, simulated on a finer grid than they are reconstructed on."""

from __future__ import annotations

import torch
from torch import Tensor

from invkit.data.noise import PostLogPoisson
from invkit.data.sample import check_finite
from invkit.errors import ConfigError, ShapeError

from .astra_projector import AstraProjector
from .geometry import ParallelBeam2d


def simulate_low_dose(
    truth: Tensor,
    geometry: ParallelBeam2d,
    *,
    photons: float = 10000,
    mu: float = 1.0,
    floor: float = 1e-8,
    oversampling: int = 2,
    generator: torch.Generator,
) -> Tensor:
    """y = -(1/mu) log(max(n / photons, floor)), n ~ Poisson(photons exp(-mu R truth)): (batch, 1, angle, detector).

    truth: attenuation >= 0, (batch, 1, rows, columns) on the grid of the geometry or on one that is a whole number of
        times finer.   mu: 1 for images in 1/mm.   The defaults are the dissertation's, with 50 views.
    oversampling: R divides every pixel and every detector element into so many per side and averages the element's
        line integrals, so that a reconstruction with the operator of ``geometry`` does not invert the very matrix
        that made its data (the "inverse crime").   1 commits it.

    Raises: ShapeError if the image does not fit; ConfigError for a parameter; DataError if it is not finite, or so
    negative that rays gain photons.
    Source: dissertation, section 2.5.1.
    """
    noise = PostLogPoisson(photons, mu, floor)
    return noise(project_finely(truth, geometry, oversampling=oversampling), generator)


def project_finely(truth: Tensor, geometry: ParallelBeam2d, *, oversampling: int = 2) -> Tensor:
    """The clean sinogram R truth of ``simulate_low_dose``."""
    if isinstance(oversampling, bool) or not isinstance(oversampling, int) or oversampling < 1:
        raise ConfigError(f"low-dose scan: oversampling is {oversampling!r}, expected a positive integer. Use 2.")
    given = _refinement_of(truth, geometry)
    check_finite(truth, "low-dose scan: truth")
    fine = geometry.refined(given * oversampling)
    image = truth.detach().to("cpu", torch.float32)
    image = image.repeat_interleave(oversampling, dim=-2).repeat_interleave(oversampling, dim=-1)
    # Used once: storing a matrix would take longer than applying it.
    sinogram = AstraProjector(fine).forward(image)
    elements = sinogram.unflatten(-1, (geometry.num_detectors, -1))
    return elements.mean(-1).to(truth.device, truth.dtype)


def _refinement_of(truth: Tensor, geometry: ParallelBeam2d) -> int:
    """How many times finer the image is than the geometry."""
    rows, columns = geometry.image_shape
    factor = truth.shape[-2] // rows if truth.ndim == 4 else 0
    if factor < 1 or truth.shape[1:] != (1, rows * factor, columns * factor) or not truth.is_floating_point():
        raise ShapeError(
            f"low-dose scan: truth has shape {tuple(truth.shape)} and dtype {truth.dtype}, expected a real image "
            f"(batch, 1, {rows}, {columns}) or a whole number of times finer. Build the geometry for this image."
        )
    return factor
