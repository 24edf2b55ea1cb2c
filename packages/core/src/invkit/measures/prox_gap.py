"""Whether prox(v, tau) minimises what it must: no probe may do better."""

from __future__ import annotations

import math

import torch
from scipy import optimize
from torch import Tensor

from ..functionals.base import Proximable
from ..operators.space import Space
from .measurement import Measurement, Worst, length, ratio, tolerance, wide


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
        for i, tau in enumerate(taus):
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

    def offer(self, worst: Worst, q: Tensor) -> None:
        """Compare every image of a batch with p."""
        p, v, tau = self.p, self.v, self.tau
        if not math.isfinite(self.f_p):
            worst.offer(math.inf, f"f(prox(v, {tau:g})) is {self.f_p}", v=v, p=p)
            return
        # Rounding may move p by eps |v|: that is what both scales allow for.
        gap_scale = abs(self.f_p) + (length(p - v) ** 2 + length(v) * length(p - v)) / (2 * tau)
        gaps = (float(self.phi(p)) - self.phi(q)) / max(gap_scale, 1e-300)
        worst_gap = int(gaps.nan_to_num(math.inf).argmax())
        label = f"tau = {tau:g}, v of size {length(v) / math.sqrt(v.numel()):.2g}"
        worst.offer(float(gaps[worst_gap]), f"a probe is better: {label}", v=v, p=p, q=q[worst_gap])
        if self.functional.convexity() is None:
            return
        f_q = wide(self.functional.value(q))
        step = wide(q - p)
        slope = (wide(v - p).conj() * step).real.flatten(1).sum(1) / tau
        scale = (length(v) + length(p)) * (_squares(step).sqrt() + length(v)) / tau + f_q.abs() + abs(self.f_p)
        excess = torch.where(f_q.isinf(), -math.inf, (slope - (f_q - self.f_p)) / scale.clamp_min(1e-300))
        at = int(excess.nan_to_num(math.inf).argmax())
        worst.offer(float(excess[at]), f"(v - p)/tau is no subgradient: {label}", v=v, p=p, q=q[at])


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
    alone = [functional.prox(v[i : i + 1], tau) for i, tau in enumerate(taus)]
    dtype = v.abs().dtype
    together = functional.prox(v, torch.tensor(taus, dtype=dtype, device=v.device))
    for i, tau in enumerate(taus):
        scalar = functional.prox(v[i : i + 1], torch.tensor(tau, dtype=dtype, device=v.device))
        scale = length(v[i : i + 1])
        worst.offer(
            ratio(length(together[i : i + 1] - alone[i]), scale), f"tau = {tau:g} for one image of a batch", v=v
        )
        worst.offer(ratio(length(scalar - alone[i]), scale), f"tau = {tau:g} as a 0-d tensor", v=v)


def _squares(x: Tensor) -> Tensor:
    """|x|^2 of each image in double precision."""
    return wide(x).abs().square().flatten(1).sum(1)
