"""The loop that all fixed-point iterations share: per-image stopping, and real vectors for complex images."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from ...operators.space import norm

#: The host waits for the device once in so many steps.
_CHECK_EVERY = 5


@dataclass(frozen=True, eq=False)
class IterationResult:
    """x, and per image (batch,): the relative residual there, the steps taken, and whether it met the tolerance."""

    x: Tensor
    residual: Tensor
    steps: Tensor
    converged: Tensor


class Iteration(abc.ABC):
    """A method for x = T(x), in terms of r = T(x) - x. A frozen dataclass of settings."""

    @abc.abstractmethod
    def advance(self, history: Any, x: Tensor, r: Tensor) -> tuple[Tensor, Any]:
        """The next x and what is to be remembered; x and r are real, (batch, n), and history starts as None.

        An image that has converged stands still: its differences are zero, and must lead to no NaN.
        """

    @final
    @torch.no_grad()
    def solve(
        self,
        function: Callable[[Tensor], Tensor],
        x0: Tensor,
        *,
        rtol: float,
        max_steps: int,
        scale: Tensor | None = None,
    ) -> IterationResult:
        """x with |T(x) - x| <= rtol * scale for each image; scale None is |T(x)|. Cost: one T a step."""
        x, history = x0, None
        done = torch.zeros(len(x0), dtype=torch.bool, device=x0.device)
        converged = done
        steps = torch.zeros(len(x0), dtype=torch.long, device=x0.device)
        residual = torch.full((len(x0),), torch.inf, dtype=torch.float64, device=x0.device)
        for step in range(1, max_steps + 1):
            image = function(x)
            r = image - x
            size, reference = norm(r), norm(image) if scale is None else scale
            relative = torch.where(size == 0, size, size / reference.clamp_min(torch.finfo(size.dtype).tiny))
            residual = torch.where(done, residual, relative)
            steps = torch.where(done, steps, step)
            converged = converged | (~done & (size <= rtol * reference))
            done = done | converged | ~torch.isfinite(size)
            # The residual belongs to this x: the last step is not taken.
            if step == max_steps or (step % _CHECK_EVERY == 0 and bool(done.all())):
                break
            moved, history = self.advance(history, as_real(x), as_real(r))
            x = torch.where(done.reshape(-1, *(1,) * (x.ndim - 1)), x, like(moved, x))
        return IterationResult(x, residual, steps, converged)


def as_real(x: Tensor) -> Tensor:
    """The numbers of each image in a row, real and imaginary parts apart: (batch, n)."""
    return (torch.view_as_real(x.resolve_conj()) if x.is_complex() else x).flatten(1)


def like(flat: Tensor, x: Tensor) -> Tensor:
    """The inverse of ``as_real``, in the shape of x."""
    if not x.is_complex():
        return flat.reshape(x.shape)
    return torch.view_as_complex(flat.reshape(*x.shape, 2).contiguous())
