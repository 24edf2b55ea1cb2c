"""Sampling patterns of Cartesian MRI with an exact number of samples, DC at index 0."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import ConfigError


def variable_density(
    image_shape: tuple[int, ...],
    fraction: float,
    *,
    generator: torch.Generator,
    centre_fraction: float = 0.02,
    power: float = 3.0,
) -> Tensor:
    """A 0/1 pattern of shape ``image_shape`` with exactly ``round(fraction * n)`` points, at least one.

    The box around DC that holds ``centre_fraction`` of the grid is always sampled; the others are drawn without
    replacement with density proportional to (1 - r)^power, r the distance to DC scaled to [0, 1].

    Raises: ConfigError if ``fraction`` is not in (0, 1], or the centre alone has more points.
    Source: Lustig, Donoho, Pauly (2007), section on variable-density random undersampling.
    """
    frequencies = torch.meshgrid(*(torch.fft.fftfreq(n).abs() * 2 for n in image_shape), indexing="ij")
    radius = torch.stack(frequencies).square().sum(0).sqrt() / math.sqrt(len(image_shape))
    box = torch.stack(frequencies).amax(0) if image_shape else radius
    return _draw(radius, box, fraction, centre_fraction, power, generator)


def variable_density_lines(
    image_shape: tuple[int, ...],
    fraction: float,
    *,
    generator: torch.Generator,
    centre_fraction: float = 0.08,
    power: float = 3.0,
    axis: int = -1,
) -> Tensor:
    """Whole lines: a 0/1 pattern with axes of length 1 except ``axis``, along which the lines are chosen.

    Exactly ``round(fraction * n)`` lines, the ``centre_fraction`` of lines next to DC always; density as above.

    Raises: ConfigError if ``fraction`` is not in (0, 1], or the centre alone has more lines.
    """
    n = image_shape[axis]
    distance = torch.fft.fftfreq(n).abs() * 2
    lines = _draw(distance, distance, fraction, centre_fraction, power, generator)
    shape = [1] * len(image_shape)
    shape[axis] = n
    return lines.reshape(shape)


#: What a configuration may name as ``kind``.
PATTERNS = {"variable-density": variable_density, "variable-density-lines": variable_density_lines}


def _draw(
    distance: Tensor, box: Tensor, fraction: float, centre_fraction: float, power: float, generator: torch.Generator
) -> Tensor:
    total = distance.numel()
    if not 0 < fraction <= 1:
        raise ConfigError(f"sampling pattern: fraction is {fraction}, expected a number in (0, 1]. Use 0.25 for 4x.")
    if not 0 <= centre_fraction <= 1:
        raise ConfigError(f"sampling pattern: centre_fraction is {centre_fraction}, expected a number in [0, 1].")
    count, centre = round(fraction * total), round(centre_fraction * total)
    if centre > count:
        raise ConfigError(
            f"sampling pattern: the centre has {centre} samples, expected at most {count} in all. "
            "Lower centre_fraction or raise fraction."
        )
    # Gumbel keys draw without replacement with these weights (Efraimidis, Spirakis 2006); the centre comes first.
    noise = torch.rand(total, generator=generator, dtype=torch.float64, device=generator.device).cpu()
    gumbel = -torch.log(-torch.log(noise.clamp(1e-300, 1 - 1e-16)))
    density = (1 - distance.flatten().double()).clamp_min(1e-6)
    keys = power * torch.log(density) + gumbel
    if centre:
        keys[torch.argsort(box.flatten(), stable=True)[:centre]] = math.inf
    pattern = torch.zeros(total)
    pattern[torch.topk(keys, max(count, 1)).indices] = 1.0
    return pattern.reshape(distance.shape)
