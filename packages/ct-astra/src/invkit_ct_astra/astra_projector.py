"""ASTRA's CPU projector as a linear operator: nothing is stored, and nothing is fast. The reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Basis
from invkit.errors import ConfigError
from invkit.operators import HasSubsets, Interval, LinearOperator, Restriction, Space
from invkit.operators.norm import nonnegative_norm

from .astra_bridge import backproject, project
from .geometry import ParallelBeam2d
from .linear_function import apply_linear

_NORM_STEPS = 12


@dataclass(frozen=True, eq=False, repr=False)
class AstraProjector(HasSubsets):
    """x -> W x with W applied by ASTRA's CPU projector, whose backprojector is its exact adjoint. float32, one thread.

    (batch, 1, rows, columns) -> (batch, 1, angle, detector), one image at a time.

    Raises: ConfigError for another device or dtype. ASTRA's CUDA backprojector is not the adjoint of its
    projector.
    """

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    geometry: ParallelBeam2d
    dtype: torch.dtype = torch.float32
    device: torch.device = torch.device("cpu")

    def __post_init__(self) -> None:
        device = torch.device(self.device)
        object.__setattr__(self, "device", device)
        if device.type != "cpu":
            raise ConfigError(
                f"AstraProjector: device is {device}, expected cpu, where ASTRA's backprojector is the exact adjoint. "
                "Use implementation='matrix' on other devices."
            )
        if self.dtype != torch.float32:
            raise ConfigError(
                f"AstraProjector: dtype is {self.dtype}, expected torch.float32, in which ASTRA computes. "
                "Use implementation='matrix' for other precisions."
            )

    @property
    def domain(self) -> Space:
        return Space((1, *self.geometry.image_shape), self.dtype, self.device)

    @property
    def codomain(self) -> Space:
        return Space((1, *self.geometry.sinogram_shape), self.dtype, self.device)

    def _forward(self, x: Tensor) -> Tensor:
        maps = partial(project, self.geometry), partial(backproject, self.geometry)
        return apply_linear(x[:, 0], *maps)[:, None]

    def _adjoint(self, y: Tensor) -> Tensor:
        maps = partial(backproject, self.geometry), partial(project, self.geometry)
        return apply_linear(y[:, 0], *maps)[:, None]

    @property
    def view_axes(self) -> tuple[int, ...]:
        return (1,)

    def _num_views(self, axis: int) -> int:
        return self.geometry.num_angles

    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        geometry = self.geometry.subset(views.tolist())
        return replace(self, geometry=geometry), Restriction(self.codomain, axis, views)

    def _norm(self) -> Interval:
        # A ray meets two pixels of each row or column; a pixel is met by the rays within a pixel of its centre.
        geometry = self.geometry
        per_view = 2 * math.ceil(geometry.pixel_size / geometry.detector_spacing) + 1
        terms = 2 * max(geometry.image_shape) + geometry.num_angles * per_view
        start = torch.ones_like(self.domain.zeros())
        return nonnegative_norm(self._forward, self._adjoint, start, terms, _NORM_STEPS)
