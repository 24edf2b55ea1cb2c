"""Losses of minimisers as functions of what was learned, and their gradients by central finite differences.

    problem = LEARNED["complex"]
    problem.objective(parameters)      the invkit functional, built from a dictionary of tensors
    problem.loss(x)                    one number
    differences("complex")             {name: d loss(x*) / d parameter}, every entry from two minimisations

The objective of the reference is written out in real numbers here, and minimised by Newton's method with the dense
Hessian that ``torch.func`` finds: nothing of invkit but the smoothed norm's formula is in it, and that by value.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import grad, hessian, vmap

from invkit.functionals import Functional, SquaredL2, least_squares
from invkit.functionals.smoothed_norm import SmoothedNorm
from invkit.operators import Dense
from invkit.operators.finite_difference import FiniteDifference
from invkit.operators.sense import sense

GRID = (4, 3)
GAMMA = 0.5


def noise(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def rho(squares: Tensor) -> Tensor:
    """rho(t) = t^2 / gamma - t^3 / (3 gamma^2) up to gamma, t - gamma / 3 beyond, of t^2."""
    t = torch.where(squares > 0, torch.where(squares > 0, squares, 1).sqrt(), 0)
    return torch.where(t <= GAMMA, squares / GAMMA - t**3 / (3 * GAMMA**2), t - GAMMA / 3)


def smoothed_tv(x: Tensor) -> Tensor:
    """sum rho(|Dx|) of one image (*grid), the squares summed over axes and real and imaginary part."""
    down = torch.cat([x[1:] - x[:-1], torch.zeros_like(x[:1])], 0)
    right = torch.cat([x[:, 1:] - x[:, :-1], torch.zeros_like(x[:, :1])], 1)
    return rho(square(down) + square(right)).sum()


def square(x: Tensor) -> Tensor:
    return x.real**2 + x.imag**2 if x.is_complex() else x**2


@dataclass(frozen=True, eq=False)
class LearnedProblem:
    """``build`` makes the functional; ``plain`` is its value at one image, by formula."""

    parameters: dict[str, Tensor]
    build: Callable[[dict[str, Tensor]], Functional]
    plain: Callable[[dict[str, Tensor], Tensor, int], Tensor]
    dtype: torch.dtype

    def tensors(self) -> dict[str, Tensor]:
        """Fresh leaves, ``nn.Parameter`` among them."""
        fresh = {name: t.clone().requires_grad_() for name, t in self.parameters.items()}
        return {name: nn.Parameter(t.detach()) if name in ("matrix", "coils") else t for name, t in fresh.items()}

    def objective(self, parameters: dict[str, Tensor]) -> Functional:
        return self.build(parameters)

    def target(self) -> Tensor:
        return noise((2, 1, *GRID), self.dtype, 90)

    def loss(self, x: Tensor) -> Tensor:
        return (square(x) ** 2).sum() / 4 + (self.target().conj() * x).real.sum()

    def minimisers(self, names: tuple[str, ...], vectors: Tensor) -> Tensor:
        """The minimiser for each row of parameters, written as real numbers: (rows, 2, 1, *grid)."""
        size = 24 if self.dtype.is_complex else 12

        def value(u: Tensor, vector: Tensor, image: int) -> Tensor:
            x = torch.complex(u[:12], u[12:]) if self.dtype.is_complex else u
            return self.plain(self._unflatten(names, vector), x.reshape(GRID), image)

        images = []
        for image in (0, 1):
            f = functools.partial(value, image=image)
            first = _newton(f, torch.zeros(1, size, dtype=torch.float64), vectors[:1])
            u = _newton(f, first.expand(len(vectors), -1), vectors)
            images.append((torch.complex(u[:, :12], u[:, 12:]) if self.dtype.is_complex else u).reshape(-1, 1, *GRID))
        return torch.stack(images, 1)

    def differences(self, step: float = 2e-5) -> dict[str, Tensor]:
        """Every entry of the gradient of the loss of the minimiser; complex entries by real and imaginary part."""
        names = tuple(self.parameters)
        base = torch.cat([_real(self.parameters[name]) for name in names])
        shifts = step * torch.eye(len(base), dtype=torch.float64)
        x = self.minimisers(names, torch.cat([base + shifts, base - shifts]))
        losses = torch.stack([self.loss(images) for images in x])
        return self._unflatten(names, (losses[: len(base)] - losses[len(base) :]) / (2 * step))

    def _unflatten(self, names: tuple[str, ...], vector: Tensor) -> dict[str, Tensor]:
        sizes = [_real(self.parameters[name]).numel() for name in names]
        parts = {}
        for name, part in zip(names, vector.split(sizes), strict=True):
            like = self.parameters[name]
            if like.is_complex():
                half = part.reshape(2, *like.shape)
                parts[name] = torch.complex(half[0], half[1])
            else:
                parts[name] = part.reshape(like.shape)
        return parts


def _newton(f: Callable[[Tensor, Tensor], Tensor], u: Tensor, vectors: Tensor) -> Tensor:
    """Minimise f(., vector) for each row of vectors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.func compiles parts of itself by torch.jit
        for _ in range(100):
            slope, curvature = vmap(grad(f))(u, vectors), vmap(hessian(f))(u, vectors)
            step = torch.linalg.solve(curvature, slope)
            # Far away the full step may overshoot: its length is at most 1.
            u = u - step / torch.linalg.vector_norm(step, dim=1, keepdim=True).clamp_min(1.0)
            if step.abs().max() < 1e-11:
                return u
    raise AssertionError("Newton's method did not converge")


