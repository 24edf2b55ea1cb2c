"""White noise: pairs far apart, pairs side by side, of every size."""

from __future__ import annotations

import torch

from .target import Pairs, Target

#: Exponents of the sizes of the images: a saturation shows among the large ones, a kink at zero among the small.
_SIZES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
#: Of those that are far beyond any image: a saturation may come late.
_LARGE = (4.0, 5.0, 6.0)


def random_pairs(target: Target) -> Pairs:
    """Two images of white noise; one and zero; one and its negative: of sizes from 1e-3 to 1e6. Two real images of
    uniform numbers between 0 and 1, and 0 and 255, as cameras give them, far apart and near each other.
    """
    sizes = target.sizes((*_SIZES, *_LARGE))
    x, z = (sizes * target.noise(len(sizes)) for _ in range(2))
    yield x, z, "white noise, sizes from 1e-3 to 1e6"
    yield x, torch.zeros_like(x), "white noise and zero"
    yield x, -x, "white noise and its negative"
    if not target.space.is_complex:
        scales = target.scaled(torch.tensor([1.0, 1.0, 255.0, 255.0], dtype=torch.float64))
        levels = target.scaled(torch.tensor([0.0, 0.5, 0.0, 0.5], dtype=torch.float64))  # none, and half, always lit
        x, z = (scales * (levels + (1 - levels) * _uniform(target, len(scales))) for _ in range(2))
        yield x, z, "uniform numbers in [0, 1] and [0, 255]"
        yield x, x + 0.01 * (z - x), "uniform numbers in [0, 1] and [0, 255], side by side"


def _uniform(target: Target, batch: int) -> torch.Tensor:
    """Independent numbers, uniform in [0, 1]."""
    return torch.special.ndtr(target.noise(batch))


def local_pairs(target: Target) -> Pairs:
    """An image of white noise and one near it: moved everywhere, or in one number."""
    sizes = target.sizes(_SIZES)
    x = sizes * target.noise(len(sizes))
    for nearness in (1e-1, 1e-3):
        yield x, x + nearness * sizes * target.noise(len(x)), f"side by side, at {nearness:g} of their size"
    single = torch.zeros_like(x)
    places = torch.randint(target.space.size, (len(x), 1), generator=target.generator, device=target.generator.device)
    single.flatten(1).scatter_(1, places.to(x.device), 1.0)
    yield x, x + sizes * single, "one number moved"
