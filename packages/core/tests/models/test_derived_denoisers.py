"""Denoisers made of another map claim what follows from it, and no more: the trap of 1.99, oracles, clipping."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from invkit.claims import ASSUMED, BY_CONSTRUCTION, Basis, Claim, find_claim
from invkit.derivations import sectors
from invkit.errors import ConfigError, ShapeError
from invkit.functionals.regularisers import l1
from invkit.guarantees import explain
from invkit.guarantees.theorems.fixed_point.residual import residual_constant
from invkit.models import (
    ClippedDenoiser,
    Denoiser,
    GaussianFilter,
    OperatorDenoiser,
    OracleResidual,
    ProximalDenoiser,
    ResidualDenoiser,
)
from invkit.models.denoiser import known_claims
from invkit.operators import Blur, Dense, Identity, ReLU, Shift, Space
from invkit.testing import Outcome, check

SPACE = Space((1, 4, 3), torch.float64)
ONE = Identity((4, 3), 1, torch.float64)
#: x - 2 relu(x + 100): -id far to the right, id far to the left, nonexpansive and nothing better.
TRAP = OperatorDenoiser(ONE - 2 * (ReLU(SPACE) @ Shift(SPACE, 100.0)))


def averaged(alpha: float) -> OperatorDenoiser:
    """(1 - alpha) id + alpha N with the N of the trap, for an alpha whose share is a float."""
    return OperatorDenoiser((1 - alpha) * ONE + alpha * TRAP.operator)


def stretch(denoiser: Denoiser) -> float:
    """The largest |D x - D z| / |x - z| on small steps at several heights."""
    heights = torch.tensor([-300.0, -99.0, 0.0, 300.0], dtype=torch.float64).reshape(-1, 1, 1, 1)
    x = heights.expand(-1, *SPACE.shape)
    lengths = (denoiser(x + 1) - denoiser(x)).flatten(1).norm(dim=1)
    return float(lengths.max()) / math.sqrt(SPACE.size)


def of(denoiser: Denoiser, name: str) -> Claim | None:
    return find_claim(denoiser.claims(), name)


def test_the_residual_of_a_merely_nonexpansive_map_has_the_constant_2_99() -> None:
    residual = ResidualDenoiser(TRAP, 1.99)
    assert of(residual, "lipschitz").params["constant"] == pytest.approx(2.99)
    assert stretch(residual) == pytest.approx(2.99)
    assert of(residual, "averaged") is of(residual, "nonexpansive") is None
    node = explain(residual).theorem("residual-averaged")
    assert not node.holds
    failed = node.failing[0]
    assert (failed.value, failed.bound) == (pytest.approx(2.99), 1.0)
    assert "only known to be nonexpansive" in failed.how
    assert "(id + E) / 2 is firmly nonexpansive" in failed.remedy


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.75, 0.875])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 1.99, 2.0, 2.5])
def test_the_constant_of_a_residual_is_the_formula_and_is_attained(alpha, gamma) -> None:
    residual = ResidualDenoiser(averaged(alpha), gamma)
    constant = of(residual, "lipschitz").params["constant"]
    assert constant == pytest.approx(residual_constant(alpha, gamma), rel=1e-12)
    assert stretch(residual) == pytest.approx(constant, rel=1e-9)
    node = explain(residual).theorem("residual-averaged")
    assert node.holds is (alpha <= 0.5 and gamma < 2)
    if node.holds:
        assert node.value == pytest.approx(gamma / 2)
        assert of(residual, "averaged").params["alpha"] == node.value
    elif alpha > 0.5:
        assert f"{alpha:g}-averaged" in node.failing[0].how
    else:
        assert node.failing[0].statement.startswith("gamma lies in")


def test_gamma_goes_to_two_and_not_there() -> None:
    for gamma, holds in ((2 * (1 - 1e-12), True), (2.0, False), (2 * (1 + 1e-6), False)):
        assert explain(ResidualDenoiser(averaged(0.5), gamma)).theorem("residual-averaged").holds is holds


def test_a_residual_of_what_claims_nothing_claims_nothing() -> None:
    class Silent(Denoiser):
        def forward(self, x: Tensor, noise_std=None) -> Tensor:
            return x.sin()

    for denoiser in (ResidualDenoiser(Silent()), ClippedDenoiser(Silent()), OracleResidual(Silent(), TRAP, 1.0, 1.5)):
        assert denoiser.claims() == ()
    node = explain(ResidualDenoiser(Silent())).theorem("residual-averaged")
    assert "claims nothing that helps" in node.failing[0].how


def test_with_an_oracle_that_depends_on_the_image_nothing_is_proved() -> None:
    class Bm3dLike(Denoiser):
        """Any denoiser without a claim."""

        def forward(self, x: Tensor, noise_std=None) -> Tensor:
            return 7 * x

    assert OracleResidual(averaged(0.5), Bm3dLike(), 1.99, 1.398).claims() == ()


def test_with_a_fixed_oracle_the_constant_is_that_of_the_residual_over_the_damping() -> None:
    """The published setting: gamma = 1.99 and damping 1 - gamma + 2 gamma alpha for alpha = 0.6, which E must prove."""
    gamma, damping = 1.99, 1 - 1.99 + 2 * 1.99 * 0.6
    still = torch.zeros(1, 4, 3, dtype=torch.float64)
    for denoiser, alpha in ((TRAP, 1.0), (averaged(0.75), 0.75), (averaged(0.5), 0.5)):
        oracle = OracleResidual(denoiser, still, gamma, damping)
        constant = of(oracle, "lipschitz").params["constant"]
        assert constant == pytest.approx(residual_constant(alpha, gamma) / damping)
        assert stretch(oracle) == pytest.approx(constant, rel=1e-9)
    assert of(OracleResidual(TRAP, still, gamma, damping), "nonexpansive") is None
    moving = OracleResidual(averaged(0.5), GaussianFilter(1.0), 1.0, 2.0)
    assert of(moving, "averaged").params["alpha"] == pytest.approx(0.5)


def test_a_clipped_denoiser_is_bounded_and_as_averaged_as_the_composition() -> None:
    clipped = ClippedDenoiser(averaged(0.5), -0.5, 1.0)
    assert of(clipped, "averaged").params["alpha"] == pytest.approx(2 / 3)
    x = 1e6 * SPACE.randn(5, generator=torch.Generator().manual_seed(0))
    lengths = clipped(x).flatten(1).norm(dim=1)
    assert float(lengths.max()) <= clipped.radius(SPACE) <= math.sqrt(12) * (1 + 1e-12)
    single = Space(SPACE.shape, torch.float32)
    tenth = ClippedDenoiser(GaussianFilter(1.0), 0.0, 0.1)
    assert float(tenth(1e6 + 0 * single.zeros()).double().norm()) <= tenth.radius(single)
    assert of(ClippedDenoiser(GaussianFilter(1.0), 0.5, 0.5), "lipschitz").params["constant"] == 0
    with pytest.raises(ShapeError, match="ClippedDenoiser: image is torch.complex64, expected a real one"):
        clipped(torch.zeros(1, 1, 4, 3, dtype=torch.complex64))


def test_an_operator_as_a_denoiser_claims_what_its_parts_give() -> None:
    blur = Blur(torch.full((3, 3), 1 / 9, dtype=torch.float64), (4, 3))
    names = {claim.property for claim in OperatorDenoiser(blur.normal()).claims()}
    assert {"linear", "gradient_field", "lipschitz"} <= names
    matrix = Dense(torch.eye(12, dtype=torch.float64).roll(1, 0) / 2, SPACE.shape, SPACE.shape)
    assert find_claim(OperatorDenoiser(matrix).claims(), "gradient_field") is None
    assert of(OperatorDenoiser(ReLU(SPACE)), "firmly_nonexpansive").basis is BY_CONSTRUCTION
    with pytest.raises(ConfigError, match="OperatorDenoiser: operator is .* expected one from a space to itself"):
        OperatorDenoiser(Dense(torch.zeros(3, 12), SPACE.shape))


def test_what_wraps_a_class_from_outside_is_assumed_too() -> None:
    class Outside(Denoiser):
        def forward(self, x: Tensor, noise_std=None) -> Tensor:
            return 5 * x

        def claims(self) -> tuple[Claim, ...]:
            return (Claim(property="firmly_nonexpansive", basis=BY_CONSTRUCTION),)

    class Signed(Outside):
        basis: ClassVar[Basis] = BY_CONSTRUCTION

    for wrap in (ResidualDenoiser, ClippedDenoiser, lambda inner: OracleResidual(inner, torch.zeros(1), 1.0, 2.0)):
        assert of(wrap(Outside()), "averaged").basis is ASSUMED
        assert of(wrap(Signed()), "averaged").basis is BY_CONSTRUCTION
    replaced = ProximalDenoiser(l1, 1.0)
    replaced.forward = lambda x, noise_std=None: 3 * x
    assert all(claim.basis is ASSUMED for claim in known_claims(replaced))
    assert of(ResidualDenoiser(replaced), "averaged").basis is ASSUMED


@pytest.mark.parametrize(
    "denoiser",
    [
        ResidualDenoiser(averaged(0.5), 1.99),
        ResidualDenoiser(TRAP, 1.99),
        ClippedDenoiser(averaged(0.25), -1.0, 1.0),
        OracleResidual(averaged(0.5), torch.ones(4, 3, dtype=torch.float64), 1.99, 1.4),
        OracleResidual(GaussianFilter(0.8), GaussianFilter(1.5), 1.0, 1.5),
        TRAP,
    ],
)
def test_the_checks_do_not_refute_what_is_claimed(denoiser) -> None:
    assert check(denoiser, space=SPACE).passed


def test_the_checks_refute_the_wrong_rule_of_the_residual() -> None:
    class Wrong(ResidualDenoiser):
        """Claims what is often said: averaged, because E is nonexpansive and gamma < 2."""

        def claims(self) -> tuple[Claim, ...]:
            return sectors.claims_of(sectors.sector(1 - self.gamma, 1))

    shifted = OperatorDenoiser(ONE - 2 * (ReLU(SPACE) @ Shift(SPACE, 0.5)))
    refuted = {r.check for r in check(Wrong(shifted, 1.99), space=SPACE).results if r.outcome is Outcome.REFUTED}
    assert {"averaged", "nonexpansive", "lipschitz"} <= refuted


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="ResidualDenoiser: gamma is 0, expected a positive number"):
        ResidualDenoiser(TRAP, 0)
    with pytest.raises(ConfigError, match="ResidualDenoiser: denoiser is function, expected a Denoiser"):
        ResidualDenoiser(lambda x: x)
    with pytest.raises(ConfigError, match=r"ClippedDenoiser: bounds are \[1.0, inf\], expected finite numbers"):
        ClippedDenoiser(TRAP, 1.0, math.inf)
    with pytest.raises(ConfigError, match="OracleResidual: damping is 0.5, expected a number >= 1"):
        OracleResidual(TRAP, TRAP, 1.0, 0.5)
    with pytest.raises(ShapeError, match="OracleResidual: oracle has shape .*, expected one that broadcasts to"):
        OracleResidual(TRAP, torch.zeros(5), 1.0, 2.0)(SPACE.zeros())
