"""What the specimens are made of: objects whose parts are functions, so that a specimen says only what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invkit.functionals import L1, Box, Differentiable, Proximable, SquaredL2
from invkit.functionals.norms import GroupL1, QuadraticConjugate
from invkit.operators import Interval, LinearOperator, Space
from invkit.operators.space import real_dtype
from invkit.solvers import GradientDescent
from invkit.solvers.base import Optimality


@dataclass(frozen=True, eq=False, repr=False)
class Forward(LinearOperator):
    """A linear operator out of functions, so that a specimen says only what is wrong with it."""

    run: Callable[[Tensor], Tensor]
    run_adjoint: Callable[[Tensor], Tensor]
    interval: Interval = Interval.exact(1.0)
    dtype: torch.dtype = torch.float64
    shape: tuple[int, ...] = (1, 5, 4)
    stated: frozenset[str] = frozenset()

    @property
    def domain(self) -> Space:
        return Space(self.shape, self.dtype)

    @property
    def codomain(self) -> Space:
        return self.domain

    def _forward(self, x: Tensor) -> Tensor:
        return self.run(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.run_adjoint(y)

    def _norm(self) -> Interval:
        return self.interval

    @property
    def structure(self) -> frozenset[str]:
        return self.stated


@dataclass(frozen=True, eq=False, repr=False)
class KeepsABuffer(Forward):
    """The identity, which returns one and the same tensor for every batch of seven images."""

    buffer: Tensor = torch.empty(0)

    def _forward(self, x: Tensor) -> Tensor:
        if x.shape != self.buffer.shape or x.requires_grad:
            return x.clone()
        return self.buffer.copy_(x)


@dataclass(frozen=True, eq=False, repr=False)
class CountsItsCalls(Forward):
    """The identity, which writes down in one of its tensors how often it was called."""

    calls: Tensor = torch.empty(0)

    def _forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x.clone()


def forward_difference(x: Tensor) -> Tensor:
    """Differences along the last axis, zero at the end."""
    return torch.nn.functional.pad(x.diff(dim=-1), (0, 1))


def forward_difference_adjoint(y: Tensor) -> Tensor:
    inner = y[..., :-1]
    return torch.nn.functional.pad(inner, (1, 0)) - torch.nn.functional.pad(inner, (0, 1))


def periodic_difference_adjoint(y: Tensor) -> Tensor:
    """The adjoint of the periodic differences, which is not that of the ones with a free end."""
    return y.roll(1, -1) - y


def doubled_in_place(x: Tensor) -> Tensor:
    return x.mul_(2.0) / 2


@dataclass(frozen=True, eq=False, repr=False)
class SoftThresholding(Proximable):
    """|x|_1 with a proximal map out of a function."""

    shrink: Callable[[Tensor, Any], Tensor]
    dual: Proximable | None = None

    def _value(self, x: Tensor) -> Tensor:
        return x.abs().flatten(1).sum(1)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return self.shrink(v, tau)

    @property
    def conjugate(self) -> Proximable:
        return self.dual or L1().conjugate


def soft(v: Tensor, tau: float | Tensor) -> Tensor:
    return v.sign() * (v.abs() - tau).clamp_min(0)


@dataclass(frozen=True, eq=False, repr=False)
class L0(Proximable):
    """The number of nonzero entries, whose proximal map keeps v where |v| > sqrt(2 tau)."""

    threshold: Callable[[Any], Any]

    def _value(self, x: Tensor) -> Tensor:
        return (x != 0).to(real_dtype(x.dtype)).flatten(1).sum(1)

    def convexity(self) -> None:
        return None

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return torch.where(v.abs() > self.threshold(tau), v, torch.zeros_like(v))

    @property
    def conjugate(self) -> Proximable:
        return Box()


@dataclass(frozen=True, eq=False, repr=False)
class UnitBall(Proximable):
    """The indicator of |x|_2 <= 1 with a projection out of a function of v and |v|."""

    project: Callable[[Tensor, Tensor], Tensor]

    def _value(self, x: Tensor) -> Tensor:
        inside = torch.linalg.vector_norm(x.flatten(1), dim=1) <= 1 + 1e-12
        return torch.where(inside, 0.0, torch.inf).to(x.dtype)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return self.project(v, torch.linalg.vector_norm(v.flatten(1), dim=1).reshape(-1, 1, 1, 1))

    @property
    def conjugate(self) -> Proximable:
        return L1()


@dataclass(frozen=True, eq=False, repr=False)
class Smooth(Differentiable):
    """sum log cosh(x), 1-smooth, with a gradient, a Hessian and constants out of functions."""

    slope: Callable[[Tensor], Tensor] = torch.tanh
    curvature: Callable[[Tensor], Tensor] = lambda x: 1 - torch.tanh(x) ** 2
    constant: float = 1.0
    modulus: float = 0.0
    sign: float = 1.0

    def _value(self, x: Tensor) -> Tensor:
        size = x.abs()
        return self.sign * (size + torch.log1p(torch.exp(-2 * size)) - torch.log(torch.tensor(2.0))).flatten(1).sum(1)

    def convexity(self) -> float:
        return self.modulus

    def _gradient(self, x: Tensor) -> Tensor:
        return self.slope(x)

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return self.curvature(x) * v

    def smoothness(self) -> Interval:
        return Interval.exact(self.constant)


@dataclass(frozen=True, eq=False, repr=False)
class ForgetsItsWeight(Proximable):
    """Meant to be 0.7 |x|_1: its proximal map has the weight, its value does not."""

    def _value(self, x: Tensor) -> Tensor:
        return GroupL1(())._value(x)

    def convexity(self) -> float:
        return 0.0

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return GroupL1(())._prox(v, 0.7 * tau)

    @property
    def conjugate(self) -> Proximable:
        return GroupL1(()).scaled_conjugate(0.7)


@dataclass(frozen=True, eq=False, repr=False)
class BatchMean(SquaredL2):
    """Half the squared distance to the mean of the batch."""

    def _value(self, x: Tensor) -> Tensor:
        return super()._value(x - x.mean(0, keepdim=True))


@dataclass(frozen=True)
class StopsTogether(GradientDescent):
    """Gradient descent whose residual is the mean over the batch, so that images wait for each other."""

    def optimality(self, problem: Any, state: Any) -> Optimality:
        found = super().optimality(problem, state)
        return Optimality(found.residual.mean().expand_as(found.residual), found.scale.mean().expand_as(found.scale))


@dataclass(frozen=True)
class NeverSatisfied(GradientDescent):
    """Gradient descent whose residual is always 1, so that it runs into every budget."""

    def optimality(self, problem: Any, state: Any) -> Optimality:
        found = super().optimality(problem, state)
        return Optimality(torch.ones_like(found.residual), torch.ones_like(found.scale))


@dataclass(frozen=True)
class StepsTogether(GradientDescent):
    """Gradient descent whose step is damped by the largest gradient in the batch."""

    def step(self, problem: Any, state: Any) -> Any:
        following = super().step(problem, state)
        damping = 1 / (1 + torch.linalg.vector_norm(following.gradient))
        return type(following)(
            state.x - damping * state.step_size * following.gradient,
            following.gradient,
            following.reference,
            state.step_size,
        )


@dataclass(frozen=True)
class FindsAnotherPoint(GradientDescent):
    """Gradient descent that returns 1.01 times what it found."""

    def solution(self, state: Any) -> Tensor:
        return 1.01 * state.x


class NegativeConjugate(QuadraticConjugate):
    """-|z|^2 / (2c)."""

    def _value(self, z: Tensor) -> Tensor:
        return -super()._value(z)
