"""Denoisers commute with the groups that they claim, at every level of noise; what they are made of decides which."""

from __future__ import annotations

import pytest
import torch

from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals.regularisers import group_l1, l1, nuclear_norm, simplex, total_variation
from invkit.measures import equivariance_error
from invkit.models import (
    ClippedDenoiser,
    Denoiser,
    GaussianFilter,
    OperatorDenoiser,
    ProximalDenoiser,
    ResidualDenoiser,
)
from invkit.operators import Blur, Space

KERNEL = torch.ones(3, 3, dtype=torch.float64) / 9
CASES = {
    "gaussian": (GaussianFilter(1.0), {"D4", "flips", "translations"}),
    "l1": (ProximalDenoiser(l1, 0.1), {"permutations"}),
    "channels": (ProximalDenoiser(group_l1, 0.1), {"permutations"}),
    "nuclear norm": (ProximalDenoiser(nuclear_norm, 0.1), {"flips", "translations"}),
    "simplex": (ProximalDenoiser(simplex, 0.1), {"permutations"}),
    "operator": (OperatorDenoiser(Blur(KERNEL, (5, 5), 2)), {"D4", "translations"}),
    "clipped": (ClippedDenoiser(GaussianFilter(1.0)), {"D4", "flips", "translations"}),
    "residual": (ResidualDenoiser(ProximalDenoiser(l1, 0.1), 0.7), {"permutations"}),
    "iterated": (ProximalDenoiser(total_variation, 0.1), set()),
}
SPACE = Space((2, 5, 5), torch.float64)


@pytest.mark.parametrize("name", CASES)
def test_denoisers_claim_the_groups_with_which_they_commute(name: str) -> None:
    denoiser, groups = CASES[name]
    claims = [claim for claim in denoiser.claims() if claim.property == "equivariant"]
    assert {claim.params["group"] for claim in claims} == groups
    assert all(claim.basis is BY_CONSTRUCTION for claim in claims)
    for claim in claims:
        for level in (None, 0.5):

            def call(x: torch.Tensor, level: float | None = level) -> torch.Tensor:
                return denoiser(x) if level is None else denoiser(x, level)

            generator = torch.Generator().manual_seed(0)
            assert equivariance_error(call, SPACE, claim.params["group"], generator=generator, gain=1.0).passed


class Theirs(Denoiser):
    """A denoiser of another package, which says what it likes."""

    def forward(self, x, noise_std=None):
        return x.flip(-1)

    def claims(self):
        return GaussianFilter(1.0).claims()


def test_what_is_made_of_it_is_no_stronger_than_the_part() -> None:
    for derived in (ClippedDenoiser(Theirs()), ResidualDenoiser(Theirs())):
        found = [claim for claim in derived.claims() if claim.property == "equivariant"]
        assert found
        assert all(claim.basis is ASSUMED for claim in found)
