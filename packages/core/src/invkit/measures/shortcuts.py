"""Whether an operator's shortcuts, A*A and A^+, agree with A and A* themselves."""

from __future__ import annotations

import torch

from ..operators.base import HasPseudoInverse, LinearOperator
from ..operators.space import inner
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


@torch.no_grad()
def normal_error(operator: LinearOperator, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |N x - A*(A x)| / |A*(A x)| for N = ``operator.normal()``."""
    worst = Worst(10 * tolerance(operator.domain.dtype))
    normal = operator.normal()
    for trial in range(trials):
        x = operator.domain.randn(generator=generator)
        reference = operator.adjoint(operator.forward(x))
        worst.offer(ratio(length(normal.forward(x) - reference), length(reference)), f"trial {trial}", x=x)
    return worst.measurement()


@torch.no_grad()
def pseudo_inverse_error(operator: HasPseudoInverse, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """The worst violation of the conditions of Moore and Penrose, relative: A A^+ A = A, A^+ A A^+ = A^+, and A A^+ and
    A^+ A self-adjoint.

    Source: Penrose (1955), Theorem 1.
    """
    # A^+ amplifies by the condition number, which is moderate in a tiny example.
    worst = Worst(1e3 * tolerance(operator.domain.dtype))
    forward, back = operator.forward, operator.pseudo_inverse
    for _ in range(trials):
        x, z = (operator.domain.randn(generator=generator) for _ in range(2))
        y, w = (operator.codomain.randn(generator=generator) for _ in range(2))
        ax, xy = forward(x), back(y)
        worst.offer(ratio(length(forward(back(ax)) - ax), length(ax)), "A A^+ A = A", x=x)
        worst.offer(ratio(length(back(forward(xy)) - xy), length(xy)), "A^+ A A^+ = A^+", y=y)
        onto_range = complex((inner(wide(forward(xy)), wide(w)) - inner(wide(y), wide(forward(back(w))))).sum())
        onto_rows = complex((inner(wide(back(ax)), wide(z)) - inner(wide(x), wide(back(forward(z))))).sum())
        worst.offer(ratio(abs(onto_range), length(y) * length(w)), "A A^+ is self-adjoint", y=y, w=w)
        worst.offer(ratio(abs(onto_rows), length(x) * length(z)), "A^+ A is self-adjoint", x=x, z=z)
    return worst.measurement()
