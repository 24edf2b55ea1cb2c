"""The implicit function theorem as a node of autograd: x(theta) from R(x, theta) = 0.

    dx = -R_x^{-1} R_theta dtheta,   so that the gradient of a loss with gradient v in x is   -R_theta* q,   R_x* q = v.

Inside the nodes every tensor is a fresh leaf, so that no path is counted twice; between them autograd does the rest,
once more for second derivatives. Source: Krantz, Parks (2002), The Implicit Function Theorem; Griewank, Walther (2008),
Evaluating Derivatives, section 15.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from .parameters import Parameters


class Equation(abc.ABC):
    """R(x, theta) = 0 with theta the tensors of ``parameters``, and solvers of its linearisation."""

    parameters: Parameters

    @abc.abstractmethod
    def residual(self, thing: Any, x: Tensor) -> Tensor:
        """R at x for ``thing``, which is that of the parameters or one rebuilt from other tensors."""

    @abc.abstractmethod
    def adjoint_product(self, thing: Any, x: Tensor, q: Tensor) -> Tensor:
        """R_x* q, with a graph in x, q and the tensors of thing."""

    @abc.abstractmethod
    def solve_adjoint(self, x: Tensor, v: Tensor) -> Tensor:
        """q with R_x* q = v.

        Raises: ConvergenceError if it is not found to the tolerance.
        """

    @abc.abstractmethod
    def solve_tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """p with R_x p = v.

        Raises: ConvergenceError if it is not found to the tolerance.
        """


def attach(equation: Equation, x_star: Tensor) -> Tensor:
    """x*, a solution found without a graph, as a function of the equation's parameters."""
    return _Root.apply(equation, x_star, *equation.parameters.all)  # type: ignore[no-untyped-call]


class _Root(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, equation: Equation, x_star: Tensor, *theta: Tensor) -> Tensor:
        x = x_star.clone()
        ctx.equation = equation
        # The output, not the input: second derivatives go on through x(theta).
        ctx.save_for_backward(x, *theta)
        return x

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        x, *theta = ctx.saved_tensors
        q = _AdjointSolve.apply(ctx.equation, v, x, *theta)  # type: ignore[no-untyped-call]
        parts = _Partials.apply(ctx.equation, x, q, *theta)  # type: ignore[no-untyped-call]
        return None, None, *(-part for part in parts)


class _AdjointSolve(torch.autograd.Function):
    """q(v, x, theta) = R_x^{-*} v;   dq = R_x^{-*} (dv - d(R_x*) q)."""

    @staticmethod
    def forward(ctx: Any, equation: Equation, v: Tensor, x: Tensor, *theta: Tensor) -> Tensor:
        q = equation.solve_adjoint(x, v.contiguous())
        ctx.equation = equation
        ctx.save_for_backward(q, x, *theta)
        return q

    @staticmethod
    def backward(ctx: Any, w: Tensor) -> tuple[Tensor | None, ...]:
        q, x, *_ = ctx.saved_tensors
        p = ctx.equation.solve_tangent(x.detach(), w.detach().contiguous())
        with torch.enable_grad():
            leaves = ctx.equation.parameters.leaves()
            point = x.detach().requires_grad_()
            product = ctx.equation.adjoint_product(leaves.thing, point, q.detach())
            (in_x,), parts = leaves.vjp(product, (point,), p)
        return None, *_last((p, -in_x, *(-part for part in parts)), x)


class _Partials(torch.autograd.Function):
    """(x, q, theta) -> R_theta* q, one tensor for each of theta."""

    @staticmethod
    def forward(ctx: Any, equation: Equation, x: Tensor, q: Tensor, *theta: Tensor) -> tuple[Tensor, ...]:
        ctx.equation = equation
        ctx.save_for_backward(x, q, *theta)
        with torch.enable_grad():
            leaves = equation.parameters.leaves()
            residual = equation.residual(leaves.thing, x.detach())
            _, parts = leaves.vjp(residual, (), q.detach())
            return tuple(part.detach() for part in parts)

    @staticmethod
    def backward(ctx: Any, *w: Tensor) -> tuple[Tensor | None, ...]:
        x, q, *_ = ctx.saved_tensors
        with torch.enable_grad():
            leaves = ctx.equation.parameters.leaves()
            inputs = (x.detach().requires_grad_(), q.detach().requires_grad_())
            residual = ctx.equation.residual(leaves.thing, inputs[0])
            _, parts = leaves.vjp(residual, (), inputs[1], create_graph=True)
            total = [torch.zeros_like(tensor) for tensor in (*inputs, *parts)]
            for part, weight in zip(parts, w, strict=True):
                first, rest = leaves.vjp(part, inputs, weight)
                total = [a + b for a, b in zip(total, first + rest, strict=True)]
        return None, *_last(total, x)


class _Last(torch.autograd.Function):
    """A second derivative, which has none of its own here: asked for one, it says so instead of giving a part of it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        return tuple(part.detach().clone() for part in parts)

    @staticmethod
    def backward(ctx: Any, *w: Tensor) -> None:
        raise ConfigError(
            "implicit derivative: order is 3, expected at most 2. Differentiate the steps with Unrolled(num_steps)."
        )


def _last(parts: Sequence[Tensor], x: Tensor) -> tuple[Tensor, ...]:
    parts = tuple(part.detach() for part in parts)
    return _Last.apply(x, *parts) if torch.is_grad_enabled() else parts  # type: ignore[no-untyped-call]
