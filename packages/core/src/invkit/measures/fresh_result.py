"""Whether the result of a call is its own: not its argument's memory, and not changed by the next call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .input_mutation import same
from .measurement import Measurement, Worst


@torch.no_grad()
def shared_results(call: Callable[[Tensor], Tensor], x: Tensor, z: Tensor) -> Measurement:
    """1 if the result stands in the memory of its argument, or a second call changes what the first returned; else 0.

    The two calls have arguments of one shape, for which a buffer would serve twice.
    """
    worst = Worst(0.0)
    first = call(x)
    kept = first.clone()
    second = call(z)
    for result, argument in ((first, x), (second, z)):
        worst.offer(float(_share(result, argument)), "the result stands in the memory of the argument", x=x, z=z)
    worst.offer(float(_share(first, second)), "two results stand in one memory", x=x, z=z)
    worst.offer(float(not same(first, kept)), "a second call changed the result of the first", x=x, z=z)
    return worst.measurement()


def _share(a: Tensor, b: Tensor) -> bool:
    if a.numel() == 0 or b.numel() == 0:
        return False
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
