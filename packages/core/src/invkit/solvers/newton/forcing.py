"""How exactly an inexact Newton method solves for its direction."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linear.pcg import ratio

#: The first and the largest relative residual of the inner solve.
LARGEST = 0.5
#: The smallest: a step that lowers the gradient by more than this often lands far below the tolerance, at full cost.
SMALLEST = 1e-3


def next_forcing(size: Tensor, before: Tensor, eta: Tensor) -> Tensor:
    """eta_k = 0.9 (|g_k| / |g_{k-1}|)^2, not below 0.9 eta_{k-1}^2 while that is above 0.1; within the two bounds.

    size, before: |g_k| and |g_{k-1}|; all (batch,). Far from the solution no steps are spent on a direction that is
    worth little; near it the gradient falls as the square of what it was, down to the factor ``SMALLEST`` a step.

    Source: Eisenstat, Walker (1996), choice 2 with gamma = 0.9, alpha = 2 and its safeguard.
    """
    wanted = 0.9 * ratio(size, before).square()
    floor = 0.9 * eta.square()
    wanted = torch.where(floor > 0.1, torch.maximum(wanted, floor), wanted)
    return wanted.clamp(SMALLEST, LARGEST)
