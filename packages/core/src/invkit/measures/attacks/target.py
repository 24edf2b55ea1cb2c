"""What is attacked, and what an attack is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...operators.space import Space, norm, per_image

Map = Callable[[Tensor], Tensor]

#: Batches x and z, whose images are pairs, and where they come from in words.
Pairs = Iterator[tuple[Tensor, Tensor, str]]


@dataclass(frozen=True, eq=False)
class Target:
    """A map from batches to batches that acts on each image alone.

    call: the map.   space: of its argument.   generator: of every random draw.
    num_starts, num_steps: how many starts an iterative attack has, side by side in one batch, and how many steps.
    """

    call: Map
    space: Space
    generator: torch.Generator
    num_starts: int = 4
    num_steps: int = 15

    def noise(self, batch: int) -> Tensor:
        """White noise of unit variance."""
        return self.space.randn(batch, generator=self.generator)

    def sizes(self, exponents: tuple[float, ...]) -> Tensor:
        """10^e for each, as factors of a batch of that many images."""
        return self.scaled(torch.tensor([10.0**e for e in exponents], dtype=torch.float64))

    def scaled(self, factors: Tensor) -> Tensor:
        """One factor for each image, with the axes and the precision of a batch."""
        real = torch.empty(0, dtype=self.space.dtype).abs().dtype
        return factors.to(self.space.device, real).reshape(-1, *(1,) * len(self.space.shape))


Attack = Callable[[Target], Pairs]


def with_length(v: Tensor, lengths: Tensor) -> Tensor:
    """v scaled so that each image has the length that is asked for; one that is zero stays so."""
    found = norm(v)
    factor = torch.where(found > 0, lengths.to(v.device) / found, 1.0)
    return v * per_image(factor, v)
