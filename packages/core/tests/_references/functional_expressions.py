"""Random expressions of functionals on images (1, 4), and a judge of what a functional claims of itself.

The judge knows nothing of how a claim was derived: convexity and its modulus are tried along segments, smoothness on
pairs of points and by the eigenvalues of Hessians, a proximal map against other points than the one it returns.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from invkit.claims import Claim
from invkit.errors import ConfigError
from invkit.functionals import (
    L1,
    L2,
    Ball,
    Box,
    Differentiable,
    Functional,
    GroupL1,
    Huber,
    KullbackLeibler,
    Proximable,
    SmoothedNorm,
    SmoothKullbackLeibler,
    SquaredL2,
    WeightedSquaredL2,
    Zero,
    translate,
)
from invkit.functionals.conjugate import ScaledConjugate
from invkit.functionals.indicators import Indicator
from invkit.functionals.on_part import OnPart
from invkit.operators import Dense, Diagonal, Fourier, Haar, LinearOperator, Restriction, Space

SHAPE = (1, 4)


class Isometry(Dense):
    """A matrix with orthonormal columns that says so."""

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"isometric"})


def noise(rng: np.random.Generator, dtype: torch.dtype, *shape: int) -> Tensor:
    real = torch.from_numpy(rng.normal(size=shape))
    return torch.complex(real, torch.from_numpy(rng.normal(size=shape))) if dtype.is_complex else real


def _of_any_size(rng: np.random.Generator, dtype: torch.dtype) -> Functional:
    """A functional that takes images of any size."""
    makers = [
        SquaredL2, L1, L2, Zero, lambda: GroupL1((1,)), lambda: Huber(0.7), lambda: Huber(0.3, (1,)),
        lambda: SmoothedNorm(0.5), lambda: SmoothedNorm(2.0, (0, 1)), lambda: Ball(1.5, None),
    ]  # fmt: skip
    if not dtype.is_complex:
        makers.append(lambda: Box(-1.0, 2.0))
    return makers[rng.integers(len(makers))]()


def _leaf(rng: np.random.Generator, dtype: torch.dtype) -> Functional:
    centre = noise(rng, dtype, 1, *SHAPE)
    weights = torch.from_numpy(rng.uniform(0.1, 3.0, size=SHAPE))
    if rng.random() < 0.2:
        weights[0, 0] = 0.0
    makers = [lambda: SquaredL2(centre), lambda: WeightedSquaredL2(weights), lambda: WeightedSquaredL2(weights, centre)]
    if not dtype.is_complex:
        y = torch.from_numpy(rng.poisson(2.0, size=SHAPE).astype(float))
        makers += [lambda: KullbackLeibler(y, 0.5), lambda: SmoothKullbackLeibler(y, 0.5 + weights)]
    return makers[rng.integers(len(makers))]() if rng.random() < 0.4 else _of_any_size(rng, dtype)


def expression(rng: np.random.Generator, dtype: torch.dtype, depth: int) -> Functional:
    """A random expression on images (1, 4)."""
    if depth == 0 or rng.random() < 0.1:
        return _leaf(rng, dtype)
    f = expression(rng, dtype, depth - 1)
    kind = rng.integers(9)
    if kind in (0, 1):
        weight = _weight(rng)
        # 0 times a functional whose domain is open is an indicator that is not closed: its prox lies on the edge.
        finite = bool(torch.isfinite(f.value(10 * noise(rng, dtype, 50, *SHAPE))).all())
        return (weight if finite or isinstance(f, Indicator) or weight != 0.0 else 0.5) * f
    if kind in (2, 3):
        return f + _weight(rng) * expression(rng, dtype, depth - 1)
    if kind == 4:
        return f @ operator(rng, dtype)
    if kind == 5:
        return _beyond(rng, dtype)
    if kind == 6:
        return translate(f, noise(rng, dtype, 1, *SHAPE))
    return _conjugate(rng, f)


def _weight(rng: np.random.Generator) -> float | Tensor:
    weights = (0.0, 1.0, 0.3, 3.0, 0.1, torch.tensor(0.7, requires_grad=True))
    return weights[rng.integers(len(weights))]


def operator(rng: np.random.Generator, dtype: torch.dtype) -> LinearOperator:
    """One of (1, 4) onto itself: isometric ones, general ones, one of rank one."""
    phases = noise(rng, dtype, 4)
    choices = [
        Haar((4,), 2, dtype=dtype),
        0.5 * Haar((4,), 2, dtype=dtype),
        Diagonal(phases / phases.abs(), SHAPE),
        Dense(noise(rng, dtype, 4, 4), SHAPE, SHAPE),
        Dense(noise(rng, dtype, 4, 1) @ noise(rng, dtype, 1, 4), SHAPE, SHAPE),
    ]
    if dtype.is_complex:
        choices.append(Fourier((4,), dtype=dtype))
    return choices[rng.integers(len(choices))]


def _beyond(rng: np.random.Generator, dtype: torch.dtype) -> Functional:
    """A functional of some of the numbers, its conjugate, or one behind a tall matrix."""
    inner = _of_any_size(rng, dtype)
    if rng.random() < 0.3:
        tall = torch.linalg.qr(noise(rng, dtype, 6, 4))[0]
        return inner @ (Isometry if rng.random() < 0.7 else Dense)(tall * (rng.random() + 1), SHAPE, (1, 6))
    indices = torch.from_numpy(rng.permutation(4)[: rng.integers(1, 4)])
    assert isinstance(inner, Proximable)
    part = OnPart(inner, Restriction(Space(SHAPE, dtype), 1, indices))
    return part if rng.random() < 0.5 else part.conjugate


def _conjugate(rng: np.random.Generator, f: Functional) -> Functional:
    if not isinstance(f, Proximable):
        return f
    weight, general = float(rng.uniform(0.2, 3.0)), rng.random() < 0.3
    try:
        return ScaledConjugate(weight, f.conjugate) if general else (weight * f).conjugate
    except ConfigError:  # of 0 times a functional that has no conjugate of its own for that
        return f


def contradictions(f: Functional, dtype: torch.dtype, rng: np.random.Generator) -> set[str]:
    """The properties that a functional claims and does not have."""
    points = _points(f, dtype, rng)
    return {claim.property for claim in f.claims() if not _holds(claim, f, points, rng)}


def _points(f: Functional, dtype: torch.dtype, rng: np.random.Generator) -> Tensor:
    """Images of all sizes, at zero, on axes and where the slopes of leaves change; some where f is finite."""
    sizes = torch.tensor([0.01, 0.1, 0.3, 1.0, 1.0, 3.0, 30.0], dtype=torch.float64).reshape(-1, 1, 1)
    points = [sizes * noise(rng, dtype, 7, *SHAPE), torch.zeros((1, *SHAPE), dtype=dtype)]
    points += [size * torch.eye(4, dtype=dtype).reshape(4, *SHAPE) for size in (0.3, -0.7, 2.0)]
    together = torch.cat(points)
    if isinstance(f, Proximable):
        together = torch.cat([together, f.prox(together, 1.0).detach()])
    return together


def _size(x: Tensor) -> Tensor:
    return x.detach().abs().square().flatten(1).sum(1)


def _pairs(points: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    order = torch.from_numpy(rng.permutation(len(points)))
    near = points + 0.01 * noise(rng, points.dtype, *points.shape)
    return torch.cat([points, points, points]), torch.cat([points[order], points.flip(0), near])


def _holds(claim: Claim, f: Functional, points: Tensor, rng: np.random.Generator) -> bool:
    if claim.property in ("convex", "strongly_convex"):
        return _is_convex(f, points, claim.params.get("modulus", 0.0), rng)
    if claim.property == "smooth":
        assert isinstance(f, Differentiable)
        return _is_smooth(f, points, claim.params["constant"], rng)
    if claim.property == "prox":
        assert isinstance(f, Proximable)
        return _is_prox(f, points, f.convexity() or 0.0, rng)
    return True


@torch.no_grad()
def _is_convex(f: Functional, points: Tensor, modulus: float, rng: np.random.Generator) -> bool:
    x, z = _pairs(points, rng)
    ends = f.value(x), f.value(z)
    known = torch.isfinite(ends[0]) & torch.isfinite(ends[1])
    x, z, at_x, at_z = x[known], z[known], ends[0][known], ends[1][known]
    for t in (0.5, 0.25):
        bound = t * at_x + (1 - t) * at_z - modulus / 2 * t * (1 - t) * _size(x - z)
        terms = at_x.abs() + at_z.abs() + modulus * (_size(x) + _size(z))
        if not bool((f.value(t * x + (1 - t) * z) <= bound + 1e-12 * terms + 1e-13).all()):
            return False
    return True


def _is_smooth(f: Differentiable, points: Tensor, constant: float, rng: np.random.Generator) -> bool:
    with torch.no_grad():
        x, z = _pairs(points, rng)
        at_x, at_z = f.gradient(x), f.gradient(z)
        terms = _size(at_x).sqrt() + _size(at_z).sqrt() + constant * (_size(x).sqrt() + _size(z).sqrt())
        if not bool((_size(at_x - at_z).sqrt() <= constant * _size(x - z).sqrt() + 1e-12 * terms).all()):
            return False
    return bool(hessian_ends(f, points)[1] <= constant * (1 + 1e-13) + 1e-300)


@torch.no_grad()
def hessian_ends(f: Differentiable, points: Tensor) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of the Hessians at the points, as real matrices."""
    units = torch.eye(4, dtype=points.dtype).reshape(4, *SHAPE)
    units = torch.cat([units, 1j * units]) if points.is_complex() else units
    found = []
    for point in points:
        rows = f.hessian_vector(point.expand(len(units), *SHAPE), units).flatten(1)
        real = torch.cat([rows.real, rows.imag], dim=1) if rows.is_complex() else rows
        found.append(torch.linalg.eigvalsh((real + real.mT) / 2))
    ends = torch.stack(found)
    return float(ends.min()), float(ends.max())


