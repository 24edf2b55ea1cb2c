"""Whether the result of one image depends on the images beside it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .measurement import Measurement, Worst, length, ratio, tolerance


@torch.no_grad()
def batch_invariance(call: Callable[[Tensor], Tensor], batch: Tensor, *, bound: float | None = None) -> Measurement:
    """max over images of |F(batch)_i - F(batch_i)| / |F(batch_i)|.

    batch: images that differ much, such as ``unlike_images`` makes: what couples them should hurt.
    bound: None is the tolerance of the dtype; the two need not agree to the last bit, because libraries sum in
        another order for another batch size.
    """
    worst = Worst(tolerance(batch.dtype) if bound is None else bound)
    together = call(batch.clone())
    if len(together) != len(batch):
        worst.offer(float("inf"), f"{len(batch)} images gave {len(together)} results", batch=batch)
        return worst.measurement()
    for i in range(len(batch)):
        worst.offer(
            _difference(call, batch, together, i),
            f"image {i} of {len(batch)}",
            batch=batch,
            image=i,
        )
    return worst.measurement()


@torch.no_grad()
def batch_invariance_at(call: Callable[[Tensor], Tensor], batch: Tensor, image: float | None = None) -> float:
    """The difference for one image of the batch; None only counts the results."""
    together = call(batch.clone())
    if len(together) != len(batch):
        return float("inf")
    return 0.0 if image is None else _difference(call, batch, together, int(image))


def _difference(call: Callable[[Tensor], Tensor], batch: Tensor, together: Tensor, i: int) -> float:
    alone = call(batch[i : i + 1].clone())
    same = together[i : i + 1]
    infinite = alone.isinf() & (alone == same)  # an indicator may be infinite in both
    difference = torch.where(infinite, torch.zeros_like(alone), same - alone)
    return ratio(length(difference), length(torch.where(infinite, torch.zeros_like(alone), alone)))


def unlike_images(x: Tensor) -> Tensor:
    """A batch of four made of the first image of ``x``: itself, a thousand times it, zero, and its mirror image."""
    first = x[:1]
    return torch.cat([first, 1e3 * first, torch.zeros_like(first), first.flip(-1)])
