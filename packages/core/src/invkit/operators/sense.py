"""Parallel MRI: coil sensitivities followed by the sampled Fourier transform."""

from __future__ import annotations

from torch import Tensor

from .base import LinearOperator
from .coils import Coils
from .fourier import Fourier


def sense(coil_sensitivities: Tensor, sampling_pattern: Tensor | None = None) -> LinearOperator:
    """A x = (S F (c_j x))_j: (batch, 1, *spatial) -> (batch, coil, *spatial), both complex.

    coil_sensitivities: (coil, *spatial), complex.   sampling_pattern: as in ``Fourier``, shared by all coils.
    Source: Pruessmann et al. (1999), on a Cartesian grid.
    """
    coils = Coils(coil_sensitivities)
    fourier = Fourier(
        tuple(coil_sensitivities.shape[1:]),
        sampling_pattern,
        channels=len(coil_sensitivities),
        dtype=coil_sensitivities.dtype,
        device=coil_sensitivities.device,
    )
    return fourier @ coils
