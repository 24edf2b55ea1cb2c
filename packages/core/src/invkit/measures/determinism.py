"""Whether a call gives the same numbers twice, and leaves the global random state alone."""

# ruff: noqa: NPY002 - the global generator of numpy is what is looked at
from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from .input_mutation import same
from .measurement import Measurement, Worst, length, ratio, tolerance

#: So often it is asked again: something may happen at every second or third call only.
_REPEATS = 3

Call = Callable[[Tensor], Tensor]


@torch.no_grad()
def determinism_error(call: Call, x: Tensor, z: Tensor) -> Measurement:
    """How far F(x) is from F(x) when it is asked again, after a call for z and with another global random state.

    On a CPU the two must agree bit for bit; elsewhere to the tolerance of the precision, because a GPU sums in any
    order. Infinite if a call changed the global random state, of torch, numpy or Python.
    """
    worst = Worst(0.0 if x.device.type == "cpu" else 1e3 * tolerance(x.dtype))
    with _kept_random_state(x.device):
        _seed(1, x.device)
        first, before = call(x.clone()).clone(), _drawn()
        _seed(1, x.device)
        touched = before != _drawn()
        _seed(2, x.device)
        call(z.clone())
        again = [call(x.clone()) for _ in range(_REPEATS)]
    if touched:
        worst.offer(float("inf"), "the call changed the global random state", x=x, z=z)
    for one in again:
        worst.offer(_apart(first, one), "the same call again, after another one and with another seed", x=x, z=z)
    return worst.measurement()


def _apart(first: Tensor, second: Tensor) -> float:
    if first.shape != second.shape:
        return float("inf")
    if same(first, second):
        return 0.0
    finite = first.isfinite() & second.isfinite()
    if not torch.equal(first.isfinite(), second.isfinite()):
        return float("inf")
    return max(ratio(length((first - second)[finite]), length(first[finite])), torch.finfo(torch.float64).tiny)


def _drawn() -> tuple[float, float, float]:
    """The next number of each global generator."""
    return float(torch.rand(())), random.random(), float(np.random.random())


def _seed(seed: int, device: torch.device) -> None:
    # torch.manual_seed would seed the generators of devices whose state is not kept.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


@contextmanager
def _kept_random_state(device: torch.device) -> Iterator[None]:
    """Whatever happens to the global generators inside is undone."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