def _real(t: Tensor) -> Tensor:
    return torch.stack([t.real, t.imag]).flatten() if t.is_complex() else t.flatten()


def _build_real(p: dict[str, Tensor]) -> Functional:
    domain = (1, *GRID)
    sampled = Dense(torch.diag(p["pattern"].sigmoid()), domain)
    d = FiniteDifference(GRID, dtype=torch.float64)
    return (
        least_squares(Dense(p["matrix"], domain), p["y"])
        + 0.7 * least_squares(sampled, p["z"])
        + p["weight"] * (SmoothedNorm(GAMMA, (1,)) @ d)
        + 0.8 * SquaredL2()
    )


def _plain_real(p: dict[str, Tensor], x: Tensor, image: int) -> Tensor:
    fit = (p["matrix"] @ x.flatten() - p["y"][image]).square().sum() / 2
    sampled = 0.35 * (p["pattern"].sigmoid() * x.flatten() - p["z"][image]).square().sum()
    return fit + sampled + p["weight"] * smoothed_tv(x) + 0.4 * x.square().sum()


def _build_complex(p: dict[str, Tensor]) -> Functional:
    operator = sense(p["coils"], p["pattern"].sigmoid())
    d = FiniteDifference(GRID, dtype=torch.complex128)
    return 1.3 * least_squares(operator, p["y"]) + p["weight"] * (SmoothedNorm(GAMMA, (1,)) @ d) + 0.8 * SquaredL2()


def _plain_complex(p: dict[str, Tensor], x: Tensor, image: int) -> Tensor:
    rows, columns = (_fourier(n) for n in GRID)
    kspace = p["pattern"].sigmoid() * (rows @ (p["coils"] * x) @ columns.mT)
    fit = 0.65 * square(kspace - p["y"][image]).sum()
    return fit + p["weight"] * smoothed_tv(x) + 0.4 * square(x).sum()


def _fourier(n: int) -> Tensor:
    k = torch.arange(n, dtype=torch.float64)
    return torch.exp(-2j * torch.pi * torch.outer(k, k) / n) / n**0.5


LEARNED = {
    "real": LearnedProblem(
        {
            "weight": torch.tensor(0.3, dtype=torch.float64),
            "pattern": noise((12,), seed=1),
            "matrix": 0.5 * noise((5, 12), seed=2),
            "y": noise((2, 5), seed=3),
            "z": noise((2, 12), seed=4),
        },
        _build_real,
        _plain_real,
        torch.float64,
    ),
    "complex": LearnedProblem(
        {
            "weight": torch.tensor(0.3, dtype=torch.float64),
            "pattern": noise(GRID, seed=5),
            "coils": 0.7 * noise((2, *GRID), torch.complex128, 6),
            "y": noise((2, 2, *GRID), torch.complex128, 7),
        },
        _build_complex,
        _plain_complex,
        torch.complex128,
    ),
}


@functools.cache
def differences(name: str) -> dict[str, Tensor]:
    """The reference gradients of a problem, computed once."""
    return LEARNED[name].differences()
