from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


def noise(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="session")
def draw() -> Callable[..., Tensor]:
    return noise
