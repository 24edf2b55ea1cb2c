"""A nonlinear operator out of a function, with derivatives by automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...claims import ASSUMED, Basis
from ..base import Operator
from ..space import Space


@dataclass(frozen=True, eq=False, repr=False)
class FromFunction(Operator):
    """F(x) = function(x), with F'(x) v and F'(x)* z by torch's reverse mode.

    function: takes a batch of the domain and returns a new tensor, a batch of the codomain; acts on each image alone
        and keeps no state. ``invkit check`` measures both. Twice differentiable by torch for ``jvp``. Tensors that it
        closes over stay where they are under ``.to(...)``; gradients reach them.

    F'(x) v comes from two reverse passes, because u -> F'(x)* u is linear and its transpose is F'(x): that needs no
    forward mode, which many functions (and all without a rule of their own for it) lack.

    Raises: ShapeError if the function returns no batch of the codomain.
    Source: for the two reverse passes, Griewank, Walther (2008), Evaluating Derivatives, chapter 3.
    """

    basis: ClassVar[Basis] = ASSUMED  # nothing is known of the function

    function: Callable[[Tensor], Tensor]
    domain_space: Space
    codomain_space: Space

    @property
    def domain(self) -> Space:
        return self.domain_space

    @property
    def codomain(self) -> Space:
        return self.codomain_space

    def _forward(self, x: Tensor) -> Tensor:
        y = self.function(x)
        self.codomain.check(y, "FromFunction: result of the function")
        return y

    def _vjp(self, x: Tensor, z: Tensor) -> Tensor:
        keep = self._is_tracked(x, z)
        with torch.enable_grad():
            point = _tracked(x, keep)
            value = self._forward(point)
            return _gradient(value, point, z, keep)

    def _jvp(self, x: Tensor, v: Tensor) -> Tensor:
        keep = self._is_tracked(x, v)
        with torch.enable_grad():
            point = _tracked(x, keep)
            value = self._forward(point)
            direction = _own(torch.zeros_like(value).requires_grad_())
            transposed = _gradient(value, point, direction, True)
            return _gradient(transposed, direction, v, keep)

    def _is_tracked(self, x: Tensor, other: Tensor) -> bool:
        """Whether a derivative shall be differentiable itself: in x, in the other tensor, or in what is closed over."""
        if not torch.is_grad_enabled():
            return False
        return x.requires_grad or other.requires_grad or self.function(x[:1]).requires_grad


def _tracked(x: Tensor, keep: bool) -> Tensor:
    """x, with its history if the result shall be differentiated further."""
    return x if keep and x.requires_grad else _own(x.detach().requires_grad_())


def _own(leaf: Tensor) -> Tensor:
    # torch keeps the attributes of a tensor for as long as a graph holds it.
    leaf._is_own_leaf = True  # type: ignore[attr-defined]
    return leaf


def is_own_leaf(tensor: Tensor) -> bool:
    """Whether a leaf of autograd's graph was made here, to differentiate at: a result does not depend on it."""
    return getattr(tensor, "_is_own_leaf", False)


def _gradient(value: Tensor, at: Tensor, along: Tensor, keep: bool) -> Tensor:
    if not value.requires_grad:  # a constant
        return torch.zeros_like(at)
    (found,) = torch.autograd.grad(value, at, along, create_graph=keep, allow_unused=True, materialize_grads=True)
    return found
