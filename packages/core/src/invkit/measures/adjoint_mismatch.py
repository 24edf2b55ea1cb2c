"""How far A* is from the adjoint of A."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import LinearOperator
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


@torch.no_grad()
def adjoint_mismatch(operator: LinearOperator, *, generator: torch.Generator, trials: int = 5) -> Measurement:
    """max |<Ax, y> - <x, A*y>| / max(|Ax| |y|, |x| |A*y|) over white noise x and y; complex products whole.

    White noise on both sides excites every singular pair at once: smooth images hide errors at the boundary.
    """
    worst = Worst(tolerance(operator.domain.dtype))
    for trial in range(trials):
        x, y = operator.domain.randn(generator=generator), operator.codomain.randn(generator=generator)
        worst.offer(adjoint_mismatch_at(operator, x, y), f"trial {trial}", x=x, y=y)
    return worst.measurement()


@torch.no_grad()
def adjoint_mismatch_at(operator: LinearOperator, x: Tensor, y: Tensor) -> float:
    """The mismatch for one pair."""
    ax, aty = operator.forward(x), operator.adjoint(y)
    difference = abs(complex((wide(ax) * wide(y).conj()).sum() - (wide(x) * wide(aty).conj()).sum()))
    return ratio(difference, max(length(ax) * length(y), length(x) * length(aty)))
