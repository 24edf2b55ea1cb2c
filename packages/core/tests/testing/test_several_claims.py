"""Several claims of one property: each is measured, none hides behind a stronger one."""

from __future__ import annotations

import json

import pytest
import torch

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis, Claim
from invkit.functionals import Differentiable
from invkit.models import Denoiser
from invkit.operators import Space
from invkit.testing import Example, Outcome, check

SPACE = Space((1, 7, 6), torch.float64)


class Stated(Denoiser):
    """c x, with these claims."""

    def __init__(self, factor: float, *claims: Claim) -> None:
        super().__init__()
        self.factor = factor
        self.stated = claims

    def forward(self, x, noise_std=None):
        return self.factor * x

    def claims(self):
        return self.stated


def lipschitz(constant: float, basis: Basis) -> Claim:
    return Claim(property="lipschitz", params={"constant": constant}, basis=basis)


def equivariant(group: str) -> Claim:
    return Claim(property="equivariant", params={"group": group})


@pytest.mark.parametrize(("strong", "weak"), [(BY_CONSTRUCTION, CERTIFIED), (CERTIFIED, BY_CONSTRUCTION)])
def test_a_false_constant_beside_a_true_one_is_refuted_whatever_its_basis(strong: Basis, weak: Basis) -> None:
    report = check(Stated(3.0, lipschitz(5.0, strong), lipschitz(1.0, weak)), space=SPACE)
    rows = {row.claim: row.outcome for row in report.results if row.check == "lipschitz"}
    assert rows == {"lipschitz(constant=5)": Outcome.NOT_REFUTED, "lipschitz(constant=1)": Outcome.REFUTED}
    assert report.refuted[0].stated == lipschitz(1.0, weak)
    assert any(line.split()[:3] == ["Stated", "lipschitz", "(constant=1)"] for line in str(report).splitlines())
    assert {row["claim"] for row in json.loads(json.dumps(report.as_dict()))["results"]} >= set(rows)


def test_the_same_claim_twice_is_one_row_and_a_single_claim_has_no_words() -> None:
    report = check(Stated(1.0, lipschitz(1.0, ASSUMED), lipschitz(1.0, CERTIFIED)), space=SPACE)
    (row,) = (row for row in report.results if row.check == "lipschitz")
    assert (row.claim, row.stated.basis) == ("", CERTIFIED)


def test_two_moduli_and_two_alphas_are_measured_each() -> None:
    averaged = [Claim(property="averaged", params={"alpha": alpha}) for alpha in (0.5, 0.9)]
    report = check(Stated(-0.5, *averaged), space=SPACE)
    assert [row.claim for row in report.refuted] == ["averaged(alpha=0.5)"]

    class Quadratic(Differentiable):
        """|x|^2/2, strongly convex with modulus 1."""

        def _value(self, x):
            return 0.5 * x.square().flatten(1).sum(1)

        def _gradient(self, x):
            return x

        def _hessian_vector(self, x, v):
            return v

        def smoothness(self):
            return 1.0

        def convexity(self):
            return 1.0

        def claims(self):
            moduli = [Claim(property="strongly_convex", params={"modulus": m}) for m in (1.0, 2.0)]
            return (*moduli, *(Claim(property="smooth", params={"constant": c}) for c in (1.0, 0.5)))

    refuted = [row.claim for row in check(Quadratic(), space=SPACE).refuted if row.claim]
    assert refuted == ["strongly_convex(modulus=2)", "smooth(constant=0.5)"]


def test_each_group_is_a_row_and_one_that_cannot_be_measured_says_so() -> None:
    groups = ("C4", "knights", "U1")
    example = Example(subject=Stated(2.0, *map(equivariant, groups)), space=SPACE)
    rows = {row.claim: row for row in check(example).results if row.check == "equivariance"}
    found = {name: rows[f"equivariant(group={name})"] for name in groups}
    assert found["C4"].outcome is Outcome.NOT_REFUTED
    assert (found["knights"].outcome, found["knights"].reason) == (Outcome.SKIPPED, "no element is known of knights")
    assert found["U1"].outcome is Outcome.SKIPPED
    assert found["U1"].reason == "U1 does not act on images of (1, 7, 6)"
