"""The maps that Plug-and-Play and RED iterate lie in the sectors that are derived for them: secants of the code."""

from __future__ import annotations

import functools

import pytest
import torch

from invkit.functionals import SquaredL2
from invkit.functionals.regularisers import l1
from invkit.models import (
    ClippedDenoiser,
    GaussianFilter,
    OperatorDenoiser,
    PlugAndPlay,
    ProximalDenoiser,
    RegularisationByDenoising,
    ResidualDenoiser,
)
from invkit.operators import Dense, Identity, ReLU, Shift, Space

SPACE = Space((1, 2, 3), torch.float64)
ONE = Identity((2, 3), 1, torch.float64)
FOLD = ONE - 2 * (ReLU(SPACE) @ Shift(SPACE, 0.3))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


OPERATORS = {"dense": Dense(noise(9, 6, seed=4), SPACE.shape), "wide": Dense(noise(3, 6), SPACE.shape), "identity": ONE}
DENOISERS = {
    "soft thresholding": ProximalDenoiser(l1, 0.3),
    "shrinking": ProximalDenoiser(lambda space: 0.8 * SquaredL2(), 1.5),
    "gaussian": GaussianFilter(0.8),
    "nonexpansive": OperatorDenoiser(FOLD),
    "averaged": OperatorDenoiser(0.25 * ONE + 0.75 * FOLD),
    "expansive": OperatorDenoiser(-1.5 * FOLD),
    "clipped": ClippedDenoiser(OperatorDenoiser(FOLD), -1.0, 1.0),
    "residual": ResidualDenoiser(OperatorDenoiser(0.5 * ONE + 0.5 * FOLD), 1.99),
}
METHODS = {
    "short steps": lambda d, L: PlugAndPlay(d, step_size=0.3 / L),
    "long steps": lambda d, L: PlugAndPlay(d, step_size=1.99 / L),
    "splitting": lambda d, L: PlugAndPlay(d, algorithm="douglas-rachford", step_size=0.7 / L),
    "splitting with long steps": lambda d, L: PlugAndPlay(d, algorithm="douglas-rachford", step_size=20.0 / L),
    "red": lambda d, L: RegularisationByDenoising(d, 0.9),
    "red with long steps": lambda d, L: RegularisationByDenoising(d, 0.9, step_size=1.9 / (L + 1.8)),
    "red without": lambda d, L: RegularisationByDenoising(d, 0.0),
}


@functools.cache
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    """Near and far, small and large, and along the axes."""
    x = noise(60, *SPACE.shape, seed=1) * torch.logspace(-1, 2, 60, dtype=torch.float64).reshape(-1, 1, 1, 1)
    steps = torch.cat([noise(54, *SPACE.shape, seed=2), torch.eye(6, dtype=torch.float64).reshape(6, *SPACE.shape)])
    return x, x + steps * torch.logspace(-2, 1, 60, dtype=torch.float64).flip(0).reshape(-1, 1, 1, 1)


def worst(model, operator) -> float | None:
    """The largest |d - c e| / (r |e|) over pairs and sectors; None if nothing is derived."""
    y = noise(60, operator.codomain.size, seed=3).reshape(60, *operator.codomain.shape)
    posed = model.problem(y, operator)
    x, z = pairs()
    d, e = (posed.map(x) - posed.map(z)).flatten(1), (x - z).flatten(1)
    ratios = []
    for one in posed.sectors():
        centre, radius = float(one.low + one.high) / 2, float(one.high - one.low) / 2
        ratios.append(float(((d - centre * e).norm(dim=1) / ((radius + 1e-9) * e.norm(dim=1))).max()))
    return max(ratios, default=None)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", OPERATORS)
def test_no_pair_leaves_the_sector_of_the_map(method, name) -> None:
    operator = OPERATORS[name]
    lipschitz = operator.norm().upper ** 2
    found = [worst(METHODS[method](denoiser, lipschitz), operator) for denoiser in DENOISERS.values()]
    assert None not in found
    assert max(ratio for ratio in found if ratio is not None) <= 1 + 1e-7


@pytest.mark.parametrize("method", METHODS)
def test_the_sectors_are_not_vacuous(method) -> None:
    ratios = []
    for operator in OPERATORS.values():
        lipschitz = operator.norm().upper ** 2
        ratios += [worst(METHODS[method](denoiser, lipschitz), operator) for denoiser in DENOISERS.values()]
    assert max(ratios) > 0.9


def test_a_step_that_is_not_the_one_of_the_factor_is_seen() -> None:
    operator = OPERATORS["dense"]
    model = PlugAndPlay(OperatorDenoiser(-1.5 * FOLD), step_size=1.0 / operator.norm().upper ** 2)
    right = model.problem

    def wrong(y, operator):
        posed = right(y, operator)
        object.__setattr__(posed.factors[0], "step_size", 0.8 * posed.factors[0].step_size)
        return posed

    model.problem = wrong
    before = PlugAndPlay(model.denoiser, step_size=model.step_size)
    assert worst(before, operator) <= 1 + 1e-7
    changed = [worst(model, operator)]
    short = PlugAndPlay(GaussianFilter(0.01), step_size=1.9 / operator.norm().upper ** 2)
    kept = short.problem

    def shorter(y, operator):
        posed = kept(y, operator)
        object.__setattr__(posed.factors[0], "step_size", 0.2 * posed.factors[0].step_size)
        return posed

    short.problem = shorter
    changed.append(worst(short, operator))
    assert max(changed) > 1.01
