"""Images with a structure: where convolutions, differences and nonlinearities are at their worst."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...operators.space import Space
from .target import Pairs, Target, with_length

#: Frequencies of the plane waves, in cycles over two pixels: from almost constant to the checkerboard.
_FREQUENCIES = (0.0, 0.25, 0.5, 0.75, 1.0)


def structured_pairs(target: Target) -> Pairs:
    """Structured images and zero, and noise with and without one, for lengths from 1e-3 to 1e3."""
    images, names = structured_images(target.space, target.generator)
    noise = target.noise(1).expand_as(images)
    label = f"structured ({', '.join(dict.fromkeys(names))})"
    for size in (1e-3, 1.0, 1e3):
        scaled = with_length(images, torch.full((len(images),), size))
        yield scaled, torch.zeros_like(scaled), f"{label} of length {size:g} and zero"
        yield noise + scaled, noise, f"{label} of length {size:g} on white noise"
    yield images, images.roll(1, 0), f"two of {label}"


def structured_images(space: Space, generator: torch.Generator) -> tuple[Tensor, list[str]]:
    """Constants, an impulse inside and one in the corner, sparse noise, and plane waves of several frequencies along
    each axis and all of them; channels alike and alternating.
    """
    images, names = [], []

    def add(image: Tensor, name: str) -> None:
        images.append(image.to(space.dtype))
        names.append(name)

    shape = space.shape
    corner, inside = torch.zeros(shape), torch.zeros(shape)
    corner[(0,) * len(shape)] = 1
    inside[tuple(n // 2 for n in shape)] = 1
    add(corner, "impulses")
    add(inside, "impulses")
    sparse = torch.randn(shape, generator=generator, device=generator.device).cpu()
    add(sparse * (sparse.abs() > 1.5), "sparse")
    channels = (-1.0) ** torch.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    for wave in _waves(shape[1:]):
        add(wave.expand(shape), "plane waves")
        if shape[0] > 1:
            add(channels * wave.expand(shape), "plane waves")
    return torch.stack(images).to(space.device), names


def _waves(grid: tuple[int, ...]) -> list[Tensor]:
    """cos(pi f.k) on the grid, for frequencies along each axis and along the diagonal; f = 0 is the constant."""
    if not grid:
        return [torch.ones(())]
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in grid), indexing="ij")
    directions = [tuple(float(i == j) for j in range(len(grid))) for i in range(len(grid))] + [(1.0,) * len(grid)]
    found = [torch.ones(grid)]
    for direction in directions:
        for f in _FREQUENCIES[1:]:
            phase = torch.stack([d * axis for d, axis in zip(direction, axes, strict=True)]).sum(0)
            found.append(torch.cos(math.pi * f * phase))
    return found
