"""Nonlinear operators whose settings were learned, or stand where nobody looked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from invkit.claims import BY_CONSTRUCTION, Basis, find_claim
from invkit.operators import Dense, GradientFlowStep, Log, Pointwise, Space
from invkit.operators.moving import tensors_of
from invkit.operators.nonlinear.activations import Activation, LeakyReLU, Softplus


def contractions(step: GradientFlowStep) -> set[str]:
    return {claim.property for claim in step.claims()} & {"nonexpansive", "averaged"}


@pytest.mark.parametrize(
    ("activation", "bad"), [(LeakyReLU, -3.0), (LeakyReLU, 1.5), (LeakyReLU, torch.nan), (Softplus, -1.0)]
)
def test_a_learned_slope_out_of_range_leaves_no_contraction(activation, bad):
    learned = torch.nn.Parameter(torch.tensor(0.2, dtype=torch.float64))
    step = GradientFlowStep(Dense(torch.eye(2, dtype=torch.float64)), step_size=1.9, activation=activation(learned))
    assert contractions(step) == {"nonexpansive", "averaged"}
    with torch.no_grad():
        learned.fill_(bad)
    assert not contractions(step)
    assert step.ratio() == torch.inf


@dataclass(frozen=True)
class Steep(Activation):
    """slope * z, which says that its slopes are at most 1."""

    slopes: list[Tensor]
    basis: ClassVar[Basis] = BY_CONSTRUCTION

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return self.slopes[0] * z

    def slope(self, z: Tensor) -> Tensor:
        return self.slopes[0].expand_as(z)


def test_the_slopes_of_an_activation_of_another_author_are_looked_at_again() -> None:
    slope = torch.tensor(1.0, dtype=torch.float64)
    step = GradientFlowStep(Dense(torch.eye(2, dtype=torch.float64)), step_size=1.0, activation=Steep([slope]))
    assert contractions(step)
    slope.fill_(5.0)
    assert not contractions(step)


@dataclass(frozen=True, eq=False, repr=False)
class Gains(Pointwise):
    """A gain for each pixel, in a list."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION
    gains: list[Tensor] = field(default_factory=list)

    def _forward(self, x: Tensor) -> Tensor:
        return x * torch.stack(self.gains)

    def _slope(self, x: Tensor) -> Tensor:
        return torch.stack(self.gains).expand_as(x)


def test_gains_in_a_list_are_found_and_nothing_is_said_to_commute_with_permutations() -> None:
    gains = [torch.tensor(float(i), dtype=torch.float64) for i in range(3)]
    operator = Gains(Space((1, 3), torch.float64), gains)
    assert find_claim(operator.claims(), "equivariant") is None
    assert [id(tensor) for tensor in tensors_of(operator)] == [id(gain) for gain in gains]
    assert {tensor.dtype for tensor in tensors_of(operator.to(dtype=torch.float32))} == {torch.float32}
    assert [t.item() for t in tensors_of({"a": [gains[1]], "b": {"c": (gains[2],)}})] == [1, 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("floor", [1.1e-3, 3e-5, 7.7e-9, 1e-12, 0.3, 1e-45])
def test_no_slope_of_a_logarithm_is_above_the_stated_one(dtype, floor):
    operator = Log(Space((1,), dtype), floor)
    claim = find_claim(operator.claims(), "lipschitz")
    assert claim is not None
    near = torch.tensor([floor], dtype=dtype)
    around = [near, torch.nextafter(near, near + 1), torch.nextafter(near, near - 1), near * 2]
    slopes = [float(operator.jvp(x[None], torch.ones_like(x)[None])) for x in around]
    assert max(slopes) <= claim.params["constant"]
