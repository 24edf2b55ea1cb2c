"""Whether prox(v, tau) minimises what it must: no probe may do better."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from scipy import optimize
from torch import Tensor

from ..functionals.base import Proximable
from ..functionals.moduli import is_convex
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance, wide

#: Beside the others, for the largest images alone: a shortcut at one, a clamp far from it.
_MORE_TAUS = (1e-3, 1.0, 1e3)


@torch.no_grad()
def prox_gap(
    functional: Proximable,
    space: Space,
    *,
    generator: torch.Generator,
    sizes: tuple[float, ...] = (0.3, 1.0, 10.0),
    taus: tuple[float, ...] = (0.05, 0.7, 20.0),
) -> Measurement:
    """max over v, tau and probes q of how much better q is than p = prox(v, tau), relative to the terms compared.

    For any f:        phi(p) - phi(q)  with  phi(x) = f(x) + |x - v|^2 / (2 tau);
    for a convex f:   Re<(v - p) / tau, q - p> - (f(q) - f(p)), which sees an error of p at first order, where phi,
                      flat around its minimiser, sees it at second.

    The probes are blind to how p was computed: around p, towards v, 0 and -p, one coordinate at a time, images of
    other points, and minimisers that scipy finds in a few coordinates from a start away from p. A tau for each image
    must give what the same numbers give one by one.
    """
    worst = Worst(20 * tolerance(space.dtype))
    # The first v is short as a whole: a ball that is a sphere is only wrong inside.
    for size in (0.5 / math.sqrt(space.size), *sizes):
        v = size * space.randn(generator=generator)
        for i, tau in enumerate((*taus, *_MORE_TAUS) if size == sizes[-1] else taus):
            problem = _Problem(functional, v, tau)
            problem.offer(worst, _probes(problem, generator))
            if i == len(taus) // 2:  # scipy is slow and one step size as good as another
                problem.offer(worst, _minimisers(problem, generator))
    _compare_taus(functional, space, worst, generator, taus)
    return worst.measurement()


class _Problem:
    """phi of one v and tau, with its candidate p."""

    def __init__(self, functional: Proximable, v: Tensor, tau: float) -> None:
        self.functional, self.v, self.tau = functional, v, tau
        self.p = functional.prox(v.clone(), tau)
        self.f_p = float(wide(functional.value(self.p)))

    def phi(self, q: Tensor) -> Tensor:
        """phi at each image of a batch, in double precision."""
        return wide(self.functional.value(q)) + _squares(q - self.v) / (2 * self.tau)

    def gaps(self, q: Tensor) -> Tensor:
        """How much better than p each q of a batch is."""
        # Rounding may move p by eps |v|: that is what both scales allow for.
        moved = length(self.p - self.v)
        scale = abs(self.f_p) + (moved**2 + length(self.v) * moved) / (2 * self.tau)
        return (float(self.phi(self.p)) - self.phi(q)) / max(scale, 1e-300)

    def excesses(self, q: Tensor) -> Tensor:
        """By how much (v - p)/tau fails to be a subgradient at p, seen from each q."""
        p, v, tau = self.p, self.v, self.tau
        f_q = wide(self.functional.value(q))
        step = wide(q - p)
        slope = (wide(v - p).conj() * step).real.flatten(1).sum(1) / tau
        scale = (length(v) + length(p)) * (_squares(step).sqrt() + length(v)) / tau + f_q.abs() + abs(self.f_p)
        return torch.where(f_q.isinf(), -math.inf, (slope - (f_q - self.f_p)) / scale.clamp_min(1e-300))

    def offer(self, worst: Worst, q: Tensor) -> None:
        """Compare every image of a batch with p."""
        v, tau = self.v, self.tau
        if not math.isfinite(self.f_p):
            worst.offer(math.inf, f"f(prox(v, {tau:g})) is {self.f_p}", case="value", v=v, tau=tau)
            return
        label = f"tau = {tau:g}, v of size {length(v) / math.sqrt(v.numel()):.2g}"
        cases = [("gap", "a probe is better", self.gaps)]
        if is_convex(self.functional.convexity()):
            cases.append(("slope", "(v - p)/tau is no subgradient", self.excesses))
        for case, what, measure in cases:
            found = measure(q)
            at = int(found.nan_to_num(math.inf).argmax())
            worst.offer(float(found[at]), f"{what}: {label}", case=case, v=v, tau=tau, q=q[at : at + 1])


@torch.no_grad()
def prox_gap_at(functional: Proximable, case: str, v: Tensor, tau: float | Tensor, q: Tensor | None = None) -> float:
    """The gap for one v, tau and probe q, or what ``case`` names: an infinite value, or taus that disagree."""
    if isinstance(tau, Tensor):
        return max(value for name, value in _disagreements(functional, v, tau) if name == case)
    problem = _Problem(functional, v, tau)
    if not math.isfinite(problem.f_p):
        return math.inf
    if q is None:
        return 0.0
    return float((problem.gaps(q) if case == "gap" else problem.excesses(q))[0])


def _probes(problem: _Problem, generator: torch.Generator) -> Tensor:
    """Points around, beyond and far from p, as one batch."""
    p, v = problem.p, problem.v
    size = max(length(v), 1e-30)

    def noise(count: int) -> Tensor:
        shape = (count, *p.shape[1:])
        return torch.randn(shape, dtype=p.dtype, device=generator.device, generator=generator).to(p.device)

    near = torch.cat([p + size / math.sqrt(p.numel()) * 10.0**-k * noise(4) for k in range(5)])
    towards_v = torch.cat([p + t * (v - p) for t in (-1.0, -0.1, -0.01, 0.01, 0.1, 0.5, 1.0)])
    along_p = torch.cat([t * p for t in (-1.0, 0.0, 0.5, 0.9, 0.99, 1.01, 1.1, 2.0)])
    along_v = torch.cat([t * v for t in (-1.0, -0.5, 0.1, 0.3, 0.9)])
    others = size / math.sqrt(p.numel()) * noise(6)
    others = torch.cat([others, problem.functional.prox(others, problem.tau)])
    if not p.is_complex():
        others = torch.cat([others, others.abs()])
    return torch.cat([near, towards_v, along_p, along_v, others, _coordinatewise(problem, generator)])


def _coordinatewise(problem: _Problem, generator: torch.Generator) -> Tensor:
    """p with one number replaced by 0, by v's, by its negative, or moved by steps of the size of v."""
    p, v = problem.p, problem.v
    flat, target = p.flatten(), v.flatten()
    chosen = torch.randperm(len(flat), generator=generator, device=generator.device)[:24].tolist()
    step = float(target.abs().max())
    rows = []
    for i in chosen:
        for value in (0.0, target[i], -flat[i], flat[i] + step, flat[i] - step, flat[i] + 0.1 * step):
            row = flat.clone()
            row[i] = value
            rows.append(row)
    return torch.stack(rows).reshape(-1, *p.shape[1:])


