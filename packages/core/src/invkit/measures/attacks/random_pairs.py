"""White noise: pairs far apart, pairs side by side, of every size."""

from __future__ import annotations

import torch

from .target import Pairs, Target

#: Exponents of the sizes of the images: a saturation shows among the large ones, a kink at zero among the small.
_SIZES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def random_pairs(target: Target) -> Pairs:
    """Two images of white noise; one and zero; one and its negative: of sizes from 1e-3 to 1e3."""
    sizes = target.sizes(_SIZES)
    x, z = (sizes * target.noise(len(sizes)) for _ in range(2))
    yield x, z, "white noise, sizes from 1e-3 to 1e3"
    yield x, torch.zeros_like(x), "white noise and zero"
    yield x, -x, "white noise and its negative"


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
