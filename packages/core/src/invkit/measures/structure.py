"""Self-adjoint, positive semidefinite, isometric, unitary: how far an operator is from each."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import LinearOperator
from ..operators.space import inner
from .measurement import Measurement, Worst, length, ratio, tolerance, wide
from .operator_norm import MAX_DENSE, dense_matrix


@torch.no_grad()
def self_adjointness_error(operator: LinearOperator, *, generator: torch.Generator, trials: int = 5) -> Measurement:
    """max |<Ax, z> - <x, Az>| / max(|Ax| |z|, |x| |Az|)."""
    worst = Worst(tolerance(operator.domain.dtype))
    for trial in range(trials):
        x, z = operator.domain.randn(generator=generator), operator.domain.randn(generator=generator)
        worst.offer(self_adjointness_error_at(operator, x, z), f"trial {trial}", x=x, z=z)
    return worst.measurement()


@torch.no_grad()
def self_adjointness_error_at(operator: LinearOperator, x: Tensor, z: Tensor) -> float:
    """The error for one pair."""
    ax, az = operator.forward(x), operator.forward(z)
    difference = abs(complex((inner(wide(ax), wide(z)) - inner(wide(x), wide(az))).sum()))
    return ratio(difference, max(length(ax) * length(z), length(x) * length(az)))


@torch.no_grad()
def semidefiniteness_gap(operator: LinearOperator, *, generator: torch.Generator, num_steps: int = 40) -> Measurement:
    """max of -Re <Ax, x> / (|A| |x|^2) over noise, and the direction in which that quotient is smallest: of all if the
    operator has at most 512 columns, else of a Krylov space of A with ``num_steps`` dimensions.

    White noise alone meets the average eigenvalue, which hides a small negative one.
    """
    worst = Worst(tolerance(operator.domain.dtype))
    noise = operator.domain.randn(generator=generator)
    small = operator.domain.size <= MAX_DENSE
    x = _lowest(dense_matrix(operator)) if small else _lowest_in_krylov_space(operator, noise, num_steps)
    words = "the smallest eigenvalue" if small else f"the smallest Ritz value of {num_steps} steps"
    for direction, where in ((noise, "white noise"), (x.reshape(noise.shape).to(noise.dtype), words)):
        worst.offer(semidefiniteness_gap_at(operator, direction), where, x=direction)
    return worst.measurement()


def _lowest(matrix: Tensor) -> Tensor:
    """The unit vector x with the smallest Re <Mx, x>; ones if the matrix is not finite."""
    if not bool(torch.isfinite(matrix.abs()).all()):
        return torch.ones_like(matrix[:, 0])
    return torch.linalg.eigh((matrix + matrix.mH) / 2)[1][:, 0]


def _lowest_in_krylov_space(operator: LinearOperator, start: Tensor, num_steps: int) -> Tensor:
    """The same over the span of x, Ax, ..., orthogonal by hand."""
    basis, products = [wide(start) / max(length(start), torch.finfo(torch.float64).tiny)], []
    for _ in range(num_steps):
        products.append(wide(operator.forward(basis[-1].to(start.dtype))))
        r = products[-1]
        for q in (*basis, *basis):
            r = r - (q.conj() * r).sum() * q
        if not length(r) > 1e-6 * length(products[-1]):
            break
        basis.append(r / length(r))
    used = torch.stack([q.flatten() for q in basis[: len(products)]])
    projected = used.conj() @ torch.stack([p.flatten() for p in products]).mT
    return _lowest(projected) @ used


@torch.no_grad()
def semidefiniteness_gap_at(operator: LinearOperator, x: Tensor) -> float:
    """The gap in one direction."""
    return _negative_part(x, operator.forward(x), operator.norm().upper)


def _negative_part(x: Tensor, ax: Tensor, bound: float) -> float:
    quotient = float(inner(wide(ax), wide(x)).real.sum())
    return ratio(-quotient, bound * length(x) ** 2) if quotient else 0.0


@torch.no_grad()
def isometry_error(operator: LinearOperator, *, generator: torch.Generator, trials: int = 5) -> Measurement:
    """max | |Ax|^2 - |x|^2 | / |x|^2, polarised over pairs so that no direction cancels another."""
    worst = Worst(4 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x, z = operator.domain.randn(generator=generator), operator.domain.randn(generator=generator)
        worst.offer(isometry_error_at(operator, x, z), f"trial {trial}", x=x, z=z)
    return worst.measurement()


@torch.no_grad()
def isometry_error_at(operator: LinearOperator, x: Tensor, z: Tensor) -> float:
    """The error for one pair."""
    ax, az = operator.forward(x), operator.forward(z)
    difference = abs(complex((inner(wide(ax), wide(az)) - inner(wide(x), wide(z))).sum()))
    stretch = abs(length(ax) ** 2 - length(x) ** 2)
    return ratio(max(difference, stretch), length(x) * max(length(x), length(z)))


@torch.no_grad()
def unitarity_error(operator: LinearOperator, *, generator: torch.Generator, trials: int = 5) -> Measurement:
    """max of |A*Ax - x| / |x| and |AA*y - y| / |y|."""
    worst = Worst(4 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x, y = operator.domain.randn(generator=generator), operator.codomain.randn(generator=generator)
        worst.offer(unitarity_error_at(operator, x=x), f"A*A, trial {trial}", x=x)
        worst.offer(unitarity_error_at(operator, y=y), f"AA*, trial {trial}", y=y)
    return worst.measurement()


@torch.no_grad()
def unitarity_error_at(operator: LinearOperator, x: Tensor | None = None, y: Tensor | None = None) -> float:
    """|A*Ax - x| / |x| for an x of the domain, |AA*y - y| / |y| for a y of the codomain."""
    if x is not None:
        return ratio(length(operator.adjoint(operator.forward(x)) - x), length(x))
    assert y is not None
    return ratio(length(operator.forward(operator.adjoint(y)) - y), length(y))
