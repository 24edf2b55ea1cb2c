"""Small batched least-squares problems whose columns may depend on each other."""

from __future__ import annotations

import torch
from torch import Tensor


def least_squares(columns: Tensor, target: Tensor) -> Tensor:
    """g with |target - columns g| smallest, for columns (batch, n, k) and a target (batch, n): (batch, k), real.

    A column that is zero, or that depends on those before it to rounding, gets no weight. Nothing waits for the device.
    """
    length = torch.linalg.vector_norm(columns, dim=1)
    scale = torch.where(length > 0, length, 1)
    q, r = torch.linalg.qr(columns / scale.unsqueeze(1))
    diagonal = r.diagonal(dim1=1, dim2=2)
    if diagonal.shape[1] < columns.shape[2]:  # more columns than numbers: the first n say all
        return torch.cat(
            [
                least_squares(columns[:, :, : columns.shape[1]], target),
                target.new_zeros(len(target), columns.shape[2] - columns.shape[1]),
            ],
            dim=1,
        )
    independent = diagonal.abs() > 100 * torch.finfo(r.dtype).eps
    identity = torch.eye(r.shape[1], dtype=r.dtype, device=r.device)
    r = torch.where(independent.unsqueeze(2), r, identity)
    rhs = torch.where(independent, (q.mT @ target.unsqueeze(2)).squeeze(2), 0)
    return torch.linalg.solve_triangular(r, rhs.unsqueeze(2), upper=True).squeeze(2) / scale
