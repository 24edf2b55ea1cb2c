"""What could not be measured is skipped, and never counts as not refuted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from invkit.functionals import Functional
from invkit.measures import Measurement
from invkit.operators import Identity, Space
from invkit.testing import Check, Outcome, check


@dataclass(frozen=True, eq=False, repr=False)
class Nowhere(Functional):
    """Infinite at every image of a check."""

    def _value(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), torch.inf, dtype=x.dtype)

    def convexity(self) -> float:
        return 0.0


def test_convexity_of_what_is_infinite_everywhere_is_skipped() -> None:
    report = check(Nowhere(), space=Space((1, 5, 4), torch.float64))
    (row,) = (result for result in report.results if result.check == "convexity")
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "nothing could be measured: no trial of it was possible")


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (Measurement(0.0, 1.0, 0), Outcome.SKIPPED),
        (Measurement(5.0, math.inf, 3), Outcome.SKIPPED),
        (Measurement(math.nan, math.inf, 3), Outcome.REFUTED),
        (Measurement(5.0, 1.0, 3), Outcome.REFUTED),
        (Measurement(0.5, 1.0, 3), Outcome.NOT_REFUTED),
    ],
)
def test_no_trials_and_no_bound_are_skipped(found: Measurement, outcome: Outcome) -> None:
    one = Check(name="one", kinds=("operator",), measure=lambda example, context: found)
    (row,) = (result for result in check(Identity((5, 4)), checks=[one]).results if result.check == "one")
    assert row.outcome is outcome
