"""Anderson acceleration."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ..least_squares import least_squares
from .base import Iteration

_History = tuple[Tensor, Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Anderson(Iteration):
    """x <- x + r - (X + R) g,   g = argmin |r - R g|,   with the last differences of x and of r in X and R.

    memory: how many differences are kept; on an affine T with as many as unknowns it is GMRES in disguise.

    Raises: ConfigError if memory is not a whole number >= 1.
    Source: Walker, Ni (2011), Algorithm AA with its reformulation as an unconstrained least-squares problem.
    """

    memory: int = 8

    def __post_init__(self) -> None:
        if self.memory != int(self.memory) or self.memory < 1:
            raise ConfigError(f"Anderson: memory is {self.memory}, expected a whole number >= 1. Use 8.")

    def advance(self, history: _History | None, x: Tensor, r: Tensor) -> tuple[Tensor, _History]:
        if history is None:
            return x + r, (x, r, (), ())
        x_before, r_before, dx, dr = history
        # The newest first: where columns depend on each other it is the old ones that are dropped.
        dx = (x - x_before, *dx)[: self.memory]
        dr = (r - r_before, *dr)[: self.memory]
        columns = torch.stack(dr, dim=2)
        g = least_squares(columns, r)
        step = r - ((torch.stack(dx, dim=2) + columns) @ g.unsqueeze(2)).squeeze(2)
        return x + step, (x, r, dx, dr)
