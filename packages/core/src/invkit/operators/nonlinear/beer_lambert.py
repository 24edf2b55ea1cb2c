"""The law of Beer and Lambert: intensities behind an absorbing object."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError
from ..base import LinearOperator
from ..norm import Interval
from ..space import Space
from .algebra import HasJacobianNorm


@dataclass(frozen=True, eq=False, repr=False)
class BeerLambert(HasJacobianNorm):
    """F(x) = intensity * exp(-A x): what is left of ``intensity`` photons behind the line integrals A x.

    operator: A, a real linear operator, such as a ray transform, of attenuations per length.
    intensity: > 0, a number (default 1: transmissions), or a tensor that broadcasts to the codomain without a batch
        axis (a flat field); gradients reach it.

    F'(x) v = -F(x) A v     F'(x)* z = -A*(F(x) z)     |F'(x)| <= max F(x) |A|

    Raises: ShapeError if A is complex or the intensity does not fit; ConfigError if it is not positive and finite.
    """

    operator: LinearOperator
    intensity: float | Tensor = 1.0

    def __post_init__(self) -> None:
        space = self.operator.codomain
        if space.is_complex or self.operator.domain.is_complex:
            raise ShapeError(f"BeerLambert: operator has dtype {space.dtype}, expected a real one. Use real images.")
        intensity = self.intensity
        if isinstance(intensity, Tensor):
            if intensity.is_complex() or not _broadcasts(tuple(intensity.shape), space.shape):
                raise ShapeError(
                    f"BeerLambert: intensity has shape {tuple(intensity.shape)} and dtype {intensity.dtype}, expected "
                    f"a real tensor that broadcasts to {space.shape}. Leave out the batch axis."
                )
            intensity = intensity.to(dtype=space.dtype, device=space.device)
            object.__setattr__(self, "intensity", intensity)
            lowest, largest = (float(extreme) for extreme in intensity.detach().aminmax())
        else:
            lowest = largest = float(intensity)
        if not (lowest > 0 and largest < math.inf):
            raise ConfigError(
                f"BeerLambert: intensity is between {lowest} and {largest}, expected positive finite numbers. "
                "Mask the rays that no photon takes with weights in the data fit."
            )

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.codomain

    def _forward(self, x: Tensor) -> Tensor:
        return self.intensity * torch.exp(-self.operator.forward(x))

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        return -self._forward(x) * self.operator.forward(v)

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        return -self.operator.adjoint(self._forward(x) * z)

    def _jacobian_norm(self, x: Tensor) -> Interval:
        norm, eps = self.operator.norm(), torch.finfo(x.dtype).eps
        longest = float(torch.linalg.vector_norm(x.detach().flatten(1), dim=1, dtype=torch.float64).max())
        # exp turns the absolute error of A x into a relative one; see Interval.widened for its size.
        error = norm.upper * longest * (2 + math.log2(self.domain.size)) * eps + 16 * eps
        return norm.scaled(float(self._forward(x.detach()).max()) * math.exp(error)).without_lower()


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))
