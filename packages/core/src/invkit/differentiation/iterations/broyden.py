"""Broyden's good method with limited memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from .base import Iteration

_History = tuple[Tensor, Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Broyden(Iteration):
    """x <- x - B r with B = -1 + sum_i u_i v_i^T near the inverse Jacobian of r(x) = T(x) - x.

        s = x - x_before,  y = r - r_before;   u = (s - B y) / <s, B y>,   v = B^T s

    memory: how many pairs are kept; when it is full they are all dropped and the method starts afresh.

    Raises: ConfigError if memory is not a whole number >= 1.
    Source: Broyden (1965), the first of the two methods, with the inverse by the formula of Sherman and Morrison.
    """

    memory: int = 30

    def __post_init__(self) -> None:
        if self.memory != int(self.memory) or self.memory < 1:
            raise ConfigError(f"Broyden: memory is {self.memory}, expected a whole number >= 1. Use 30.")

    def advance(self, history: _History | None, x: Tensor, r: Tensor) -> tuple[Tensor, _History]:
        if history is None:
            return x + r, (x, r, (), ())
        x_before, r_before, us, vs = history
        if len(us) == self.memory:
            us, vs = (), ()
        s, y = x - x_before, r - r_before
        by, v = _apply(us, vs, y), _apply(vs, us, s)
        product = (s * by).sum(1, keepdim=True)
        usable = product.abs() > 1e-12 * torch.linalg.vector_norm(s, dim=1, keepdim=True) * torch.linalg.vector_norm(
            by, dim=1, keepdim=True
        )
        u = torch.where(usable, (s - by) / torch.where(usable, product, 1), 0)
        us, vs = (*us, u), (*vs, v)
        return x - _apply(us, vs, r), (x, r, us, vs)


def _apply(us: tuple[Tensor, ...], vs: tuple[Tensor, ...], z: Tensor) -> Tensor:
    """-z + sum_i u_i <v_i, z>."""
    if not us:
        return -z
    weights = torch.stack(vs, dim=1) @ z.unsqueeze(2)
    return (torch.stack(us, dim=2) @ weights).squeeze(2) - z
