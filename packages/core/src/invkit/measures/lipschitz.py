"""Whether a map is as Lipschitz, or as averaged, as stated: the worst that every attack finds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..operators.space import Space, norm
from .attacks import ATTACKS, Attack, Map, Target
from .measurement import Measurement, Worst, ratio, tolerance, wide

#: The ratio of each pair of a batch, from x, z, F(x) and F(z).
_Quotient = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def lipschitz_ratio(
    call: Map,
    space: Space,
    constant: float,
    *,
    generator: torch.Generator,
    num_starts: int = 4,
    num_steps: int = 15,
    rounding: float | None = None,
    attacks: tuple[Attack, ...] = ATTACKS,
) -> Measurement:
    """max (|F(x) - F(z)| - e (|x| + |z| + |F(x)| + |F(z)|)) / (constant |x - z|), at most 1 for a true constant.

    The pairs are those of ``measures.attacks``. e is the relative error of one evaluation: no claim about exact maps
    survives pairs that differ by rounding without it.   rounding: e; None is the tolerance of the dtype.
    """
    call = _remembering(call)
    found = Target(call, space, generator, num_starts, num_steps)
    e = tolerance(space.dtype) if rounding is None else rounding
    return _attack(found, attacks, _stretch(constant, e), {"constant": constant, "rounding": e})


def averagedness_ratio(
    call: Map,
    space: Space,
    alpha: float,
    *,
    generator: torch.Generator,
    num_starts: int = 4,
    num_steps: int = 15,
    rounding: float | None = None,
    attacks: tuple[Attack, ...] = ATTACKS,
) -> Measurement:
    """max (|Fx - Fz|^2 + (1 - alpha)/alpha |(x - Fx) - (z - Fz)|^2) / |x - z|^2, at most 1 for an alpha-averaged F.

    Both lengths are shortened by the rounding, as in ``lipschitz_ratio``. The attacks look for pairs that
    N = id + (F - id) / alpha, which must be nonexpansive, stretches most.

    Source: Bauschke, Combettes (2011), Proposition 4.25 (iii).
    """
    call = _remembering(call)

    def reflected(x: Tensor) -> Tensor:
        return x + (call(x) - x) / alpha

    found = Target(reflected, space, generator, num_starts, num_steps)
    e = tolerance(space.dtype) if rounding is None else rounding
    return _attack(found, attacks, _averaged(alpha, e), {"alpha": alpha, "rounding": e}, call)


@torch.no_grad()
def lipschitz_ratio_at(call: Map, x: Tensor, z: Tensor, constant: float, rounding: float) -> float:
    """The ratio for one pair."""
    return _alone(_stretch(constant, rounding), call, x, z)


@torch.no_grad()
def averagedness_ratio_at(call: Map, x: Tensor, z: Tensor, alpha: float, rounding: float) -> float:
    """The ratio for one pair."""
    return _alone(_averaged(alpha, rounding), call, x, z)


@torch.no_grad()
def _attack(
    target: Target,
    attacks: tuple[Attack, ...],
    quotient: _Quotient,
    settings: dict[str, float],
    call: Map | None = None,
) -> Measurement:
    call = call or target.call
    worst = Worst(1 + 100 * tolerance(target.space.dtype))
    for attack in attacks:
        for x, z, where in attack(target):
            ratios = quotient(x, z, call(x), call(z))
            at = int(ratios.nan_to_num(torch.inf).argmax())
            one, other = x[at : at + 1], z[at : at + 1]
            value = float(ratios[at])
            if not value <= worst.bound:  # what refutes must do so alone, as it is saved
                value = _alone(quotient, call, one, other)
            worst.trials += len(x) - 1
            worst.offer(value, where, x=one, z=other, **settings)
    return worst.measurement()


def _remembering(call: Map) -> Map:
    """The map, which remembers its last two values: an attack often asks for those of the pair that it proposes."""
    last: list[tuple[Tensor, Tensor]] = []

    def remembered(x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return call(x)
        for argument, value in last:
            if argument is x:
                return value
        value = call(x)
        last[:] = [*last[-1:], (x, value)]
        return value

    return remembered


def _alone(quotient: _Quotient, call: Map, x: Tensor, z: Tensor) -> float:
    return float(quotient(x, z, call(x), call(z))[0])


def _stretch(constant: float, rounding: float) -> _Quotient:
    def quotient(x: Tensor, z: Tensor, fx: Tensor, fz: Tensor) -> Tensor:
        slack = rounding * (norm(x) + norm(z) + norm(fx) + norm(fz))
        return _over((norm(wide(fx) - wide(fz)) - slack).clamp_min(0), constant * norm(wide(x) - wide(z)))

    return quotient


def _averaged(alpha: float, rounding: float) -> _Quotient:
    def quotient(x: Tensor, z: Tensor, fx: Tensor, fz: Tensor) -> Tensor:
        slack = rounding * (norm(x) + norm(z) + norm(fx) + norm(fz))
        apart, moved = wide(x) - wide(z), wide(fx) - wide(fz)
        kept, left = ((norm(part) - slack).clamp_min(0) for part in (moved, apart - moved))
        return _over(kept**2 + (1 - alpha) / alpha * left**2, norm(apart) ** 2)

    return quotient


def _over(size: Tensor, scale: Tensor) -> Tensor:
    """size / scale for each pair, as ``measurement.ratio`` has it."""
    found = [ratio(a, b) for a, b in zip(size.tolist(), scale.tolist(), strict=True)]
    return torch.tensor(found, dtype=torch.float64)
