"""Stopping rules beside the residual: each ends the iteration of an image by itself, and gives its reason."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from ..operators.base import Operator
from ..operators.space import norm
from .base import Solver
from .problems import Problem
from .solution import Status


class StoppingRule(abc.ABC):
    """A reason to stop, looked at where the residual is. A frozen dataclass.

    status: what an image that stopped for this reason is called.
    """

    status: ClassVar[Status]

    @abc.abstractmethod
    def passed(self, solver: Solver[Any, Any], problem: Problem, state: Any) -> Tensor:
        """Which images may stop: bool, (batch,). It must not wait for the device."""


@dataclass(frozen=True, eq=False)
class Discrepancy(StoppingRule):
    """Morozov's principle as a stopping rule: |F(x) - y| <= factor * noise_norm. Costs one F at each check.

    noise_norm: |noise|_2, one number or one for each image, e.g. noise_std * sqrt(number of samples).
    factor: larger than 1, for the noise level is not known exactly and the theory asks for it.

    Raises: ConfigError if noise_norm is not positive or factor is not larger than 1; ShapeError if y does not fit.
    Source: Morozov (1966); Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, eq. 6.6 for Landweber.
    """

    status = Status.DISCREPANCY

    operator: Operator
    y: Tensor
    noise_norm: float | Tensor
    factor: float = 1.01

    def __post_init__(self) -> None:
        self.operator.codomain.check(self.y, "Discrepancy: measurement")
        levels = torch.as_tensor(self.noise_norm, dtype=torch.float64)
        if levels.ndim > 1 or (levels.ndim == 1 and len(levels) != len(self.y)):
            raise ShapeError(
                f"Discrepancy: noise_norm has shape {tuple(levels.shape)}, expected one number or ({len(self.y)},), "
                "one for each image."
            )
        if not bool((levels > 0).all()) or not bool(torch.isfinite(levels).all()):
            raise ConfigError(
                f"Discrepancy: noise_norm is {self.noise_norm}, expected positive numbers. "
                "Estimate the noise, or stop by rtol."
            )
        if not 1 < self.factor < math.inf:
            raise ConfigError(f"Discrepancy: factor is {self.factor}, expected a number larger than 1. Use 1.01.")

    def passed(self, solver: Solver[Any, Any], problem: Problem, state: Any) -> Tensor:
        misfit = norm(self.operator.forward(problem.image(solver.solution(state))) - self.y)
        return misfit <= self.factor * torch.as_tensor(self.noise_norm, dtype=misfit.dtype, device=misfit.device)
