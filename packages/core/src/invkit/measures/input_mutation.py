"""Whether a call changes its arguments, or the tensors of the object that is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .measurement import Measurement, Worst


@torch.no_grad()
def input_mutation(call: Callable[..., Any], *arguments: Tensor, own: Sequence[Tensor] = ()) -> Measurement:
    """The number of arguments that are not, bit for bit, what they were before the call; 0 for a pure function.

    own: tensors that the call may read and must leave alone, such as those an operator was built from; they count too.
    """
    worst = Worst(0.0)
    given = [argument.clone() for argument in arguments]
    before = [tensor.clone() for tensor in own]
    call(*given)
    changed = [i for i, (now, then) in enumerate(zip(given, arguments, strict=True)) if not same(now, then)]
    inside = [i for i, (now, then) in enumerate(zip(own, before, strict=True)) if not same(now, then)]
    parts = [f"argument {', '.join(map(str, changed))} was changed"] if changed else []
    parts += [f"the object's own tensor {', '.join(map(str, inside))} was changed"] if inside else []
    worst.offer(
        float(len(changed) + len(inside)),
        "; ".join(parts),
        **{f"argument_{i}": argument for i, argument in enumerate(arguments)},
    )
    return worst.measurement()


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one layout have the same numbers, NaN being the same as NaN."""
    if a.layout != torch.strided:
        parts = ("values", "crow_indices", "col_indices") if a.layout == torch.sparse_csr else ("to_dense",)
        return all(same(getattr(a, part)(), getattr(b, part)()) for part in parts)
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())
