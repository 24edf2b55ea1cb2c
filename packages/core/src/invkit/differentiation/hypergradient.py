"""The gradient of a loss of a minimiser, with an estimate of its error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..functionals.base import Differentiable, Functional
from ..functionals.hessian_at import hessian_at
from ..operators.space import norm
from .base import check_count
from .implicit import Implicit, StationaryPoint, jacobi, require_differentiable
from .parameters import Parameters, parameters_of, tensors_in, vjp

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Hypergradient:
    """What ``hypergradient`` found.

    value: the loss, summed over the images.   gradients: one tensor for each of theta.
    error_estimate: for each of theta |gradient - gradient at a better point|_2, a 0-d tensor: no bound, but right to
        first order in the error of the solution.
    residual: |gradient f| at the solution, (batch,).   adjoint_steps: Hessian products of each image, (batch,).
    adjoint: q with H q = gradient of the loss, to start from the next time.
    """

    value: Tensor
    gradients: tuple[Tensor, ...]
    error_estimate: tuple[Tensor, ...]
    residual: Tensor
    adjoint_steps: Tensor
    adjoint: Tensor


def hypergradient(
    loss: Loss,
    objective: Functional,
    solution_x: Tensor,
    theta: Iterable[Tensor] | nn.Module,
    *,
    rtol: float = 1e-8,
    max_steps: int = 1000,
    x0: Tensor | None = None,
) -> Hypergradient:
    """d loss(x*(theta)) / dtheta by one adjoint system at the solution x~ that was found, and how wrong it is.

        g(x) = d loss / dtheta - d/dtheta Re <gradient f(x, theta), q>,   H(x) q = gradient of the loss at x
        estimate = |g(x~) - g(x~ - H(x~)^{-1} gradient f(x~))|

    The second point is a Newton step nearer to x*, so that the difference is the error but for second-order terms.
    loss: x -> one number, or one for each image; it may depend on theta itself.   theta: tensors that the objective was
    built from, those that these were computed from, or tensors of closures.
    x0: q to start from.   Cost: three linear systems, the third from the solution of the first, so that it is short.

    Raises: ConvergenceError if a system is not solved to rtol; ConfigError if the objective has no gradient, or depends
    on a tensor that neither it nor theta names.
    Source: dissertation, section 1.2.3, eq. 1.5, for g; the estimate is one Newton step in place of an unknown error.
    """
    check_count(max_steps, "max_steps", "hypergradient")
    smooth = require_differentiable(objective, "hypergradient")
    theta = tensors_in(theta, "hypergradient")
    parameters = parameters_of(objective, theta, "hypergradient")
    x = solution_x.detach()
    with torch.enable_grad():
        parameters.check_reached(smooth.gradient(x), "hypergradient")
    steps: list[Tensor] = []
    settings = Implicit(rtol=rtol, max_steps=max_steps, start=x0, callback=lambda result: steps.append(result.steps))
    value, gradients, adjoint = _gradient(loss, smooth, x, theta, parameters, settings)
    with torch.no_grad():
        slope = smooth.gradient(x)
        newton = Implicit(rtol=rtol, max_steps=max_steps).invert(
            hessian_at(smooth, x), slope, preconditioner=jacobi(smooth, x)
        )
    # A tighter system from the same start: otherwise q would be returned as it is, and its own error not be seen.
    tighter = Implicit(rtol=max(rtol / 100, 1e-15), max_steps=max_steps, start=adjoint)
    _, better, _ = _gradient(loss, smooth, x - newton, theta, parameters, tighter)
    estimate = tuple(torch.linalg.vector_norm(a - b) for a, b in zip(gradients, better, strict=True))
    return Hypergradient(value, gradients, estimate, norm(slope), steps[0], adjoint)


def _gradient(
    loss: Loss, objective: Differentiable, x: Tensor, theta: tuple[Tensor, ...], parameters: Parameters, how: Implicit
) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """The loss at x, its gradients in theta, and q."""
    equation = StationaryPoint(objective, parameters, how)
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        value = loss(point).sum()
        one = torch.ones_like(value)
        slope, *direct = vjp(value, (point, *theta), one)
        q = equation.solve_adjoint(x, slope)
        leaves = parameters.leaves()
        _, parts = leaves.vjp(equation.residual(leaves.thing, x), (), q)
        total = [d.clone() for d in direct]
        for tensor, part in zip(parameters.all, parts, strict=True):
            chained = vjp(tensor, theta, part)
            total = [a - b for a, b in zip(total, chained, strict=True)]
    return value.detach(), tuple(part.detach() for part in total), q
