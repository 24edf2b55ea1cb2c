"""Solvers: frozen settings; the mathematics stands in ``step`` and nothing else does.

``solve`` owns the loop: stopping, progress, history, interruption. A solver never stops itself and never keeps state.
"""

from __future__ import annotations

import abc
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from ..claims import Claim
from ..errors import ConfigError
from ..functionals.base import Functional
from ..operators.norm import Interval
from .problems import Problem

State = TypeVar("State")
Form = TypeVar("Form", bound=Problem)


@dataclass(frozen=True)
class Optimality:
    """The size of the residual whose zero is a solution, and the size of the terms that cancel in it; both (batch,).

    An image has converged where residual <= atol + rtol * scale.
    """

    residual: Tensor
    scale: Tensor

    @property
    def relative(self) -> Tensor:
        """residual / scale; 0 where both are."""
        ratio = self.residual / self.scale.clamp_min(torch.finfo(self.scale.dtype).tiny)
        return torch.where(self.residual == 0, torch.zeros_like(ratio), ratio)


class Solver(abc.ABC, Generic[Form, State]):
    """An iterative method for one form of problem. A frozen dataclass of settings.

    form: the type of problem that ``prepare`` returns.
    """

    form: ClassVar[type[Problem]]

    def claims(self) -> tuple[Claim, ...]:
        """What holds for every problem that this solver accepts: ``descent``, ``fejer_monotone``.

        What needs more than acceptance, such as convexity, is concluded by a theorem; ``invkit.explain`` asks it.
        """
        return ()

    @abc.abstractmethod
    def prepare(self, objective: Functional) -> Form:
        """Sort the objective into the form this solver needs.

        Raises: ConfigError if it cannot be, naming the term and a solver that can.
        """

    @abc.abstractmethod
    def init(self, problem: Form, x0: Tensor | None) -> State:
        """The state before the first step; x0 None is zero.

        Raises: ConfigError if a setting, such as a step size, is outside the range this problem allows.
        """

    @abc.abstractmethod
    def step(self, problem: Form, state: State) -> State:
        """One iteration; a new state."""

    @abc.abstractmethod
    def solution(self, state: State) -> Tensor:
        """The image in a state."""

    @abc.abstractmethod
    def optimality(self, problem: Form, state: State) -> Optimality:
        """The residual after at least one step, without an operator call unless the solver's docstring counts it."""

    @abc.abstractmethod
    def objective(self, problem: Form, state: State) -> Tensor:
        """The objective at the image of the state, shape (batch,)."""


def checked_step_size(given: float | None, lipschitz: Interval | None, limit: float, default: float, who: str) -> float:
    """The step size to use: the one given, or ``default / L``; it must lie in (0, limit / L).

    L is the upper bound of the Lipschitz constant of the gradient. ``limit`` itself is excluded if it is 2.

    Raises: ConfigError if the step size is outside its range, or L is unknown and none was given.
    """
    if lipschitz is None:
        if given is None:
            raise ConfigError(
                f"{who}: step_size is None, expected a number, because the gradient has no known Lipschitz constant. "
                "Give step_size."
            )
        bound = float("inf")
    else:
        bound = limit / lipschitz.upper if lipschitz.upper > 0 else float("inf")
        if given is None:
            return default / lipschitz.upper if lipschitz.upper > 0 else 1.0
    inside = 0 < given < bound if limit == 2.0 else 0 < given <= bound
    if not inside:
        close = ")" if limit == 2.0 else "]"
        raise ConfigError(
            f"{who}: step_size is {given:g}, expected one in (0, {bound:.6g}{close} = (0, {limit:g}/L{close} with "
            f"L <= {lipschitz.upper if lipschitz else float('inf'):.6g}. Lower it, or leave it out."
        )
    return given


def select(mask: Tensor, new: Any, old: Any) -> Any:
    """For each image, the part of state ``new`` where mask is True and of ``old`` elsewhere."""
    if isinstance(new, Tensor):
        if new.ndim == 0:
            return new
        return torch.where(mask.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
    if isinstance(new, tuple):
        return tuple(select(mask, a, b) for a, b in zip(new, old, strict=True))
    if dataclasses.is_dataclass(new) and not isinstance(new, type):
        names = [field.name for field in dataclasses.fields(new)]
        return dataclasses.replace(new, **{n: select(mask, getattr(new, n), getattr(old, n)) for n in names})
    return new
