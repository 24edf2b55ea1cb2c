"""Wrong functionals."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.functionals import L1, Ball, Huber

from . import parts as s
from .registry import Specimen, of_kind

wrong = of_kind("functional")


@dataclass(frozen=True, eq=False, repr=False)
class LipschitzSmooth(s.Smooth):
    """sum log cosh(x), which is sqrt(n)-Lipschitz, with a constant of the specimen's choice."""

    lipschitz: float = 20**0.5

    def claims(self) -> tuple[Claim, ...]:
        found = Claim(property="lipschitz", params={"constant": self.lipschitz}, basis=BY_CONSTRUCTION)
        return (*super().claims(), found)


@dataclass(frozen=True, eq=False, repr=False)
class Bent(s.Smooth):
    """sum log cosh(x), whose third derivative is at most 4 / 3^(3/2) = 0.7698, or one whose Hessian jumps."""

    bend: float = 0.77

    def hessian_lipschitz(self) -> float:
        return self.bend


@dataclass(frozen=True, eq=False, repr=False)
class UnitSphere(s.UnitBall):
    """The indicator of |x| = 1, with its projection, called convex: no image of white noise is in it."""

    def _value(self, x: torch.Tensor) -> torch.Tensor:
        length = x.flatten(1).norm(dim=1)
        return torch.where((length - 1).abs() < 1e-9, 0.0, torch.inf).to(x.dtype)


class WeightsForCurvature(Huber):
    """The weight rho'(t)/t of each pixel, where its second derivative is asked for."""

    def _hessian_diagonal(self, x: torch.Tensor) -> torch.Tensor:
        return self.curvatures(x)[0]


@dataclass(frozen=True, eq=False, repr=False)
class ShiftInvariant(s.Smooth):
    """sum log cosh(x), with a weight on one row where it is wrong, called invariant under translations."""

    weighted: bool = False

    def _value(self, x: torch.Tensor) -> torch.Tensor:
        extra = x[:, :, :1].square().flatten(1).sum(1) if self.weighted else 0.0
        return super()._value(x) + extra

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="invariant", params={"group": "translations"}, basis=BY_CONSTRUCTION),)


FUNCTIONALS: tuple[Specimen, ...] = (
    wrong("l0 with the threshold of l1", lambda: s.L0(lambda tau: tau), "prox"),
    wrong("l0 with sqrt(tau)", lambda: s.L0(lambda tau: torch.as_tensor(tau).sqrt()), "prox"),
    wrong("soft thresholding without tau", lambda: s.SoftThresholding(lambda v, tau: s.soft(v, 1.0)), "prox"),
    wrong("soft thresholding by 2 tau", lambda: s.SoftThresholding(lambda v, tau: s.soft(v, 2 * tau)), "prox"),
    wrong("soft thresholding by 1.01 tau", lambda: s.SoftThresholding(lambda v, tau: s.soft(v, 1.01 * tau)), "prox"),
    wrong("tau sin", lambda: s.SoftThresholding(lambda v, tau: tau * torch.sin(v)), "prox"),
    wrong("the identity as a proximal map", lambda: s.SoftThresholding(lambda v, tau: v.clone()), "prox"),
    wrong("sphere instead of ball", lambda: s.UnitBall(lambda v, size: v / size), "prox"),
    wrong("ball of radius 0.99", lambda: s.UnitBall(lambda v, size: 0.99 * v / size.clamp_min(0.99)), "prox"),
    wrong("no projection", lambda: s.UnitBall(lambda v, size: v.clone()), "prox"),
    wrong("value without the weight", s.ForgetsItsWeight, "prox"),
    wrong(
        "tau of the first image for all",
        lambda: s.SoftThresholding(lambda v, tau: s.soft(v, tau if isinstance(tau, float) else tau.flatten()[0])),
        "prox",
    ),
    wrong("gradient x 1.01", lambda: s.Smooth(slope=lambda x: 1.01 * torch.tanh(x)), "gradient"),
    wrong("gradient of another function", lambda: s.Smooth(slope=torch.sin), "gradient"),
    wrong("Hessian of another function", lambda: s.Smooth(curvature=lambda x: 1 - torch.tanh(x)), "hessian"),
    wrong("smoothness 0.98 L", lambda: s.Smooth(constant=0.98), "smoothness"),
    wrong("log cosh called strongly convex", lambda: s.Smooth(modulus=0.1), "strong-convexity"),
    wrong(
        "a concave function called convex",
        lambda: s.Smooth(sign=-1.0, slope=lambda x: -torch.tanh(x), curvature=lambda x: torch.tanh(x) ** 2 - 1),
        "convexity",
    ),
    wrong(
        "conjugate with the wrong sign",
        lambda: s.SoftThresholding(s.soft, dual=s.NegativeConjugate(0.5)),
        "conjugate",
    ),
    wrong("conjugate of 2 f", lambda: s.SoftThresholding(s.soft, dual=(2 * L1()).conjugate), "conjugate"),
    wrong("conjugate of f / 2", lambda: s.SoftThresholding(s.soft, dual=(0.5 * L1()).conjugate), "conjugate"),
    wrong("mean over the batch", s.BatchMean, "batch-invariance"),
    wrong(
        "argument changed",
        lambda: s.SoftThresholding(lambda v, tau: s.soft(v, tau) + 0 * v.mul_(2)),
        "no-input-mutation",
    ),
    wrong(
        "a Lipschitz constant for one pixel",
        lambda: LipschitzSmooth(lipschitz=1.0),
        "lipschitz",
        LipschitzSmooth,
    ),
    wrong(
        "a weight on one row called invariant under translations",
        lambda: ShiftInvariant(weighted=True),
        "invariance",
        ShiftInvariant,
    ),
    wrong("a Hessian that bends 4 % more than stated", lambda: Bent(bend=0.74), "hessian-lipschitz", Bent),
    wrong(
        "a Hessian that jumps",
        lambda: Bent(curvature=lambda x: (x.abs() < 0.5).to(x.dtype), bend=5.0),
        "hessian-lipschitz",
    ),
    wrong("weights for curvatures", lambda: WeightsForCurvature(0.5), "hessian-diagonal", lambda: Huber(0.5)),
    wrong(
        "a sphere called convex",
        lambda: UnitSphere(lambda v, size: v / size),
        "convexity",
        lambda: Ball(1.0, None),
    ),
)
