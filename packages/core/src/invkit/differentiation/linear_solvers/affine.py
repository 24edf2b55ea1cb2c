"""A linear system as a fixed point."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...operators.space import norm
from ..iterations import Iteration
from .base import LinearMap, LinearResult, LinearSolver, right_preconditioned


@dataclass(frozen=True)
class Affine(LinearSolver):
    """M q = b as q = q + b - M q, by a fixed-point iteration; ``Picard`` with M = 1 - J sums b + J b + J J b + ...

    Converges by itself if |1 - M| < 1, as for the derivative of a contraction.
    """

    iteration: Iteration

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
        def run(product: LinearMap, rhs: Tensor, start: Tensor | None) -> LinearResult:
            found = self.iteration.solve(
                lambda q: q + rhs - product(q),
                torch.zeros_like(rhs) if start is None else start,
                rtol=rtol,
                max_steps=max_steps,
                scale=norm(rhs),
            )
            return LinearResult(found.x, found.residual, found.steps, found.converged)

        if preconditioner is None:
            return run(apply, b, x0)
        return right_preconditioned(run, apply, b, preconditioner, x0)
