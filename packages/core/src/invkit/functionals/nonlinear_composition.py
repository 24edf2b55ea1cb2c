"""x -> f(F(x)) with a nonlinear F: seldom convex, differentiable where f is.

gradient(x) = F'(x)* z with z = f.gradient(F(x))
Hessian(x) v = F'(x)* H_f(F(x)) F'(x) v  +  d/dx Re <F'(x)* z, v> with z held
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..derivations import symmetry
from ..derivations.symmetry import Action
from ..operators.base import Operator
from ..operators.moving import tensors_of
from ..operators.space import Space
from .base import Differentiable, Functional


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearComposition(Functional):
    """x -> f(F(x)); nothing is known of its convexity."""

    functional: Functional
    operator: Operator
    derivations = (symmetry.COMPOSITION_INVARIANT,)

    @property
    def domain(self) -> Space | None:
        return self.operator.domain

    def _value(self, x: Tensor) -> Tensor:
        return self.functional.value(self.operator.forward(x))

    def is_invariant(self, action: Action) -> bool:
        carried = self.operator.carried(action)
        return carried is not None and self.functional.is_invariant(carried)

    def __repr__(self) -> str:
        return f"{self.functional!r} @ {type(self.operator).__name__}"


class NonlinearCompositionDifferentiable(NonlinearComposition, Differentiable):
    """x -> f(F(x)) with a gradient: one F and one F'(x)*; the Hessian is exact, not that of Gauss and Newton."""

    functional: Differentiable

    def _gradient(self, x: Tensor) -> Tensor:
        return self.operator.vjp(x, self.functional.gradient(self.operator.forward(x)))

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        value = self.operator.forward(x)
        curvature = self.functional.hessian_vector(value, self.operator.jvp(x, v))
        return self.operator.vjp(x, curvature) + _second_order(self.operator, x, self.functional.gradient(value), v)

    def smoothness(self) -> None:
        return None  # of a bounded set of images at best


def gauss_newton_vector(functional: NonlinearCompositionDifferentiable, x: Tensor, v: Tensor) -> Tensor:
    """F'(x)* H_f(F(x)) F'(x) v: the Hessian without its second-order term, positive semidefinite for convex f.

    Source: Nocedal, Wright (2006), Numerical Optimization, section 10.3.
    """
    operator = functional.operator
    curvature = functional.functional.hessian_vector(operator.forward(x), operator.jvp(x, v))
    return operator.vjp(x, curvature)


def _second_order(operator: Operator, x: Tensor, z: Tensor, v: Tensor) -> Tensor:
    """The Hessian of x -> Re <F(x), z> applied to v: it is symmetric, so it is the gradient of Re <F'(x)* z, v>."""
    keep = torch.is_grad_enabled() and _has_graph(operator, x, z, v)
    with torch.enable_grad():
        # A view of x of its own: the derivative is wanted in this argument of F'(x)* z, not in z, which knows x too.
        point = x.view_as(x) if keep and x.requires_grad else x.detach().requires_grad_()
        first = operator.vjp(point, z)
        if not first.requires_grad:
            return torch.zeros_like(x)
        (found,) = torch.autograd.grad(first, point, v, create_graph=keep, allow_unused=True, materialize_grads=True)
    return found


def _has_graph(operator: Operator, x: Tensor, z: Tensor, v: Tensor) -> bool:
    """Whether the product depends on anything that is being differentiated; else it must not keep its history."""
    if any(tensor.requires_grad for tensor in (x, z, v, *tensors_of(operator))):
        return True
    # What a function or a module closes over shows in its value, here for one image.
    return bool(len(x)) and operator.vjp(x[:1], z[:1]).requires_grad
