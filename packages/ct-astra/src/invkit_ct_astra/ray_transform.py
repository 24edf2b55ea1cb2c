"""The parallel-beam ray transform: line integrals of a 2D image."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Basis
from invkit.errors import ConfigError, ShapeError
from invkit.operators import (
    HasAbsoluteSums,
    HasFineSimulation,
    HasGramDiagonal,
    HasSubsets,
    Interval,
    LinearOperator,
    Restriction,
    Space,
)
from invkit.plugins.device import resolve_device, resolve_dtype

from .astra_bridge import squared_backproject, squared_project, weights
from .astra_projector import AstraProjector
from .geometry import ParallelBeam2d
from .linear_function import apply_linear
from .low_dose import project_finely
from .sparse_matrix import SparseMatrix

logger = logging.getLogger(__name__)

IMPLEMENTATIONS = ("matrix", "astra")


@dataclass(frozen=True, eq=False, repr=False)
class RayTransform(HasFineSimulation, HasGramDiagonal, HasAbsoluteSums, HasSubsets):
    """(A x)(theta, s) = integral of x along the line x cos(theta) + y sin(theta) = s, with its exact adjoint.

    (batch, 1, rows, columns) -> (batch, 1, angle, detector). Lengths are in mm: an image in 1/mm gives a sinogram
    without a unit. The discretisation is Joseph's method with square pixels: W >= 0, linear interpolation between the
    two pixels that a ray passes in each row or column.

    projector: what applies W and its transpose.   Source: Joseph (1982), IEEE Trans. Med. Imaging 1(3), 192-196.

    Raises: ShapeError if the projector does not fit the geometry.
    """

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    geometry: ParallelBeam2d
    projector: LinearOperator

    def __post_init__(self) -> None:
        got = (self.projector.domain.shape, self.projector.codomain.shape)
        wanted = ((1, *self.geometry.image_shape), (1, *self.geometry.sinogram_shape))
        if got != wanted:
            raise ShapeError(
                f"RayTransform: projector maps {got[0]} to {got[1]}, expected {wanted[0]} to {wanted[1]}. "
                "Build it with RayTransform.from_geometry(geometry)."
            )

    @classmethod
    def from_geometry(
        cls,
        geometry: ParallelBeam2d,
        *,
        implementation: str = "matrix",
        device: torch.device | str | None = None,
        dtype: torch.dtype | str | None = None,
    ) -> RayTransform:
        """The ray transform of a geometry.

        implementation: ``"matrix"`` stores W and its transpose (8 bytes per weight each in float32, 380 MB for
            512 x 512 pixels, 50 views and 729 detectors) and is fast; ``"astra"`` stores nothing, CPU and float32 only.
        dtype: float64 computes with the same weights, which ASTRA determines in float32.

        Raises: ConfigError for an unknown implementation, a dtype that is neither float32 nor float64, or a matrix
        that is too large; MissingDependencyError for a device that is not there.
        """
        place: Any = torch.device("cpu") if device is None else resolve_device(device)
        precision: Any = torch.float32 if dtype is None else resolve_dtype(dtype)
        if implementation not in IMPLEMENTATIONS:
            raise ConfigError(
                f"RayTransform: implementation is {implementation!r}, expected {' or '.join(IMPLEMENTATIONS)}. "
                "Choose one."
            )
        if precision not in (torch.float32, torch.float64):
            raise ConfigError(
                f"RayTransform: dtype is {precision}, expected torch.float32 or torch.float64. Choose one."
            )
        if implementation == "astra":
            return cls(geometry, AstraProjector(geometry, precision, place))
        shapes = (1, *geometry.image_shape), (1, *geometry.sinogram_shape)
        matrix = SparseMatrix.from_scipy(weights(geometry), *shapes, dtype=precision, device=place)
        logger.info("RayTransform: the matrix and its transpose take %.0f MB", matrix.num_bytes / 1e6)
        return cls(geometry, matrix)

    @property
    def domain(self) -> Space:
        return self.projector.domain

    @property
    def codomain(self) -> Space:
        return self.projector.codomain

    @property
    def implementation(self) -> str:
        """``"matrix"`` or ``"astra"``."""
        return "astra" if isinstance(self.projector, AstraProjector) else "matrix"

    def _forward(self, x: Tensor) -> Tensor:
        return self.projector.forward(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.projector.adjoint(y)

    def _norm(self) -> Interval:
        return self.projector.norm()

    def _gram_diagonal(self, weights: Tensor) -> Tensor:
        if isinstance(self.projector, HasGramDiagonal):
            return self.projector._gram_diagonal(weights)
        maps = partial(squared_backproject, self.geometry), partial(squared_project, self.geometry)
        return apply_linear(weights[:, 0], *maps)[:, None]

    def _absolute_sums(self) -> tuple[Tensor, Tensor]:
        # W >= 0: the sums of the weights are those of their absolute values.
        ones = torch.ones((1, *self.domain.shape), dtype=self.domain.dtype, device=self.domain.device)
        rays = torch.ones((1, *self.codomain.shape), dtype=self.domain.dtype, device=self.domain.device)
        return self._adjoint(rays), self._forward(ones)

    @property
    def view_axes(self) -> tuple[int, ...]:
        return (1,)

    def _num_views(self, axis: int) -> int:
        return self.geometry.num_angles

    def _subset(self, axis: int, views: Tensor) -> tuple[LinearOperator, Restriction]:
        if isinstance(self.projector, HasSubsets):
            projector, restriction = self.projector._subset(axis, views)
        else:
            restriction = Restriction(self.codomain, axis, views)
            projector = restriction @ self.projector
        return RayTransform(self.geometry.subset(views.tolist()), projector), restriction

    def _simulate(self, truth: Tensor, oversampling: int) -> Tensor:
        return project_finely(truth, self.geometry, oversampling=oversampling)


def parallel_beam_2d(
    *,
    image_shape: tuple[int, int],
    pixel_size: float = 1.0,
    num_angles: int = 50,
    num_detectors: int | None = None,
    detector_spacing: float | None = None,
    detector_offset: float = 0.0,
    angles: Sequence[float] | Tensor | None = None,
    implementation: str = "matrix",
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
) -> RayTransform:
    """What ``invkit.build("operator", "ct-astra/parallel-beam-2d", ...)`` makes. Lengths in mm.

    num_angles: equally spaced over [0, pi).   angles: in radians, instead of num_angles.
    num_detectors, detector_spacing: by default as wide as the pixels, and enough to cover the image.
    The rest as in ``ParallelBeam2d`` and ``RayTransform.from_geometry``, with their errors.
    """
    geometry = ParallelBeam2d.uniform(
        image_shape,
        pixel_size=pixel_size,
        num_angles=num_angles,
        detector_spacing=detector_spacing,
        detector_offset=detector_offset,
    )
    # The default detector covers every view; only what the user chose may cut some, with a warning about just that.
    chosen: dict[str, Any] = {"angles": angles, "num_detectors": num_detectors}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    geometry = replace(geometry, **chosen) if chosen else geometry
    return RayTransform.from_geometry(geometry, implementation=implementation, device=device, dtype=dtype)