def _value_or_beside(f: Functional, x: Tensor, points: Tensor) -> Tensor:
    """f(x); where that is infinite, its value a little towards a point where f is finite: x may be on the edge."""
    value, elsewhere = f.value(x), f.value(points)
    known = torch.isfinite(elsewhere)
    if bool(torch.isfinite(value).all()) or not bool(known.any()):
        return value
    beside = f.value(x + 1e-8 * (points[known][:1] - x))
    return torch.where(torch.isfinite(value), value, beside)


@torch.no_grad()
def _is_prox(f: Proximable, points: Tensor, modulus: float, rng: np.random.Generator) -> bool:
    for tau in (0.1, 1.0, 7.0):
        found = f.prox(points, tau)
        at_found = _value_or_beside(f, found, points)
        others = [points, found.flip(0), found + 0.1 * noise(rng, points.dtype, *points.shape)]
        for other in (*others, f.prox(others[2], 0.1)):
            value = f.value(other)
            known = torch.isfinite(value) & torch.isfinite(at_found)
            if not bool(torch.isfinite(at_found).all()) and bool(torch.isfinite(value).any()):
                return False
            gap = value + (_size(other - points) - _size(found - points)) / (2 * tau) - at_found
            terms = value.abs() + at_found.abs() + (_size(other) + _size(points)) / tau
            least = (1 / tau + modulus) / 2 * _size(other - found)
            if not bool((gap >= least - 1e-11 * terms - 1e-12)[known].all()):
                return False
    return True
