from __future__ import annotations

import pytest
import torch

from invkit.functionals import Functional, regularisers
from invkit.operators import Space


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("l1", 7.0),
        ("smoothed_l1", 7.0 - 2 * 1e-2 / 3),
        ("group_l1", 5.0),
        ("nuclear_norm", 5.0),
        ("squared_l2", 12.5),
        ("nonnegativity", float("inf")),
        ("simplex", float("inf")),
        ("total_variation", 0.0),
    ],
)
def test_each_factory_builds_its_functional_of_the_domain(name: str, want: float) -> None:
    functional = getattr(regularisers, name)(Space((2, 1, 1), torch.float64))
    assert isinstance(functional, Functional)
    x = torch.tensor([3.0, -4.0], dtype=torch.float64).reshape(1, 2, 1, 1)
    assert functional.value(x).item() == pytest.approx(want, rel=1e-14)
    if name != "total_variation":
        assert functional.value(2 * x).item() != want or want == float("inf")  # a constant is rejected


def test_every_public_name_is_a_factory() -> None:
    needed = {"directional_tv": {"reference": torch.tensor([[0.0, 1.0], [1.0, 1.0]])}}
    for name in regularisers.__all__:
        assert isinstance(getattr(regularisers, name)(Space((1, 2, 2)), **needed.get(name, {})), Functional)
