"""What a proximal denoiser claims of images of every shape, when its regulariser may look at the shape."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION, Basis
from invkit.functionals import L1, Box, Functional, Proximable, directional_tv, regularisers, total_variation
from invkit.functionals.regularisers import group_l1, l1
from invkit.guarantees import missing
from invkit.models import (
    ClippedDenoiser,
    Denoiser,
    OracleResidual,
    PlugAndPlay,
    ProximalDenoiser,
    ResidualDenoiser,
)
from invkit.operators import Identity, Space


@dataclass(frozen=True, eq=False, repr=False)
class NumNonzero(Proximable):
    """How many pixels are not zero, which is not convex."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def _value(self, x: Tensor) -> Tensor:
        return (x != 0).flatten(1).sum(1).to(x.dtype)

    def _prox(self, v: Tensor, tau: float | Tensor) -> Tensor:
        return torch.where(v.square() > 2 * tau, v, 0.0)

    @property
    def conjugate(self) -> Proximable:
        return Box(0.0, 0.0)


def hard_on_large_images(space: Space) -> Functional:
    return L1() if space.shape[-1] < 8 else NumNonzero()


def iterated_on_large_images(space: Space) -> Functional:
    return L1() if space.shape[-1] < 8 else total_variation(space)


WRAPPED: dict[str, Callable[[Denoiser], Denoiser]] = {
    "alone": lambda d: d,
    "clipped": lambda d: ClippedDenoiser(d, -5, 5),
    "residual": ResidualDenoiser,
    "with an oracle": lambda d: OracleResidual(d, torch.zeros(()), 1.0, 2.0),
}


@pytest.mark.parametrize("regulariser", [hard_on_large_images, iterated_on_large_images, lambda space: L1()])
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_what_a_foreign_regulariser_is_on_one_space_is_assumed_of_the_others(wrapped, regulariser) -> None:
    claims = WRAPPED[wrapped](ProximalDenoiser(regulariser, 0.5)).claims()
    assert claims
    assert {claim.basis for claim in claims} == {ASSUMED}


@pytest.mark.parametrize("regulariser", [l1, functools.partial(group_l1, axes=(0, 1))])
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_a_formula_of_the_core_is_the_same_on_every_space(wrapped, regulariser) -> None:
    claims = WRAPPED[wrapped](ProximalDenoiser(regulariser, 0.5)).claims()
    assert claims
    assert {claim.basis for claim in claims} == {BY_CONSTRUCTION}


@pytest.mark.parametrize("name", sorted({*regularisers.__all__} - {"directional_tv"}))
def test_regularisers_of_the_core_have_a_closed_form_on_all_spaces_or_on_none(name: str) -> None:
    build = getattr(regularisers, name)
    made = [build(Space(shape, torch.float64)) for shape in [(1, 4, 4), (3, 5, 7), (1, 1, 1), (2, 9, 9)]]
    assert len({isinstance(one, Proximable) for one in made}) == 1
    assert {one.convexity() for one in made} == {made[0].convexity()}


def test_a_regulariser_of_one_shape_only_claims_nothing() -> None:
    denoiser = ProximalDenoiser(functools.partial(directional_tv, reference=torch.ones(5, 7)), 0.1)
    assert denoiser.claims() == ()
    assert not any(node.error for node in explain(denoiser).walk())


def test_the_specimen_expands_and_no_method_with_it_is_guaranteed() -> None:
    denoiser = ProximalDenoiser(hard_on_large_images, 0.5)
    x, z = torch.full((1, 1, 8, 8), 1.001).double(), torch.full((1, 1, 8, 8), 0.999).double()
    assert float((denoiser(x) - denoiser(z)).norm()) > 100 * float((x - z).norm())
    large = Identity((8, 8), 1, torch.float64)
    for one in (denoiser, ClippedDenoiser(denoiser, -5, 5)):
        assert missing(explain(PlugAndPlay(one), large), ["convergent"]) == ["convergent"]


@pytest.mark.parametrize("regulariser", [hard_on_large_images, iterated_on_large_images])
def test_a_method_looks_at_the_space_of_its_operator(regulariser) -> None:
    model = PlugAndPlay(ProximalDenoiser(regulariser, 0.5))
    assert missing(explain(model, Identity((4, 4), 1, torch.float64)), ["convergent"]) == []
    assert missing(explain(model, Identity((8, 8), 1, torch.float64)), ["convergent"]) == ["convergent"]
