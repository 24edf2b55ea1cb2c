"""One autograd function for every linear map whose forward and adjoint are given as plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]


def apply_linear(x: Tensor, forward: Map, adjoint: Map) -> Tensor:
    """``forward(x)``, whose derivative is ``forward`` and whose vector-Jacobian product is ``adjoint``.

    Both take and return (batch, ...) and need no graph of their own. Any number of derivatives, forward mode,
    ``torch.func.vmap`` and ``torch.func.grad`` work.
    """
    return _Linear.apply(x, forward, adjoint)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, forward: Map, adjoint: Map) -> Tensor:
        return forward(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Map, Map], output: Tensor) -> None:
        _, ctx.forward_map, ctx.adjoint_map = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        return _Linear.apply(gradients[0], ctx.adjoint_map, ctx.forward_map), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return _Linear.apply(tangents[0], ctx.forward_map, ctx.adjoint_map)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, forward: Map, adjoint: Map) -> tuple[Tensor, int]:
        assert in_dims[0] is not None
        stacked = x.movedim(in_dims[0], 0)
        out = _Linear.apply(stacked.flatten(0, 1), forward, adjoint)
        return out.unflatten(0, stacked.shape[:2]), 0
