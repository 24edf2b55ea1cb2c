"""GMRES for a batch: each image has its own Krylov space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ..iterations.base import as_real, like
from ..least_squares import least_squares
from .base import LinearMap, LinearResult, LinearSolver, right_preconditioned


@dataclass(frozen=True)
class GMRES(LinearSolver):
    """q in the Krylov space of M and b with the smallest |b - M q|, restarted; M need not be symmetric.

    restart: the dimension of the space, and the number of images that are stored. After so many products the residual
        is computed afresh and the host waits for the device. Complex images are real vectors of twice the length: the
        derivative of a map of complex images is linear for real numbers only.

    Raises: ConfigError if restart is not a whole number >= 1.
    Source: Saad, Schultz (1986), the restarted method, with the Gram-Schmidt process done twice.
    """

    restart: int = 30

    def __post_init__(self) -> None:
        if self.restart != int(self.restart) or self.restart < 1:
            raise ConfigError(f"GMRES: restart is {self.restart}, expected a whole number >= 1. Use 30.")

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
            return self._solve(product, rhs, start, rtol, max_steps)

        if preconditioner is None:
            return run(apply, b, x0)
        return right_preconditioned(run, apply, b, preconditioner, x0)

    def _solve(self, apply: LinearMap, b: Tensor, x0: Tensor | None, rtol: float, max_steps: int) -> LinearResult:
        def product(flat: Tensor) -> Tensor:
            return as_real(apply(like(flat, b)))

        rhs = as_real(b)
        q = torch.zeros_like(rhs) if x0 is None else as_real(x0)
        size = torch.linalg.vector_norm(rhs, dim=1)
        steps = torch.zeros(len(b), dtype=torch.long, device=b.device)
        taken = 0
        while True:
            r = rhs if taken == 0 and x0 is None else rhs - product(q)
            length = torch.linalg.vector_norm(r, dim=1)
            converged = length <= rtol * size
            if taken >= max_steps or bool((converged | ~torch.isfinite(length)).all()):
                break
            count = min(self.restart, rhs.shape[1], max_steps - taken)
            q = torch.where(converged.unsqueeze(1), q, q + _cycle(product, r, length, count))
            taken += count
            steps = torch.where(converged, steps, taken)
        relative = torch.where(length == 0, length, length / size.clamp_min(torch.finfo(size.dtype).tiny))
        return LinearResult(like(q, b), relative, steps, converged)


def _cycle(product: LinearMap, r: Tensor, length: Tensor, count: int) -> Tensor:
    """The correction from the Krylov space of dimension ``count`` that makes |r - M d| smallest."""
    eps = torch.finfo(r.dtype).eps
    basis = [_direction(r, length, length)]
    hessenberg = r.new_zeros(len(r), count + 1, count)
    for j in range(count):
        w = product(basis[j])
        before = torch.linalg.vector_norm(w, dim=1)
        v = torch.stack(basis, dim=1)
        for _ in range(2):  # once leaves what rounding makes of nearly dependent vectors
            h = (v @ w.unsqueeze(2)).squeeze(2)
            w = w - (v.mT @ h.unsqueeze(2)).squeeze(2)
            hessenberg[:, : j + 1, j] += h
        after = torch.linalg.vector_norm(w, dim=1)
        # Nothing but rounding is left: the space is invariant, and the solution lies in it.
        hessenberg[:, j + 1, j] = torch.where(after > 10 * eps * before, after, 0)
        basis.append(_direction(w, after, 10 * eps * before))
    first = torch.zeros_like(hessenberg[:, :, 0])
    first[:, 0] = length
    weights = least_squares(hessenberg, first)
    return (torch.stack(basis[:-1], dim=2) @ weights.unsqueeze(2)).squeeze(2)


def _direction(w: Tensor, length: Tensor, floor: Tensor) -> Tensor:
    """w / |w|, zero where |w| is zero or below the floor."""
    usable = (length > 0) & (length >= floor)
    return torch.where(usable.unsqueeze(1), w / torch.where(usable, length, 1).unsqueeze(1), 0)
