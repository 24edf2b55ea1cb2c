"""The only module that touches ASTRA: its exact CPU projector ``linear`` (Joseph's method), applied or as a matrix.

Every object that ASTRA creates is deleted before the call returns. Nothing here runs on a GPU: ASTRA's CUDA
backprojector is not the adjoint of its forward projector, and without a GPU some of its calls return silently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import astra
import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from invkit.errors import ConfigError

from .geometry import ParallelBeam2d

# Exact to rounding only for square pixels, which is all that ParallelBeam2d has.
_PROJECTOR = "linear"
#: More stored weights than this do not fit 32-bit indices, and 64-bit ones are far slower.
MAX_WEIGHTS = 2**31 - 1


def weights(geometry: ParallelBeam2d) -> csr_matrix:
    """The matrix W of the ray transform, (angle * detector, row * column), as float32 numbers, sorted, without zeros.

    Raises: ConfigError if it could have too many entries.
    """
    bound = weights_bound(geometry)
    if bound > MAX_WEIGHTS:
        raise ConfigError(
            f"ray transform: the matrix may have {bound:.2g} entries, expected at most {MAX_WEIGHTS:.2g}. "
            "Use implementation='astra', or fewer angles, detectors or pixels."
        )
    with _projector(geometry) as projector:
        identifier = astra.projector.matrix(projector)
        try:
            matrix = csr_matrix(astra.matrix.get(identifier), dtype=np.float32)
        finally:
            astra.matrix.delete(identifier)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def weights_bound(geometry: ParallelBeam2d) -> int:
    """An upper bound of the number of weights: a ray meets two pixels in each row or in each column."""
    return geometry.num_angles * geometry.num_detectors * 2 * max(geometry.image_shape)


def project(geometry: ParallelBeam2d, x: Tensor) -> Tensor:
    """W x for images (batch, rows, columns): sinograms (batch, angle, detector). float32 on the CPU."""
    return _run(geometry, x, geometry.sinogram_shape, astra.projector.direct_FP)


def backproject(geometry: ParallelBeam2d, y: Tensor) -> Tensor:
    """W^T y for sinograms (batch, angle, detector): images (batch, rows, columns). float32 on the CPU."""
    return _run(geometry, y, geometry.image_shape, astra.projector.direct_BP)


def squared_backproject(geometry: ParallelBeam2d, y: Tensor) -> Tensor:
    """sum_j W_ji^2 y_j for sinograms (batch, angle, detector): images (batch, rows, columns), on y's device.

    The weights are made for one view at a time, so that the whole matrix is never stored.
    """
    rows = y.detach().cpu().double().numpy()
    out = np.zeros((math.prod(geometry.image_shape), len(y)))
    for view, squares in enumerate(_squared_weights(geometry)):
        out += squares.T @ rows[:, view].T
    return torch.from_numpy(out.T.reshape(len(y), *geometry.image_shape)).to(y)


def squared_project(geometry: ParallelBeam2d, x: Tensor) -> Tensor:
    """sum_i W_ji^2 x_i, the adjoint of ``squared_backproject``."""
    columns = x.detach().cpu().double().flatten(1).numpy().T
    out = [(squares @ columns).T for squares in _squared_weights(geometry)]
    return torch.from_numpy(np.stack(out, axis=1)).to(x)


def _squared_weights(geometry: ParallelBeam2d) -> Iterator[csr_matrix]:
    for view in range(geometry.num_angles):
        yield weights(geometry.subset([view])).astype(np.float64).power(2)


def _run(geometry: ParallelBeam2d, source: Tensor, shape: tuple[int, int], direct: Callable[..., Any]) -> Tensor:
    # ASTRA shares the memory of contiguous float32 tensors; it refuses those that carry a graph or a lazy sign.
    ready = source.detach().resolve_neg().contiguous()
    out = torch.zeros((len(ready), *shape), dtype=torch.float32)
    with _projector(geometry) as projector:
        for image, result in zip(ready, out, strict=True):
            direct(projector, image, out=result)
    return out


@contextmanager
def _projector(geometry: ParallelBeam2d) -> Iterator[int]:
    identifier = astra.create_projector(_PROJECTOR, _projection_geometry(geometry), _volume_geometry(geometry))
    try:
        yield identifier
    finally:
        astra.projector.delete(identifier)


def _volume_geometry(geometry: ParallelBeam2d) -> dict[str, Any]:
    rows, columns = geometry.image_shape
    right, top = columns * geometry.pixel_size / 2, rows * geometry.pixel_size / 2
    return dict(astra.create_vol_geom(rows, columns, -right, right, -top, top))


def _projection_geometry(geometry: ParallelBeam2d) -> dict[str, Any]:
    spacing, count, angles = geometry.detector_spacing, geometry.num_detectors, np.array(geometry.angles)
    if geometry.detector_offset == 0:
        return dict(astra.create_proj_geom("parallel", spacing, count, angles))
    # Per view: direction of the ray, middle of the detector, step from one detector element to the next.
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ray = np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    vectors = np.concatenate([ray, geometry.detector_offset * along, spacing * along], axis=1)
    return dict(astra.create_proj_geom("parallel_vec", count, vectors))
