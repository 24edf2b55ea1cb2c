"""The matrix of a linear operator, for small problems."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ConfigError
from ..base import LinearOperator

# Unit images per call: the memory of a batch of them is far below that of the matrix, and few calls are needed.
_BATCH = 64


def materialise(operator: LinearOperator, *, max_entries: int = 2**26) -> Tensor:
    """The matrix (m, n) of A on flattened images, in the dtype of its codomain: column i is A applied to unit image i.

    n = domain.size, m = codomain.size; gradients reach every tensor that the operator was built from.
    max_entries: the largest m n; the default takes half a gigabyte in float64.

    Raises: ConfigError if the matrix has more entries.
    """
    m, n = operator.codomain.size, operator.domain.size
    if m * n > max_entries:
        raise ConfigError(
            f"materialise: the matrix of {type(operator).__name__} has {m} x {n} = {m * n} entries, expected at most "
            f"{max_entries}. Apply the operator instead, take a smaller image, or raise max_entries."
        )
    space, columns = operator.domain, []
    for start in range(0, n, _BATCH):
        count = min(_BATCH, n - start)
        units = torch.zeros((count, n), dtype=space.dtype, device=space.device)
        units.diagonal(start).fill_(1)
        columns.append(operator.forward(units.unflatten(1, space.shape)).flatten(1))
    return torch.cat(columns).mT.contiguous()
