"""Noise models. Each is a frozen value, called as ``noise(y, generator)``; nothing is drawn without a generator.

Random numbers are drawn on the generator's device and moved to the measurement's, so that a CPU generator gives the
same noise wherever the measurement lives.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError
from .sample import check_finite

logger = logging.getLogger(__name__)


def _check_generator(name: str, generator: object) -> None:
    if not isinstance(generator, torch.Generator):
        raise ConfigError(
            f"{name}: generator is {type(generator).__name__}, expected a torch.Generator. "
            "Pass torch.Generator().manual_seed(seed)."
        )


def _check_std(name: str, std: float) -> None:
    if not 0 <= std < math.inf:
        raise ConfigError(f"{name}: std is {std}, expected a finite number >= 0. Correct it.")


def _normal(shape: torch.Size, dtype: torch.dtype, device: torch.device, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, dtype=dtype, device=generator.device, generator=generator).to(device)


@dataclass(frozen=True)
class Gaussian:
    """y + std * n with n standard normal, for real y.

    Raises: ConfigError if std is negative or not finite; ShapeError if y is not real; DataError if y is not finite.
    """

    std: float

    def __post_init__(self) -> None:
        _check_std("Gaussian", self.std)

    def __call__(self, y: Tensor, generator: torch.Generator) -> Tensor:
        _check_generator("Gaussian", generator)
        if not y.is_floating_point():
            raise ShapeError(f"Gaussian: y has dtype {y.dtype}, expected a real one. Use ComplexGaussian for k-space.")
        check_finite(y, "Gaussian: y")
        return y + self.std * _normal(y.shape, y.dtype, y.device, generator)


@dataclass(frozen=True, eq=False)
class ComplexGaussian:
    """y + S std (n1 + i n2) with n1, n2 standard normal: std is that of the real and of the imaginary part.

    sampling_pattern: broadcasts against y; where it is zero nothing was measured, and y stays as it is (zero).

    Raises: ConfigError if std is negative or not finite; ShapeError if y is not complex or the pattern does not fit;
    DataError if y is not finite.
    """

    std: float
    sampling_pattern: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_std("ComplexGaussian", self.std)

    def __call__(self, y: Tensor, generator: torch.Generator) -> Tensor:
        _check_generator("ComplexGaussian", generator)
        if not y.is_complex():
            raise ShapeError(f"ComplexGaussian: y has dtype {y.dtype}, expected a complex one. Use Gaussian instead.")
        check_finite(y, "ComplexGaussian: y")
        real_dtype = y.real.dtype
        parts = _normal(torch.Size((2, *y.shape)), real_dtype, y.device, generator)
        noise = self.std * torch.complex(parts[0], parts[1])
        return y + noise if self.sampling_pattern is None else y + noise * self._mask(y)

    def _mask(self, y: Tensor) -> Tensor:
        pattern = self.sampling_pattern
        assert pattern is not None
        try:
            fits = torch.broadcast_shapes(pattern.shape, y.shape) == y.shape
        except RuntimeError:
            fits = False
        if not fits:
            raise ShapeError(
                f"ComplexGaussian: sampling_pattern has shape {tuple(pattern.shape)}, expected one that broadcasts "
                f"against y of shape {tuple(y.shape)}. Pass the pattern that y was sampled with."
            )
        return (pattern != 0).to(y.device)


@dataclass(frozen=True)
class PostLogPoisson:
    """Low-dose CT after the logarithm: y = -(1/mu) log(max(n / photons, floor)), n ~ Poisson(photons exp(-mu R u)).

    The input is the clean sinogram R u >= 0 and the output has its scale.
    photons: mean count of an unattenuated ray.   mu: attenuation of a unit of u, so that mu R u has no dimension.
    floor: replaces a fraction of zero photons, whose logarithm is infinite.

    Raises: ConfigError if a parameter is not positive; ShapeError if the sinogram is not real; DataError if it is not
    finite, or so negative that more than e times the photons would arrive.
    Source: dissertation, section 2.5.1.
    """

    photons: float = 10000
    mu: float = 1.0
    floor: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("photons", "mu", "floor"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ConfigError(f"PostLogPoisson: {name} is {value}, expected a finite number > 0. Correct it.")
        if self.floor >= 1:
            raise ConfigError(f"PostLogPoisson: floor is {self.floor}, expected less than 1. Use 1e-8.")

    def __call__(self, y: Tensor, generator: torch.Generator) -> Tensor:
        _check_generator("PostLogPoisson", generator)
        if not y.is_floating_point():
            raise ShapeError(f"PostLogPoisson: sinogram has dtype {y.dtype}, expected a real one. Pass line integrals.")
        check_finite(y, "PostLogPoisson: sinogram")
        # In float64 throughout: float32 cannot count beyond 2^24 photons.
        exponent = self.mu * y.to(generator.device, torch.float64)
        self._check_plausible(exponent)
        counts = torch.poisson(self.photons * torch.exp(-exponent), generator=generator)
        fraction = (counts / self.photons).clamp_min(self.floor)
        return (-fraction.log() / self.mu).to(y.device, y.dtype)

    def _check_plausible(self, exponent: Tensor) -> None:
        if exponent.numel() == 0:
            return
        lowest = float(exponent.min())
        if lowest < -1:
            raise DataError(
                f"PostLogPoisson: the smallest mu * sinogram is {lowest:.4g}, expected about 0 or more (a ray cannot "
                "gain photons). Pass an attenuation image >= 0, not HU, or change mu."
            )
        starved = float((exponent > math.log(self.photons)).double().mean())
        if starved > 0.01:
            logger.warning(
                "PostLogPoisson: %.0f %% of the rays expect less than one of %g photons (largest mu * sinogram %.3g); "
                "check mu and the units of the image",
                100 * starved,
                self.photons,
                float(exponent.max()),
            )
