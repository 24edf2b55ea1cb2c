"""Whether an operator's shortcuts, A*A and A^+, agree with A and A* themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators.base import HasPseudoInverse, LinearOperator
from ..operators.space import inner
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


@torch.no_grad()
def normal_error(operator: LinearOperator, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """max |N x - A*(A x)| / |A*(A x)| for N = ``operator.normal()``."""
    worst = Worst(10 * tolerance(operator.domain.dtype))
    for trial in range(trials):
        x = operator.domain.randn(generator=generator)
        worst.offer(normal_error_at(operator, x), f"trial {trial}", x=x)
    return worst.measurement()


@torch.no_grad()
def normal_error_at(operator: LinearOperator, x: Tensor) -> float:
    """The error for one image."""
    reference = operator.adjoint(operator.forward(x))
    return ratio(length(operator.normal().forward(x) - reference), length(reference))


@torch.no_grad()
def pseudo_inverse_error(operator: HasPseudoInverse, *, generator: torch.Generator, trials: int = 3) -> Measurement:
    """The worst violation of the conditions of Moore and Penrose, relative: A A^+ A = A, A^+ A A^+ = A^+, and A A^+ and
    A^+ A self-adjoint.

    Source: Penrose (1955), Theorem 1.
    """
    # A^+ amplifies by the condition number, which is moderate in a tiny example.
    worst = Worst(1e3 * tolerance(operator.domain.dtype))
    for _ in range(trials):
        x, z = (operator.domain.randn(generator=generator) for _ in range(2))
        y, w = (operator.codomain.randn(generator=generator) for _ in range(2))
        for condition, value in _conditions(operator, x, y, z, w).items():
            worst.offer(value, condition, condition=condition, x=x, y=y, z=z, w=w)
    return worst.measurement()


@torch.no_grad()
def pseudo_inverse_error_at(
    operator: HasPseudoInverse, condition: str, x: Tensor, y: Tensor, z: Tensor, w: Tensor
) -> float:
    """The violation of one condition, named as in a measurement."""
    return _conditions(operator, x, y, z, w)[condition]


def _conditions(operator: HasPseudoInverse, x: Tensor, y: Tensor, z: Tensor, w: Tensor) -> dict[str, float]:
    forward, back = operator.forward, operator.pseudo_inverse
    ax, xy = forward(x), back(y)
    onto_range = complex((inner(wide(forward(xy)), wide(w)) - inner(wide(y), wide(forward(back(w))))).sum())
    onto_rows = complex((inner(wide(back(ax)), wide(z)) - inner(wide(x), wide(back(forward(z))))).sum())
    return {
        "A A^+ A = A": ratio(length(forward(back(ax)) - ax), length(ax)),
        "A^+ A A^+ = A^+": ratio(length(back(forward(xy)) - xy), length(xy)),
        "A A^+ is self-adjoint": ratio(abs(onto_range), length(y) * length(w)),
        "A^+ A is self-adjoint": ratio(abs(onto_rows), length(x) * length(z)),
    }
