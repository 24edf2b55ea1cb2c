"""Whether the Hessian is as Lipschitz as stated, and so has no jumps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functionals.base import Differentiable
from ..operators.space import Space, norm
from .attacks import Target, local_pairs, neighbours, random_pairs
from .attacks.target import with_length
from .measurement import Measurement, Worst, ratio, tolerance, wide

#: So many pairs differ in one number only: a sum over pixels bends most where one of them does.
_SINGLE = 64


@torch.no_grad()
def hessian_lipschitz_ratio(
    functional: Differentiable, space: Space, constant: float, *, generator: torch.Generator, num_steps: int = 4
) -> Measurement:
    """max |(H(x) - H(z)) v| / (constant |x - z| |v|), at most 1 for a true constant, less the rounding of the products.

    x and z are pairs of ``measures.attacks`` and images that differ in one number; v <- (H(x) - H(z)) v, a power
    iteration from x - z and from white noise.
    """
    target = Target(lambda x: x, space, generator)
    worst = Worst(1 + 100 * tolerance(space.dtype))
    pairs = [pair for attack in (random_pairs, local_pairs, neighbours) for pair in attack(target)]
    x = target.noise(_SINGLE)
    places = torch.randint(space.size, (_SINGLE, 1), generator=generator, device=generator.device).to(x.device)
    single = torch.zeros_like(x)
    single.flatten(1).scatter_(1, places, 1.0)
    pairs += [
        (size * x, size * (x + apart * single), "one number moved") for size in (0.1, 1.0) for apart in (0.5, 0.03)
    ]
    for x, z, where in pairs:
        for start, v in (("along x - z", x - z), ("along noise", target.noise(len(x)))):
            for step in range(num_steps):
                v = with_length(v, torch.ones(len(v)))
                found, change = _ratios(functional, x, z, v, constant)
                at = int(found.nan_to_num(torch.inf).argmax())
                worst.trials += len(x) - 1
                one, other, along = (part[at : at + 1] for part in (x, z, v))
                words = f"{where}, {start}, power step {step}"
                worst.offer(float(found[at]), words, x=one, z=other, v=along, constant=constant)
                v = change
    return worst.measurement()


@torch.no_grad()
def hessian_lipschitz_ratio_at(functional: Differentiable, x: Tensor, z: Tensor, v: Tensor, constant: float) -> float:
    """The ratio for one pair and one direction."""
    return float(_ratios(functional, x, z, v, constant)[0][0])


def _ratios(functional: Differentiable, x: Tensor, z: Tensor, v: Tensor, constant: float) -> tuple[Tensor, Tensor]:
    """The ratio of each pair, and (H(x) - H(z)) v."""
    first, second = functional.hessian_vector(x, v), functional.hessian_vector(z, v)
    change = first - second
    # x and z are rounded numbers: their distance is exact, the products are not.
    slack = tolerance(x.dtype) * (norm(first) + norm(second))
    sizes = (norm(wide(first) - wide(second)) - slack).clamp_min(0)
    scales = constant * norm(wide(x) - wide(z)) * norm(v)
    found = [ratio(a, b) for a, b in zip(sizes.tolist(), scales.tolist(), strict=True)]
    return torch.tensor(found, dtype=torch.float64), change
