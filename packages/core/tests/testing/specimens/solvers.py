"""Wrong solvers, each on a problem whose minimiser is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.solvers import FISTA, GradientDescent, ProximalGradient
from invkit.testing import Example
from invkit.testing.examples import solvers

from . import parts as s
from .registry import Specimen, of_kind

wrong = of_kind("solver")


@dataclass(frozen=True)
class MomentumClaims(FISTA):
    """FISTA, whose objective ripples and whose iterates overshoot."""

    claimed: str = "descent"

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property=self.claimed, basis=BY_CONSTRUCTION),)


@dataclass(frozen=True)
class Flatters(MomentumClaims):
    """Momentum, whose objective is said to be 0 at every step."""

    def objective(self, problem: Any, state: Any) -> torch.Tensor:
        return torch.zeros_like(super().objective(problem, state))


@dataclass(frozen=True)
class EightAtMost(GradientDescent):
    """Gradient descent that returns 1.01 times what it found of the ninth image and those after it."""

    def solution(self, state: Any) -> torch.Tensor:
        scale = torch.ones(len(state.x), *[1] * (state.x.ndim - 1), dtype=state.x.dtype)
        scale[8:] = 1.01
        return scale * state.x


@dataclass(frozen=True)
class StepClaims(ProximalGradient):
    """The proximal gradient method, with a claim that is true of its own steps."""

    claimed: str = "descent"

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property=self.claimed, basis=BY_CONSTRUCTION),)


def on(example: Callable[..., Example], make: Callable[[], Any]) -> Callable[[], Example]:
    return lambda: replace(example("cpu", torch.float64), subject=make())


def ridge(make: Callable[[], Any]) -> Callable[[], Example]:
    return on(solvers.gradient_descent, make)


def lasso(make: Callable[[], Any]) -> Callable[[], Example]:
    return on(solvers.fista, make)


HONEST = ridge(GradientDescent)

SOLVERS: tuple[Specimen, ...] = (
    wrong("stops when the mean of the batch does", ridge(s.StopsTogether), "batch-invariance", HONEST),
    wrong("steps by the largest gradient of the batch", ridge(s.StepsTogether), "batch-invariance", HONEST),
    wrong("never stops", ridge(s.NeverSatisfied), "minimiser", HONEST),
    wrong("returns another point", ridge(s.FindsAnotherPoint), "minimiser", HONEST),
    wrong("treats eight images and no more", ridge(EightAtMost), "batch-invariance", HONEST),
    wrong("momentum that hides its objective", lasso(Flatters), "descent", lasso(StepClaims)),
    wrong("momentum called descent", lasso(MomentumClaims), "descent", lasso(StepClaims)),
    wrong(
        "momentum called Fejer monotone",
        lasso(lambda: MomentumClaims(claimed="fejer_monotone")),
        "fejer-monotone",
        lasso(lambda: StepClaims(claimed="fejer_monotone")),
    ),
)
