"""Settings that the theorems on iterated maps and on layers of nonexpansive networks must refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.functionals import L1, Functional, least_squares
from invkit.functionals.regularisers import l1, squared_l2
from invkit.models import (
    ClippedDenoiser,
    Denoiser,
    GaussianFilter,
    OperatorDenoiser,
    PlugAndPlay,
    ProximalDenoiser,
    ResidualDenoiser,
)
from invkit.operators import Blur, Dense, GradientFlowStep, Identity, ReLU, Shift, Softplus, Space
from invkit.operators.nonlinear.activations import Activation
from invkit.solvers import GradientStep

from ..registry import Specimen
from . import case as c
from .case import Case, Make, refused

SPACE = Space((1, 4, 4), torch.float64)
IDENTITY = Identity((4, 4), 1, torch.float64)
BLUR = Blur(torch.full((3, 3), 1 / 9), (16, 16))
WIDE = Dense(c.noise(8, 16), (1, 4, 4))
WIDE_L = WIDE.norm().upper ** 2
#: x - 2 relu(x + 100): nonexpansive, and wherever it was tried it is the identity.
FOLD = IDENTITY - 2 * (ReLU(SPACE) @ Shift(SPACE, 100.0))


class Claiming(Denoiser):
    """A network with a claim, or without."""

    def __init__(self, claim: str = "", **params: float) -> None:
        super().__init__()
        self.claimed = (Claim(property=claim, params=params, basis=BY_CONSTRUCTION),) if claim else ()

    def forward(self, x: Tensor, noise_std: Any = None) -> Tensor:
        return x.tanh()

    def claims(self) -> tuple[Claim, ...]:
        return self.claimed


@dataclass(frozen=True)
class Dip(Activation):
    """max(z, 0) with a valley far below zero, narrower than what is looked at; GELU itself is an error at once."""

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return torch.relu(z) - torch.relu(1.0 - (z + 12345.6).abs())

    def slope(self, z: Tensor) -> Tensor:
        return (z > 0).to(z.dtype)


def alone(subject: Any) -> Make:
    return lambda: Case(subject)


def unmatched(operator: Dense) -> Dense:
    return c.Unmatched(operator.matrix, operator.domain_shape)


def iterations() -> Iterator[Specimen]:
    averaged, relaxation = "T is averaged, or nonexpansive", "the relaxation lies in (0, 1/alpha)"

    def plug(denoiser: Denoiser, operator: Any = BLUR, **settings: Any) -> Make:
        return lambda: Case(PlugAndPlay(denoiser, **settings), operator)

    gaussian = GaussianFilter(std=0.8)
    yield from refused(
        "krasnoselskii-mann",
        plug(gaussian),
        ("relaxed by 1.6 where 1/alpha is 1.5", plug(gaussian, relaxation=1.6), relaxation),
        ("a denoiser of which nobody knows anything", plug(Claiming()), averaged),
        ("a denoiser with Lipschitz constant 1.01", plug(Claiming("lipschitz", constant=1.01)), averaged),
        ("a denoiser outside the core that says it is averaged", plug(Claiming("averaged", alpha=0.5)), averaged),
    )
    prox = ProximalDenoiser(l1, weight=0.1)
    step, denoiser = (
        "the gradient step on the data fidelity is averaged: tau lies in (0, 2/L)",
        "the denoiser D is averaged",
    )
    yield from refused(
        "plug-and-play-proximal-gradient",
        plug(prox, WIDE, step_size=1.6 / WIDE_L),
        (c.MEASURED_NORM, plug(prox, c.PowerIteration(WIDE.matrix, WIDE.domain_shape)), step),
        ("a denoiser that is merely nonexpansive", plug(OperatorDenoiser(FOLD), WIDE), denoiser),
        ("a denoiser of which nobody knows anything", plug(Claiming(), WIDE), denoiser),
        (c.UNMATCHED, plug(prox, unmatched(WIDE)), c.EXACT_ADJOINT),
    )
    split = {"algorithm": "douglas-rachford", "step_size": 7.0}
    firmly = "the denoiser D is firmly nonexpansive"
    yield from refused(
        "plug-and-play-douglas-rachford",
        plug(gaussian, **split),
        ("a denoiser that is merely nonexpansive", plug(ClippedDenoiser(gaussian), **split), firmly),
        ("a denoiser of which nobody knows anything", plug(Claiming(), **split), firmly),
        ("relaxed by 2", plug(gaussian, **split, relaxation=2.0), relaxation),
    )
    contraction = "the step x + t (T(x) - x) is Lipschitz with a constant q below 1"
    shrinking = ProximalDenoiser(squared_l2, weight=0.1)
    yield from refused(
        "banach-fixed-point",
        plug(shrinking, WIDE),
        ("a denoiser that is averaged and no contraction", plug(prox, WIDE), contraction),
        ("a denoiser of which nobody knows anything", plug(Claiming(), WIDE), contraction),
        (c.UNMATCHED, plug(shrinking, unmatched(WIDE)), c.EXACT_ADJOINT),
        (c.MEASURED_NORM, plug(shrinking, c.PowerIteration(WIDE.matrix, WIDE.domain_shape)), contraction),
    )


def maps() -> Iterator[Specimen]:
    step = IDENTITY - (1 / WIDE_L) * WIDE.normal()
    yield from refused(
        "composition-averaged",
        alone(Softplus(SPACE) @ step),
        ("a factor that is merely nonexpansive", alone(Softplus(SPACE) @ FOLD), "every map is averaged"),
        (
            "a gradient step of 2.02/L as a factor",
            alone(Softplus(SPACE) @ (IDENTITY - (2.02 / WIDE_L) * WIDE.normal())),
            "every map is averaged",
        ),
    )
    f = least_squares(WIDE, torch.ones(1, 8, dtype=torch.float64))

    def gradient(functional: Functional, tau: float) -> Make:
        return alone(GradientStep("x - tau gradient f", functional, tau))  # type: ignore[arg-type]

    longest = 2 / f.smoothness().upper
    measured = least_squares(c.PowerIteration(WIDE.matrix, WIDE.domain_shape), torch.ones(1, 8, dtype=torch.float64))
    tau = "the step size lies in (0, 2/L)"
    yield from refused(
        "gradient-step-averaged",
        gradient(f, 0.95 * longest),
        ("steps 1.01 times too long", gradient(f, 1.01 * longest), tau),
        (c.NONCONVEX_F, gradient(f + c.Cosine(), 0.1 * longest), "f is convex"),
        (c.MEASURED_NORM, gradient(measured, 0.5 * longest), tau),
    )
    yield from refused(
        "proximal-map-firmly-nonexpansive",
        alone(0.3 * L1()),
        (c.NONCONVEX_G, alone(0.3 * c.NumNonzero()), "f is convex"),
        (c.ROUGH_PROX, alone(c.RoughProx()), "the proximal map of f is exact"),
    )
    half = OperatorDenoiser(0.5 * IDENTITY + 0.5 * FOLD)
    firmly = "E is firmly nonexpansive, or cocoercive"
    yield from refused(
        "residual-averaged",
        alone(ResidualDenoiser(half, gamma=1.99)),
        (
            "id - 1.99 Gamma for a Gamma that is merely nonexpansive",
            alone(ResidualDenoiser(OperatorDenoiser(FOLD), gamma=1.99)),
            firmly,
        ),
        (
            "id - 2 Gamma",
            alone(ResidualDenoiser(half, gamma=2.0)),
            "gamma lies in (0, 2 beta), with E beta-cocoercive; beta = 1 for a firmly nonexpansive one",
        ),
    )


def layers() -> Iterator[Specimen]:
    bias, square = torch.ones(8, dtype=torch.float64), c.A.norm().upper ** 2

    def layer(factor: float, *settings: Any, operator: Any = c.A) -> Make:
        return alone(GradientFlowStep(operator, bias, factor / square, *settings))

    slopes = "sigma is increasing and Lipschitz with constant L: 0 <= sigma' <= L"
    exact = "A is linear and its adjoint is exact"
    measured = c.PowerIteration(c.A.matrix)
    longest = "h L |A|^2 <= 2 r"
    yield from refused(
        "circle-contractivity",
        layer(1.9, "softplus", "rk4"),
        ("Kutta's third-order method, which has r = 1/2, at r = 1", layer(1.9, "softplus", "kutta3"), longest),
        ("steps h x 1.02", layer(1.02 * 2, "softplus", "rk4"), longest),
        ("an activation with a valley", layer(1.0, Dip(), "rk4"), slopes),
        (c.UNMATCHED, layer(1.9, "softplus", "rk4", operator=c.Unmatched(c.A.matrix)), exact),
        (c.MEASURED_NORM, layer(1.9, "softplus", "rk4", operator=measured), longest),
    )
    now, before = c.trained()
    yield from refused(
        "circle-contractivity",
        layer(1.9, "softplus", "rk4"),
        (c.STALE, alone(GradientFlowStep(now, bias, 2 / before, "softplus", "rk4")), longest),
    )
    alpha = "h L |A|^2 <= 2 alpha for an alpha in (0, 1)"
    yield from refused(
        "gradient-flow-layer-averaged",
        layer(1.9),
        ("steps h x 1.02", layer(1.02 * 2), alpha),
        ("a layer that is merely nonexpansive, at h |A|^2 = 2", layer(2.0), alpha),
        ("a Runge-Kutta method of order four", layer(1.9, "relu", "rk4"), "the method is Euler's"),
        ("an activation with a valley", layer(1.0, Dip()), slopes),
        (c.UNMATCHED, layer(1.9, operator=c.Unmatched(c.A.matrix)), exact),
    )


SPECIMENS = (*iterations(), *maps(), *layers())
