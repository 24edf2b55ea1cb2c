"""Differences accuse no right derivative, far from its minimum, bent or half infinite, and pass no wrong one."""

from __future__ import annotations

import pytest
import torch

from invkit.functionals import Functional, KullbackLeibler, SmoothedNorm, SquaredL2
from invkit.measures import gradient_error, hessian_error, prox_gap, smoothness_ratio
from invkit.operators import Space

SPACE = Space((1, 7, 6), torch.float64)
HARD = {
    "a centre far away": SquaredL2(torch.full((1, 1, 7, 6), 1e6, dtype=torch.float64)),
    "a bend of width 1e-2": SmoothedNorm(1e-2),
    "a bend of width 1e-4": SmoothedNorm(1e-4),
    "counts, infinite for negative images": KullbackLeibler(torch.full((1, 1, 7, 6), 1e6, dtype=torch.float64)),
    "no counts": KullbackLeibler(torch.zeros((1, 1, 7, 6), dtype=torch.float64)),
}


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("name", HARD)
def test_a_right_derivative_passes(name: str) -> None:
    functional: Functional = HARD[name]
    for measure in (gradient_error, hessian_error):
        found = measure(functional, SPACE, generator=seeded())
        assert found.trials > 0
        assert found.passed, found


@pytest.mark.parametrize("name", [name for name in HARD if name != "no counts"])
def test_a_gradient_that_is_off_by_a_thousandth_does_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    functional = HARD[name]
    right = type(functional)._gradient
    monkeypatch.setattr(type(functional), "_gradient", lambda self, x: 1.001 * right(self, x))
    assert not gradient_error(functional, SPACE, generator=seeded()).passed


def test_the_proximal_map_of_a_conjugate_with_a_distant_centre_passes_in_single_precision() -> None:
    functional = SquaredL2(torch.full((1, 1, 7, 6), 1e3)).conjugate
    assert prox_gap(functional, Space((1, 7, 6), torch.float32), generator=seeded()).passed


def test_a_bend_that_is_sharp_at_zero_alone_shows_in_the_smoothness() -> None:
    functional = SmoothedNorm(1e-3)
    constant = functional.smoothness()
    assert constant is not None
    assert smoothness_ratio(functional, SPACE, constant.upper, generator=seeded()).passed
    assert not smoothness_ratio(functional, SPACE, 0.9 * constant.upper, generator=seeded()).passed
