"""Whether a spectral norm lies in the interval that an operator states for it."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from ..operators.base import LinearOperator
from .measurement import Datum, Measurement, Worst, length, ratio, tolerance, wide

#: Operators with at most so many columns are written out as a matrix.
MAX_DENSE = 512

#: The probability with which a true ``lower`` of a larger operator may be refuted.
_FAILURE = 1e-9


@torch.no_grad()
def norm_interval_error(operator: LinearOperator, *, generator: torch.Generator, num_steps: int = 60) -> Measurement:
    """The larger of (a lower bound of |A|) / interval.upper and interval.lower / (|A|, or an upper estimate of it).

    At most 1 for a true interval. The lower bound is attained by a vector, so it can never accuse a true ``upper``.
    |A| of an operator with at most 512 columns is the largest singular value of its matrix in float64; beyond that a
    ``lower`` is compared with ``lanczos_upper_estimate``, which leaves a gap of some per cent: what lies in it is not
    refuted.
    """
    interval = operator.norm()
    worst = Worst(1 + tolerance(operator.domain.dtype))
    attained, vector = lanczos_lower_bound(operator, generator=generator, num_steps=num_steps)
    worst.offer(
        ratio(attained, interval.upper), f"|Ax|/|x| = {attained:.9g} against upper = {interval.upper:.9g}", x=vector
    )
    worst.offer(ratio(interval.lower, interval.upper), "lower against upper", most=interval.upper)
    if operator.domain.size <= MAX_DENSE:
        exact = float(torch.linalg.matrix_norm(dense_matrix(operator), 2))
        # The matrix is the counterexample: its largest singular vector, rounded, may stretch a little less.
        worst.offer(ratio(exact, interval.upper), f"|A| = {exact:.9g} against upper = {interval.upper:.9g}", norm=exact)
        worst.offer(
            ratio(interval.lower, exact), f"lower = {interval.lower:.9g} against |A| = {exact:.9g}", dense=exact
        )
    else:
        most = lanczos_upper_estimate(attained, operator, num_steps)
        where = f"lower = {interval.lower:.9g} against |A| < {most:.9g}"
        worst.offer(ratio(interval.lower, most), where, most=most)
    return worst.measurement()


@torch.no_grad()
def norm_interval_error_at(operator: LinearOperator, **found: Datum) -> float:
    """The ratio again: for the vector x; for the norm of the matrix (``norm``, ``dense``); or for ``most``, a number
    above |A| that the search found.
    """
    interval = operator.norm()
    if "x" in found:
        x = cast(Tensor, found["x"])
        return ratio(ratio(length(operator.forward(x)), length(x)), interval.upper)
    if "most" in found:
        return ratio(interval.lower, cast(float, found["most"]))
    exact = float(torch.linalg.matrix_norm(dense_matrix(operator), 2))
    return ratio(exact, interval.upper) if "norm" in found else ratio(interval.lower, exact)


@torch.no_grad()
def lanczos_lower_bound(
    operator: LinearOperator, *, generator: torch.Generator, num_steps: int = 30
) -> tuple[float, Tensor]:
    """|Ax| / |x| and x, for the x that Lanczos on A*A finds after ``num_steps`` steps.

    The Krylov space is kept orthogonal by hand; whatever rounding does to it, the quotient is a lower bound of |A|.

    Source: Golub, Van Loan, Matrix Computations, 4th ed., section 10.1.
    """
    q = operator.domain.randn(generator=generator)
    q = q / max(length(q), torch.finfo(torch.float64).tiny)
    basis, columns = [q], []
    for _ in range(min(num_steps, operator.domain.size)):
        columns.append(operator.adjoint(operator.forward(basis[-1])))
        r = columns[-1]
        for _ in range(2):
            for b in basis:
                r = r - (b.conj() * r).sum() * b
        size = length(r)
        if not size > 1e-6 * length(columns[-1]):
            break
        basis.append(r / size)
    used = torch.stack([wide(b).flatten() for b in basis[: len(columns)]])
    small = used.conj() @ torch.stack([wide(c).flatten() for c in columns]).mT
    if not bool(torch.isfinite(small.abs()).all()):
        return float("nan"), q
    _, vectors = torch.linalg.eigh((small + small.mH) / 2)
    x = (vectors[:, -1] @ used).reshape(q.shape).to(q.dtype)
    return ratio(length(operator.forward(x)), length(x)), x


def lanczos_upper_estimate(attained: float, operator: LinearOperator, num_steps: int) -> float:
    """A number above |A|, but for a probability of 1e-9 over the random start of ``lanczos_lower_bound``; else inf.

    After k steps the largest eigenvalue l of A*A and the one found, t, satisfy

        P(t < (1 - e) l) <= 1.648 n^(1/2) exp(-(2k - 1) e^(1/2)),

    whatever the spectrum; a complex space of n dimensions has 2n real ones. In exact arithmetic: rounding ends the
    Krylov space early where it is almost invariant, and a direction that the start hardly has is missed then.

    Source: Kuczynski, Wozniakowski (1992), SIAM J. Matrix Anal. Appl. 13(4), 1094-1122, section 4.
    """
    size = operator.domain.size * (2 if operator.domain.is_complex else 1)
    error = (math.log(1.648 * math.sqrt(size) / _FAILURE) / (2 * num_steps - 1)) ** 2
    return attained / math.sqrt(1 - error) if error < 1 else math.inf


@torch.no_grad()
def dense_matrix(operator: LinearOperator) -> Tensor:
    """The matrix of the operator in double precision, column by column in one batch."""
    n = operator.domain.size
    unit = torch.eye(n, dtype=operator.domain.dtype, device=operator.domain.device)
    return wide(operator.forward(unit.reshape(n, *operator.domain.shape)).flatten(1)).mT
