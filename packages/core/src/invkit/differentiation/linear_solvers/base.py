"""What a solver of the linear system of an implicit derivative takes and returns."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

#: M of M q = b, linear for real numbers.
LinearMap = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class LinearResult:
    """q, and per image (batch,): |b - M q| / |b|, the products with M, and whether it met the tolerance."""

    x: Tensor
    residual: Tensor
    steps: Tensor
    converged: Tensor


class LinearSolver(abc.ABC):
    """A method for M q = b with the real inner product Re <x, z>. A frozen dataclass of settings."""

    @abc.abstractmethod
    def solve(
        self,
        apply: LinearMap,
        b: Tensor,
        *,
        preconditioner: Tensor | None,
        x0: Tensor | None,
        rtol: float,
        max_steps: int,
    ) -> LinearResult:
        """q with |b - M q| <= rtol |b| for each image.

        preconditioner: positive numbers beside the diagonal of M.   x0: start; None is zero.
        """


def right_preconditioned(
    solve: Callable[..., LinearResult], apply: LinearMap, b: Tensor, diagonal: Tensor, x0: Tensor | None
) -> LinearResult:
    """q = u / d with M (u / d) = b: the residual stays that of q."""
    result = solve(lambda u: apply(u / diagonal), b, None if x0 is None else x0 * diagonal)
    return replace(result, x=result.x / diagonal)
