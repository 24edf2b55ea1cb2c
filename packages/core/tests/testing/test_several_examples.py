"""Several examples of one object, what a claim that is proved shows, and how rows name what they looked at."""

from __future__ import annotations

import json

import pytest
import torch

from invkit.claims import BY_CONSTRUCTION, CERTIFIED, Claim
from invkit.errors import ConfigError
from invkit.models import Denoiser
from invkit.operators import Identity, Space
from invkit.testing import Example, Outcome, check
from invkit.testing.cases import as_examples


class Scaled(Identity):
    def _forward(self, x):
        return 1.01 * x


def test_bare_objects_are_numbered_and_names_are_kept() -> None:
    made = [Identity((2, 2)), Example(subject=Identity((3, 2)), name="odd")]
    assert [one.name for one in as_examples(made)] == ["1", "odd"]
    assert [one.name for one in as_examples(Identity((2, 2)))] == [""]


def test_two_of_one_name_and_none_at_all_are_refused() -> None:
    twice = [Example(subject=Identity((2, 2)), name="a"), Example(subject=Identity((3, 2)), name="a")]
    with pytest.raises(ConfigError, match="two examples have the name 'a'"):
        as_examples(twice)
    with pytest.raises(ConfigError, match="it returned no example, expected at least one"):
        as_examples([])


def test_each_example_is_checked_and_the_wrong_one_is_named() -> None:
    fine, wrong = Example(subject=Identity((3, 2)), name="fine"), Example(subject=Scaled((5, 1)), name="wrong")
    report = check([fine, wrong])
    assert {(r.example, r.outcome) for r in report.results if r.check == "adjoint"} == {
        ("fine", Outcome.NOT_REFUTED),
        ("wrong", Outcome.REFUTED),
    }
    assert any("example wrong" in line for line in str(report).splitlines())
    rows = json.loads(json.dumps(report.as_dict(), allow_nan=False))["results"]
    row = next(row for row in rows if row["check"] == "adjoint" and row["example"] == "wrong")
    assert row["counterexample"]["x"] == {"shape": [1, 1, 5, 1], "dtype": "float32"}
    assert row["seed"] == 0


class Clamp(Denoiser):
    def __init__(self, basis) -> None:
        super().__init__()
        self.basis = basis

    def forward(self, x, noise_std=None):
        return x.clamp(0, 1)

    def claims(self):
        return (Claim(property="nonexpansive", basis=self.basis, evidence="its slopes are 0 and 1"),)


@pytest.mark.parametrize("basis", [BY_CONSTRUCTION, CERTIFIED])
def test_a_claim_that_is_proved_and_was_measured_shows_both(basis) -> None:
    report = check(Clamp(basis), space=Space((1, 4, 3), torch.float64))
    result = next(r for r in report.results if r.check == "nonexpansive")
    assert result.outcome is Outcome.NOT_REFUTED
    assert result.verdict == f"not refuted; {basis.label}"
    line = next(line for line in str(report).splitlines() if "nonexpansive" in line)
    assert f"not refuted; {basis.label}" in line
    assert "its slopes are 0 and 1" in line
    assert result.as_dict()["stated"]["basis"] == basis.label
