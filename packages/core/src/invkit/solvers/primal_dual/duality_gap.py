"""The duality gap: how far the objective can still fall at most."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...operators.space import rounding
from ..base import Solver
from ..problems import Problem, SaddleProblem
from ..solution import Status
from ..stopping import StoppingRule
from .step import SaddlePoint


@dataclass(frozen=True)
class DualityGap(StoppingRule):
    """Stop where P(x) - D(y) <= atol + rtol * max(|P(x)|, |D(y)|): then the objective is no further from its minimum.

        P(x) = sum_i f_i(K_i x) + g(x),      D(y) = - sum_i f_i*(y_i) - g*(- sum_i K_i* y_i)

    For a solver of the saddle form, from whose state both are read without an operator call; what the rounding of
    the sums may hide counts as gap. P(x) - D(y) >= P(x) - min P always (weak duality).

    Closes where g* and the f_i are finite everywhere, as for a strongly convex g such as ``c * SquaredL2(y)`` or a
    bounded ``Box``. Without a term g, or with a norm as g, g* is an indicator that -sum K_i* y_i meets in the limit
    only: the gap is infinite and never closes. Stop by rtol there.

    Raises: ConfigError if a tolerance is negative, not finite, or both are zero; from ``passed`` if the problem has
    another form.
    Source: Chambolle, Pock (2011), section 2; Rockafellar (1970), Convex Analysis, section 31.
    """

    status = Status.DUALITY_GAP

    rtol: float = 1e-4
    atol: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.rtol < math.inf and 0 <= self.atol < math.inf and self.rtol + self.atol > 0):
            raise ConfigError(
                f"DualityGap: rtol is {self.rtol} and atol is {self.atol}, expected finite numbers >= 0, not both 0. "
                "Use rtol=1e-4."
            )

    def passed(self, solver: Solver[Any, Any], problem: Problem, state: Any) -> Tensor:
        if not isinstance(problem, SaddleProblem) or not (hasattr(state, "kx") and hasattr(state, "kty")):
            raise ConfigError(
                f"DualityGap: solver is {type(solver).__name__}, expected one whose state has the duals of a saddle "
                "problem. Use core/pdhg or one of its kind, or stop by rtol."
            )
        primal, dual, hidden = primal_and_dual(problem, state)
        size = torch.maximum(primal.abs(), dual.abs())
        # Of an infinite gap the right side is infinite too, and bounds nothing.
        return torch.isfinite(size) & (primal - dual + hidden <= self.atol + self.rtol * size)


def duality_gap(problem: SaddleProblem, state: SaddlePoint) -> Tensor:
    """P(x) - D(y) of a state that has made a step, (batch,)."""
    primal, dual, _ = primal_and_dual(problem, state)
    return primal - dual


def primal_and_dual(problem: SaddleProblem, state: SaddlePoint) -> tuple[Tensor, Tensor, Tensor]:
    """P(x), D(y), and what the rounding of their sums may hide, each (batch,) in float64."""
    ascent = functools.reduce(torch.add, state.kty)
    above = [f.value(kx) for (f, _), kx in zip(problem.blocks, state.kx, strict=True)]
    above.append(problem.proximable.value(state.x))
    below = [f_star.value(y) for f_star, y in zip(problem.conjugates, state.y, strict=True)]
    below.append(problem.proximable.conjugate.value(-ascent))
    wide = [value.double() for value in (*above, *below)]
    primal = functools.reduce(torch.add, wide[: len(above)])
    dual = -functools.reduce(torch.add, wide[len(above) :])
    hidden = 8 * rounding(state.x) * functools.reduce(torch.add, [value.abs() for value in wide])
    return primal, dual, hidden
