"""Preconditioned conjugate gradients, for the Hessian of a minimiser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...operators.space import norm
from ...solvers.linear.pcg import pcg
from .base import LinearMap, LinearResult, LinearSolver


@dataclass(frozen=True)
class PCG(LinearSolver):
    """Conjugate gradients for M self-adjoint and positive definite; see ``invkit.solvers.linear.pcg``.

    A matrix that is not, such as that of a fixed point, needs ``GMRES``: the residual here is that of a recurrence,
    which only a symmetric matrix keeps.
    """

    check_every: int = 10

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
        found = pcg(
            apply,
            b,
            preconditioner=preconditioner,
            x0=x0,
            rtol=rtol,
            max_steps=max_steps,
            check_every=self.check_every,
        )
        size = norm(b)
        relative = found.residual / torch.where(size > 0, size, 1)
        return LinearResult(found.x, relative, found.steps, found.converged & ~found.negative_curvature)
