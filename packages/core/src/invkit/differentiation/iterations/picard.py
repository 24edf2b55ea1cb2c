"""The plain iteration."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .base import Iteration


@dataclass(frozen=True)
class Picard(Iteration):
    """x <- T(x): converges if T is a contraction; on q -> b + J q it sums the Neumann series."""

    def advance(self, history: None, x: Tensor, r: Tensor) -> tuple[Tensor, None]:
        return x + r, None
