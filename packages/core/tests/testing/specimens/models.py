"""Wrong models, beside the adjoint as a reconstruction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.models import Reconstructor
from invkit.testing import Example
from invkit.testing.examples import models

from .registry import Specimen, of_kind

wrong = of_kind("model")


class Model(Reconstructor):
    """A reconstruction out of a function, with a claim."""

    def __init__(self, run: Callable[..., Tensor], claim: str = "linear", **params: float) -> None:
        super().__init__()
        self.run, self.claim = run, Claim(property=claim, params=params, basis=BY_CONSTRUCTION)

    def forward(self, y: Tensor, operator: Any) -> Tensor:
        return self.run(y, operator)

    def claims(self) -> tuple[Claim, ...]:
        return (self.claim,)


def made(run: Callable[..., Tensor], *claim: str, **params: float) -> Callable[[], Example]:
    return lambda: replace(models.adjoint("cpu", torch.float64), subject=Model(run, *claim, **params))


def least_squares(y: Tensor, operator: Any, factor: float = 1.0) -> Tensor:
    """The pseudo-inverse, so that A R is an orthogonal projection."""
    inverse = torch.linalg.pinv(operator.matrix)
    return factor * (y @ inverse.mT).unflatten(1, operator.domain.shape)


def unknown(make: Callable[[], Example]) -> Callable[[], Example]:
    """The result of the example is that of the adjoint."""
    return lambda: replace(make(), expected=None)


HONEST = made(lambda y, a: a.adjoint(y))

MODELS: tuple[Specimen, ...] = (
    wrong("scaled by 1.01", made(lambda y, a: 1.01 * a.adjoint(y)), "reconstruction", HONEST),
    wrong("clamped, and called linear", made(lambda y, a: a.adjoint(y).clamp_min(0)), "linearity", HONEST),
    wrong(
        "normalised by the batch",
        made(lambda y, a: a.adjoint(y) / y.abs().max() if len(y) else a.adjoint(y)),
        "batch-invariance",
        HONEST,
    ),
    wrong("measurement changed", made(lambda y, a: a.adjoint(y.mul_(2)) / 2), "no-input-mutation", HONEST),
    wrong(
        "1.02 times the least squares called 1-stable",
        unknown(made(lambda y, a: least_squares(y, a, 1.02), "stable", constant=1.0)),
        "stable",
        unknown(made(least_squares, "stable", constant=1.0)),
    ),
    wrong(
        "the adjoint called nonexpansive, with |A| > 1",
        made(lambda y, a: a.adjoint(y), "nonexpansive"),
        "nonexpansive",
        unknown(made(lambda y, a: a.adjoint(y) / a.norm().upper, "nonexpansive")),
    ),
)
