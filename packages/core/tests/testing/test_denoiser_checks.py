"""Denoisers that claim what they are not must be refuted, and those that are what they claim must not."""

from __future__ import annotations

import pytest
import torch

from invkit.claims import ASSUMED, Claim
from invkit.errors import ConfigError
from invkit.functionals.regularisers import l1
from invkit.models import Denoiser, GaussianFilter, ProximalDenoiser
from invkit.operators import Space
from invkit.testing import Outcome, check

SPACE = Space((2, 5, 4), torch.float64)


class Claiming(Denoiser):
    """A map with a claim of the test's choice."""

    def __init__(self, function, name: str, *, at=None, **params: float) -> None:
        super().__init__()
        self.at = at
        self.function, self.claim = function, Claim(property=name, params=params, basis=ASSUMED)

    def forward(self, x, noise_std=None):
        return self.function(x) if noise_std is None or self.at is None else self.at(x, noise_std)

    def claims(self):
        return (self.claim,)


def refuse(x, noise_std):
    raise ConfigError(f"Claiming: noise_std is {noise_std}, expected None. Leave it out.")


def reflect(x):
    """id - 1.99 Gamma for a nonexpansive Gamma: its Lipschitz constant is 2.99, far from the origin only."""
    return x - 1.99 * (x - 2 * torch.relu(x + 0.5))


WRONG = {
    "stretches by two": (Claiming(lambda x: 2 * x, "nonexpansive"), "nonexpansive"),
    "is oracle only": (Claiming(reflect, "nonexpansive"), "nonexpansive"),
    "is nonexpansive but not firm": (Claiming(lambda x: -x, "firmly_nonexpansive"), "firmly-nonexpansive"),
    "is less averaged than it says": (Claiming(lambda x: -0.5 * x, "averaged", alpha=0.7), "averaged"),
    "has a larger constant": (Claiming(lambda x: torch.sin(3 * x), "lipschitz", constant=2.5), "lipschitz"),
    "is not linear": (Claiming(torch.tanh, "linear"), "linearity"),
    "is so at its own level only": (
        Claiming(lambda x: x / 2, "firmly_nonexpansive", at=lambda x, s: 3 * x + 1),
        "firmly-nonexpansive",
    ),
    "stretches at high noise only": (
        Claiming(lambda x: x, "nonexpansive", at=lambda x, s: (0.6 + s) * x),
        "nonexpansive",
    ),
    "stretches at low noise only": (
        Claiming(lambda x: x, "lipschitz", at=lambda x, s: 0.1 / s * x, constant=1.5),
        "lipschitz",
    ),
    "is affine at other levels": (Claiming(lambda x: x / 2, "linear", at=lambda x, s: x / 2 + s), "linearity"),
    "mixes its batch": (Claiming(lambda x: x - x.mean(0, keepdim=True), "nonexpansive"), "batch-invariance"),
    "changes its argument": (Claiming(lambda x: x.mul_(0.5), "nonexpansive"), "no-input-mutation"),
}

RIGHT = {
    "sine": Claiming(lambda x: torch.sin(3 * x), "lipschitz", constant=3.0),
    "averaged": Claiming(lambda x: -0.5 * x, "averaged", alpha=0.75),
    "clamp": Claiming(lambda x: x.clamp(0, 1), "firmly_nonexpansive"),
    "gaussian": GaussianFilter(1.3),
    "proximal at every level": ProximalDenoiser(l1, 0.7),
    "takes no level": Claiming(lambda x: x / 2, "firmly_nonexpansive", at=refuse),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_claim_is_refuted(name: str) -> None:
    denoiser, expected = WRONG[name]
    refuted = {r.check for r in check(denoiser, space=SPACE).results if r.outcome is Outcome.REFUTED}
    assert expected in refuted


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_claim_is_not(name: str) -> None:
    assert check(RIGHT[name], space=SPACE).passed