def _minimisers(problem: _Problem, generator: torch.Generator) -> Tensor:
    """p with a few numbers replaced by the minimisers that scipy finds, started where p is not."""
    p = problem.p
    real = torch.view_as_real(p) if p.is_complex() else p
    flat = real.flatten()
    reach = 3 * float(problem.v.abs().max()) + 1.0
    chosen = torch.randperm(len(flat), generator=generator, device=generator.device).tolist()

    def image(places: list[int], numbers: object) -> Tensor:
        row = flat.clone()
        row[places] = torch.as_tensor(numbers, dtype=flat.dtype, device=flat.device)
        row = row.reshape(real.shape)
        return torch.view_as_complex(row) if p.is_complex() else row

    def cost(places: list[int], numbers: object) -> float:
        # scipy subtracts values, so an infinite one must be a large number.
        return min(float(problem.phi(image(places, numbers))), 1e100)

    found = []
    for i in chosen[:2]:
        result = optimize.minimize_scalar(
            lambda t, i=i: cost([i], [t]), bounds=(-reach, reach), method="bounded", options={"xatol": 1e-9 * reach}
        )
        found.append(image([i], [float(result.x)]))
    pair = chosen[:2] if len(chosen) > 1 else chosen[:1] * 2
    away = [float(flat[i]) + 0.5 * reach for i in pair]
    result = optimize.minimize(
        lambda t: cost(pair, t), away, method="Nelder-Mead", options={"maxfev": 120, "xatol": 1e-9, "fatol": 1e-15}
    )
    found.append(image(pair, result.x))
    return torch.cat(found)


def _compare_taus(
    functional: Proximable, space: Space, worst: Worst, generator: torch.Generator, taus: tuple[float, ...]
) -> None:
    """One tau per image, and a 0-d tensor, against plain numbers."""
    v = space.randn(len(taus), generator=generator)
    numbers = torch.tensor(taus, dtype=v.abs().dtype, device=v.device)
    for case, value in _disagreements(functional, v, numbers):
        worst.offer(value, case, case=case, v=v, tau=numbers)


def _disagreements(functional: Proximable, v: Tensor, taus: Tensor) -> Iterator[tuple[str, float]]:
    alone = [functional.prox(v[i : i + 1], tau) for i, tau in enumerate(taus.tolist())]
    together = functional.prox(v, taus)
    for i, tau in enumerate(taus):
        # p may be far longer than v, as that of a conjugate with a distant centre: its rounding is that of its length.
        size = max(length(v[i : i + 1]), length(alone[i]))
        label = f"tau = {float(tau):g}"
        yield f"{label} for one image of a batch", ratio(length(together[i : i + 1] - alone[i]), size)
        yield f"{label} as a 0-d tensor", ratio(length(functional.prox(v[i : i + 1], tau) - alone[i]), size)


def _squares(x: Tensor) -> Tensor:
    """|x|^2 of each image in double precision."""
    return wide(x).abs().square().flatten(1).sum(1)
