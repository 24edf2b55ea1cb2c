"""The two theorems about steps along a gradient flow: where they hold, fail, and what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

import invkit
from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis
from invkit.guarantees import Node
from invkit.operators import Dense, GradientFlowStep
from invkit.operators.nonlinear.activations import Activation
from invkit.operators.nonlinear.gradient_flow_step import largest_step_size

A = Dense(torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
NORM = A.norm().upper ** 2


def contractive(step: GradientFlowStep) -> Node:
    return invkit.explain(step).theorem("circle-contractivity")


def layer(step: GradientFlowStep) -> Node:
    return invkit.explain(step).theorem("gradient-flow-layer-averaged")


def failing(node: Node) -> list[str]:
    assert not node.holds
    assert all(child.remedy for child in node.children if not child.holds)
    return [child.statement for child in node.children if not child.holds]


@pytest.mark.parametrize("name", ["euler", "heun", "kutta3", "ssprk3", "rk4"])
def test_the_limit_holds_and_what_is_beyond_it_does_not(name: str) -> None:
    size = largest_step_size(A, "softplus", name)
    node = contractive(GradientFlowStep(A, None, size, "softplus", name))
    assert node.holds
    assert node.basis is CERTIFIED  # the norm of A is computed
    assert node.value == (0.5 if name == "kutta3" else 1.0)
    assert not contractive(GradientFlowStep(A, None, size * (1 + 1e-6), "softplus", name)).holds


def test_a_step_that_is_too_long_is_told_how_long_it_may_be() -> None:
    step = GradientFlowStep(A, None, 5.1 / NORM, "relu", "kutta3")
    node = contractive(step)
    (short,) = [child for child in node.children if not child.holds]
    assert short.value == pytest.approx(5.1)
    assert short.bound == 1.0
    below, steps = re.fullmatch(r"lower step_size below (\S+), or take num_steps = (\d+)", short.remedy).groups()
    assert float(below) == pytest.approx(1.0 / NORM, rel=1e-4)
    assert int(steps) == 6
    assert contractive(GradientFlowStep(A, None, 5.1 / NORM, "relu", "kutta3", num_steps=6)).holds
    assert not contractive(GradientFlowStep(A, None, 5.1 / NORM, "relu", "kutta3", num_steps=5)).holds


def test_a_method_without_a_disk_fails_whatever_the_step() -> None:
    missing = failing(contractive(GradientFlowStep(A, None, 1e-9, "relu", "explicit-midpoint")))
    assert "is r-circle contractive for an r > 0" in missing[0]


def test_the_layer_is_averaged_with_half_the_ratio() -> None:
    node = layer(GradientFlowStep(A, None, 0.8 / NORM))
    assert node.claim.params["alpha"] == pytest.approx(0.4)
    assert node.basis is CERTIFIED


def test_a_layer_at_the_limit_is_nonexpansive_and_not_averaged() -> None:
    step = GradientFlowStep(Dense(torch.ones(1, 1, dtype=torch.float64)), None, 2.0 / (1 + 1e-13))
    assert contractive(step).holds
    beyond = GradientFlowStep(Dense(torch.ones(1, 1, dtype=torch.float64)), None, 2.0)
    assert failing(layer(beyond)) == ["h L |A|^2 <= 2 alpha for an alpha in (0, 1)"]


def test_a_method_of_higher_order_is_no_layer() -> None:
    assert failing(layer(GradientFlowStep(A, None, 0.5 / NORM, "relu", "heun"))) == [
        "the method is Euler's: x - h A* sigma(A x + b)"
    ]


def test_a_learned_step_that_became_negative_fails() -> None:
    size = torch.tensor(0.1)
    step = GradientFlowStep(A, None, size)
    size.neg_()
    assert failing(contractive(step)) == ["h L |A|^2 <= 2"]
    assert not layer(step).holds


@dataclass(frozen=True)
class Third(Activation):
    """z / 3."""

    @property
    def largest_slope(self) -> float:
        return 1 / 3

    def value(self, z: Tensor) -> Tensor:
        return z / 3

    def slope(self, z: Tensor) -> Tensor:
        return torch.full_like(z, 1 / 3)


@dataclass(frozen=True)
class StatedThird(Third):
    basis: ClassVar[Basis] = BY_CONSTRUCTION


def test_an_activation_from_outside_weakens_the_conclusion_unless_it_states_a_basis() -> None:
    size = largest_step_size(A, Third())
    assert size == pytest.approx(6 / NORM)
    assert contractive(GradientFlowStep(A, None, size, Third())).basis is ASSUMED
    assert contractive(GradientFlowStep(A, None, size, StatedThird())).basis is CERTIFIED


class Other(GradientFlowStep):
    """May step otherwise."""


def test_the_theorems_do_not_speak_of_a_subclass() -> None:
    assert not {node.rule for node in invkit.explain(Other(A)).walk()} & {
        "circle-contractivity",
        "gradient-flow-layer-averaged",
    }
