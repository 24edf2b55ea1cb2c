"""KSpaceFile: measured multi-coil k-space, fully sampled or not, brought to the conventions of invkit once, here."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from .coil_sensitivities import estimate_coil_sensitivities
from .formats import read
from .resample import percentile_999
from .sample import Sample, check_finite
from .sequence import SampleSequence

# A few samples that are zero in every coil are values, not gaps: no scan leaves out less than this share.
_COMPLETE = 0.99


@dataclass(frozen=True)
class KSpaceFile(SampleSequence):
    """One file of measured k-space (coil, *spatial), fully sampled or undersampled; axes of length 1 are dropped.

    An undersampled file (npy, npz, h5 or mat) has zeros where nothing was measured, which metadata["sampling_pattern"]
    tells apart. Its centre must be measured, since the coil sensitivities come from there.

    path: ``file::name`` chooses one array.   centred: DC (and the middle of the image) is at index n // 2, the usual
    form; False if both are at index 0.   calibration_size: see ``estimate_coil_sensitivities``.
    The sample's measurement is (1, coil, *spatial) complex64 with DC at index 0, scaled so that the 99.9 percentile of
    the magnitude of ``reference`` is 1, and the middle of the image at index n // 2. Its metadata:
    "scale": what the file's values were divided by;   "sampling_pattern": bool (*spatial), where any coil is not zero;
    "fully_sampled";   "reference": (1, 1, *spatial), the coil combination sum_j conj(s_j) F^-1 k_j / sum_j |s_j|^2, or
    None if samples are missing (then "scale" uses the same formula on the zero-filled data).

    Raises: DataError if the file is not complex k-space of at least one coil, not finite, or empty in its centre.
    """

    path: str | os.PathLike[str]
    centred: bool = True
    calibration_size: int = 24

    def __len__(self) -> int:
        return 1

    def _sample(self, index: int) -> Sample:
        image = read(self.path)
        name = os.fspath(self.path)
        kspace = torch.from_numpy(image.array.copy()).squeeze()
        if not kspace.is_complex() or kspace.ndim not in (2, 3, 4):
            raise DataError(
                f"{name}: the array has shape {image.array.shape} and dtype {image.array.dtype}, expected complex "
                "k-space (coil, *spatial). Choose another array with file::name."
            )
        check_finite(kspace, name)
        kspace = kspace[None] if kspace.ndim == 2 else kspace
        # the scale of k-space is arbitrary, up to 1e13 in files: bring it into the range of complex64 first
        peak = float(kspace.abs().max())
        if peak == 0:
            raise DataError(f"{name}: every sample is zero, expected measured k-space. Choose another array.")
        kspace = (kspace.to(torch.complex128) / peak)[None]
        measurement = uncentre(kspace) if self.centred else kspace
        measurement = measurement.to(torch.complex64)
        try:
            sensitivities = estimate_coil_sensitivities(measurement, self.calibration_size)
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        reference = combine_coils(measurement, sensitivities)
        scale = percentile_999(reference.numpy())
        pattern = (measurement[0] != 0).any(dim=0)
        if float(pattern.double().mean()) > _COMPLETE:
            pattern = torch.ones_like(pattern)
        metadata: dict[str, Any] = {
            **image.metadata,
            "scale": scale * peak,
            "sampling_pattern": pattern,
            "fully_sampled": bool(pattern.all()),
            "acceleration": math.prod(pattern.shape) / max(1, int(pattern.sum())),
            "reference": reference / scale if bool(pattern.all()) else None,
        }
        num_axes = measurement.ndim - 2
        return Sample(
            name=name,
            subject=str(image.metadata.get("subject") or Path(name.partition("::")[0]).stem),
            measurement=measurement / scale,
            spacing=image.spacing[-num_axes:] if image.spacing and len(image.spacing) >= num_axes else None,
            coil_sensitivities=sensitivities[0],
            metadata=metadata,
        )


def uncentre(kspace: Tensor) -> Tensor:
    """Move DC from n // 2 to 0 along the axes after (batch, coil), leaving the middle of the image at n // 2.

    Equals F fftshift(F^-1 ifftshift k), computed as a phase exp(-2 pi i f (n // 2) / n), so that samples that are zero
    (not measured) stay exactly zero.
    """
    axes = tuple(range(2, kspace.ndim))
    shifted = torch.fft.ifftshift(kspace, dim=axes)
    for axis in axes:
        length = kspace.shape[axis]
        # the integer product modulo n keeps the angle exact
        turns = (torch.arange(length) * (length // 2) % length).to(torch.float64) / length
        phase = torch.polar(torch.ones_like(turns), -2 * torch.pi * turns)
        shifted = shifted * phase.reshape(-1, *[1] * (kspace.ndim - 1 - axis)).to(kspace.dtype)
    return shifted


def combine_coils(kspace: Tensor, sensitivities: Tensor) -> Tensor:
    """sum_j conj(s_j) F^-1 k_j / sum_j |s_j|^2, shape (batch, 1, *spatial); 0 where no coil is sensitive."""
    images = torch.fft.ifftn(kspace, dim=tuple(range(2, kspace.ndim)), norm="ortho")
    combined = (sensitivities.conj() * images).sum(dim=1, keepdim=True)
    weight = sensitivities.abs().square().sum(dim=1, keepdim=True)
    return combined / torch.where(weight > 0, weight, torch.ones_like(weight))
