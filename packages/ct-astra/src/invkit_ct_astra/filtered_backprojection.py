"""Filtered backprojection for parallel beams: linear, differentiable, in 1/mm whatever the pixel size."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Basis, Claim
from invkit.errors import ConfigError
from invkit.functionals.data_fidelity import check_measurement
from invkit.models.base import Reconstructor
from invkit.operators import LinearOperator

from .geometry import ParallelBeam2d
from .ray_transform import RayTransform

#: Name -> window of the ramp, as a function of the frequency relative to the Nyquist frequency, in [0, 1].
FILTERS: dict[str, Callable[[Tensor], Tensor]] = {
    "ram-lak": torch.ones_like,
    "shepp-logan": lambda f: torch.sinc(f / 2),
    "cosine": lambda f: torch.cos(math.pi * f / 2),
    "hamming": lambda f: 0.54 + 0.46 * torch.cos(math.pi * f),
    "hann": lambda f: 0.5 + 0.5 * torch.cos(math.pi * f),
}


class FilteredBackprojection(Reconstructor):
    """x = sum over views of w_theta (d / h^2) W_theta^T (k * y_theta).

    k is the ramp filter of the chosen window, d the detector spacing, h the pixel size, w the part of [0, pi) that a
    view stands for: pi / num_angles when they are equally spaced. The rays of one view add h^2 / d to a pixel, so
    d / h^2 makes W^T an interpolation; W^T is the exact adjoint of the operator. Where detectors are farther apart than
    pixels, rays pass between pixels and W^T interpolates badly and adds noise: reconstruct on pixels as
    large as the detectors.

    filter: ``ram-lak shepp-logan cosine hamming hann``, in falling order of noise.
    cutoff: frequencies above this part of the Nyquist frequency are dropped; the window shrinks with it.
    nonnegative: set negative values to zero at the end; the map is then no longer linear.

    Raises: ConfigError for a parameter, or when called with an operator that is not a parallel-beam ray transform.
    Source: Kak, Slaney (1988), section 3.3.3.
    """

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def __init__(self, filter: str = "ram-lak", *, cutoff: float = 1.0, nonnegative: bool = False) -> None:  # noqa: A002
        super().__init__()
        if not isinstance(filter, str) or filter not in FILTERS:
            near = difflib.get_close_matches(str(filter), FILTERS, n=1)
            hint = f"Did you mean {near[0]}?" if near else "Choose one."
            raise ConfigError(
                f"FilteredBackprojection: filter is {filter!r}, expected one of {', '.join(FILTERS)}. {hint}"
            )
        if not isinstance(cutoff, int | float) or not 0 < cutoff <= 1:
            raise ConfigError(
                f"FilteredBackprojection: cutoff is {cutoff!r}, expected a number in (0, 1]. Use 1 for all."
            )
        self.filter = filter
        self.cutoff = cutoff
        self.nonnegative = nonnegative

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        """Reconstruct (batch, 1, rows, columns) from a sinogram (batch, 1, angle, detector)."""
        if not isinstance(operator, RayTransform):
            raise ConfigError(
                f"FilteredBackprojection: operator is {type(operator).__name__}, expected a RayTransform. "
                "Build ct-astra/parallel-beam-2d, or choose a model that takes any operator."
            )
        operator.codomain.check(y, "FilteredBackprojection: measurement")
        check_measurement(y, "FilteredBackprojection")
        geometry = operator.geometry
        scale = geometry.detector_spacing / geometry.pixel_size**2
        weights = torch.tensor(angular_weights(geometry.angles), dtype=y.dtype, device=y.device)
        x = operator.adjoint(self._filtered(y, geometry) * (scale * weights[:, None]))
        return x.clamp_min(0) if self.nonnegative else x

    def claims(self) -> tuple[Claim, ...]:
        """Differentiable in the sinogram, and linear unless it is clipped."""
        differentiable = Claim(property="differentiable", basis=BY_CONSTRUCTION)
        linear = Claim(property="linear", basis=BY_CONSTRUCTION)
        return (differentiable,) if self.nonnegative else (linear, differentiable)

    def extra_repr(self) -> str:
        return f"filter={self.filter!r}, cutoff={self.cutoff}, nonnegative={self.nonnegative}"

    def _filtered(self, y: Tensor, geometry: ParallelBeam2d) -> Tensor:
        if not y.numel():
            return y  # there is no FFT of nothing
        # Twice the length, so that the periodic convolution does not wrap the ends into each other.
        length = 2 ** math.ceil(math.log2(2 * geometry.num_detectors))
        ramp = ramp_response(length, geometry.detector_spacing).to(y.device)
        frequency = torch.fft.rfftfreq(length, dtype=torch.float64, device=y.device) * 2 / self.cutoff
        # 1e-9: the Nyquist frequency itself is kept.
        window = torch.where(frequency <= 1 + 1e-9, FILTERS[self.filter](frequency), 0.0)
        response = (ramp * window).to(y.dtype)
        return torch.fft.irfft(torch.fft.rfft(y, n=length) * response, n=length)[..., : geometry.num_detectors]


def ramp_response(length: int, spacing: float) -> Tensor:
    """Response in 1/mm of the band-limited ramp filter, (length // 2 + 1,), float64.

    It is the transform of spacing * h(n) with h(0) = 1 / (4 d^2), h(n) = -1 / (pi n d)^2 for odd n and 0 for even n;
    sampling |frequency| instead would lose the mean of the image.   Source: Kak, Slaney (1988), eq. 61.
    """
    n = torch.arange(length, dtype=torch.float64)
    distance = torch.minimum(n, length - n)
    kernel = torch.where(distance % 2 == 1, -1 / (math.pi * distance.clamp_min(1)) ** 2, 0.0)
    kernel[0] = 0.25
    return torch.fft.rfft(kernel).real / spacing


def angular_weights(angles: tuple[float, ...]) -> list[float]:
    """The part of [0, pi) that each view stands for: half the gaps to its neighbours modulo pi.

    Views of the same line (theta and theta + pi) share their part. The largest gap, if more than three times the next
    one, was not measured and counts as the next one: FBP does not fill a missing wedge.
    """
    positions = torch.tensor(angles, dtype=torch.float64).remainder(math.pi)
    # Rounding may put one of two equal angles just below pi and the other at 0.
    positions = torch.where(math.pi - positions < 1e-9, 0.0, positions)
    rounded = (positions * 1e9).round()
    unique, place, count = torch.unique(rounded, return_inverse=True, return_counts=True)
    if len(unique) == 1:
        return [math.pi / len(angles)] * len(angles)
    gaps = torch.diff(unique, append=unique[:1] + round(math.pi * 1e9)) / 1e9
    second = gaps.sort().values[-2]
    gaps = torch.where(gaps > 3 * second, second, gaps)
    shares = (gaps + gaps.roll(1)) / 2 / count
    return shares[place].tolist()
