"""The theorem of this plugin: its bound holds where the iteration ends, and it says where it does not apply."""

from __future__ import annotations

import invkit
import pytest
import torch
from invkit.guarantees import Node
from invkit.models import GaussianFilter, PlugAndPlay, Stopping
from invkit.operators import Blur

from invkit_cycle_spinning.denoiser import CycleSpinning

#: |A| = 1.6 and the smallest singular value is 0.8, so that fixed points are reached in a few steps.
A = Blur(torch.tensor([[0.2, 1.2, 0.2]], dtype=torch.float64), (8, 12))
Y = torch.randn(2, 1, 8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def theorem(model: PlugAndPlay) -> Node:
    return invkit.explain(model, A).theorem("data-residual")


@pytest.mark.parametrize(
    "settings", [{}, {"step_size": 0.2}, {"noise_std": 0.05}, {"relaxation": 0.7}], ids=lambda settings: str(settings)
)
def test_a_fixed_point_keeps_the_bound_and_comes_near_it(settings: dict[str, float]) -> None:
    model = PlugAndPlay(CycleSpinning(0.02), stopping=Stopping(rtol=1e-10), **settings)
    node = theorem(model)
    assert node.holds
    assert node.value is not None
    solution = model.solve(Y, A)
    assert solution.converged
    gradient = A.adjoint(A.forward(solution.x) - Y).flatten(1).norm(dim=1)
    assert (gradient <= node.value * (1 + 1e-6)).all()
    assert (gradient >= 0.05 * node.value).all()


def test_it_stands_in_the_tree_beside_the_theorem_of_invkit() -> None:
    tree = invkit.explain(PlugAndPlay(CycleSpinning(0.02)), A)
    assert tree.holds
    assert tree.theorem("krasnoselskii-mann").holds
    assert "at a fixed point |A*(A x - y)| <=" in tree.render_text()


def test_another_algorithm_fails_the_premise_that_it_should() -> None:
    node = theorem(PlugAndPlay(CycleSpinning(0.02), algorithm="douglas-rachford"))
    assert not node.holds
    assert [premise.remedy for premise in node.failing] == ['set algorithm = "proximal-gradient"']


def test_it_says_nothing_of_another_denoiser_nor_of_a_class_derived_from_this_one() -> None:
    class Derived(CycleSpinning):
        pass

    for denoiser in (GaussianFilter(1.0), Derived(0.02)):
        tree = invkit.explain(PlugAndPlay(denoiser), A)
        assert not [node for node in tree.walk() if node.rule == "data-residual"]
