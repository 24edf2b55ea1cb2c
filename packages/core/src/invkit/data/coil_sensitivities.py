"""Coil sensitivities from the fully sampled centre of k-space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError
from .sample import check_finite


def estimate_coil_sensitivities(kspace: Tensor, calibration_size: int | Sequence[int] = 24) -> Tensor:
    """Sensitivities (batch, coil, *spatial) of k-space (batch, coil, *spatial), DC at index 0.

    c_j = F^-1 (w k_j),   s_j = c_j / sqrt(sum_i |c_i|^2),
    with w the Hann window cos^2(pi f / calibration_size) on |f| < calibration_size / 2 along each axis.
    So sum_j |s_j|^2 = 1 (or 0 where no coil has any signal), and the coil operator has norm at most 1.

    The phase reference is the low-resolution image itself: its phase goes into s, and the combined image is nearly real
    and positive. Referring to one coil, or to their principal combination, would put a phase vortex into s and into
    the image wherever that coil is blind, for a head array in the middle of the head; no regulariser would like it.

    calibration_size: samples per axis, or one number per axis; at most the size of k-space.
    Raises: ShapeError or ConfigError if the sizes do not fit; DataError if the centre has samples that are zero in
    every coil, or k-space is not finite.
    Source: Roemer et al. (1990); McKenzie et al. (2002).
    """
    if kspace.ndim < 3 or not kspace.is_complex():
        raise ShapeError(
            f"coil sensitivities: k-space has shape {tuple(kspace.shape)} and dtype {kspace.dtype}, expected complex "
            "(batch, coil, *spatial). Add the missing axes."
        )
    check_finite(kspace, "coil sensitivities: k-space")
    spatial = tuple(kspace.shape[2:])
    sizes = _calibration_sizes(calibration_size, spatial)
    window = calibration_window(spatial, sizes).to(kspace.device)
    _check_calibrated(kspace, window > 0, sizes)

    axes = tuple(range(2, kspace.ndim))
    low = torch.fft.ifftn(kspace * window.to(kspace.real.dtype), dim=axes, norm="ortho")
    root_sum_of_squares = low.abs().square().sum(dim=1, keepdim=True).sqrt()
    peak = root_sum_of_squares.flatten(1).amax(dim=1).reshape(-1, *[1] * (kspace.ndim - 1))
    empty = root_sum_of_squares <= torch.finfo(root_sum_of_squares.dtype).eps * peak
    scale = torch.where(empty, torch.ones_like(root_sum_of_squares), root_sum_of_squares)
    return torch.where(empty, torch.zeros_like(low), low / scale)


def calibration_window(spatial: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Separable Hann window (*spatial), DC at index 0; zero outside the calibration centre."""
    window = torch.ones((), dtype=torch.float64)
    for length, size in zip(spatial, sizes, strict=True):
        frequency = torch.fft.fftfreq(length, d=1 / length, dtype=torch.float64).round()
        line = (torch.pi * frequency / size).cos().square() * (frequency.abs() < size / 2)
        window = window[..., None] * line
    return window


def _calibration_sizes(calibration_size: int | Sequence[int], spatial: tuple[int, ...]) -> tuple[int, ...]:
    sizes = (calibration_size,) * len(spatial) if isinstance(calibration_size, int) else tuple(calibration_size)
    if len(sizes) != len(spatial) or not all(1 <= s <= n for s, n in zip(sizes, spatial, strict=True)):
        raise ConfigError(
            f"coil sensitivities: calibration_size is {calibration_size}, expected 1 to {spatial} along each axis. "
            "Use a smaller centre."
        )
    return sizes


def _check_calibrated(kspace: Tensor, centre: Tensor, sizes: tuple[int, ...]) -> None:
    measured = (kspace != 0).any(dim=1)
    missing = int((centre & ~measured).sum())
    if missing:
        raise DataError(
            f"coil sensitivities: {missing} samples of the {' x '.join(map(str, sizes))} calibration centre are zero "
            "in every coil, expected it fully sampled. Reduce calibration_size, or check where DC is (index 0)."
        )
