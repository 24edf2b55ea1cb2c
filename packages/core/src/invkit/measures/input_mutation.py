"""Whether a call changes its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .measurement import Measurement, Worst


@torch.no_grad()
def input_mutation(call: Callable[..., Any], *arguments: Tensor) -> Measurement:
    """The number of arguments that are not, bit for bit, what they were before the call; 0 for a pure function."""
    worst = Worst(0.0)
    given = [argument.clone() for argument in arguments]
    call(*given)
    changed = [i for i, (now, before) in enumerate(zip(given, arguments, strict=True)) if not torch.equal(now, before)]
    where = f"argument {', '.join(map(str, changed))} was changed" if changed else ""
    worst.offer(float(len(changed)), where, **{f"argument_{i}": arguments[i] for i in changed})
    return worst.measurement()
