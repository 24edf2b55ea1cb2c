"""Lemma 2.3.1 on maps that are composed, and the map that breaks the chain named."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.operators import Blur, Diagonal, FiniteDifference, Fourier, Softplus, Space, group, inpainting

NAME = "composition-equivariant"
BLUR = Blur(torch.ones(3, 3, dtype=torch.float64) / 9, (6, 6))
RELU_LIKE = Softplus(BLUR.codomain)
MASK = inpainting(torch.ones(6, 6, dtype=torch.float64).tril())


def test_a_blur_and_a_pointwise_map_commute_with_what_both_do() -> None:
    whole = RELU_LIKE @ BLUR
    node = explain(whole).theorem(NAME)
    assert node.holds
    assert node.basis is BY_CONSTRUCTION
    assert node.claim is not None
    assert node.claim.params["group"] == "D4 + translations"
    x = torch.randn(1, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for seed in range(10):
        g = group("D4 + translations").sample((6, 6), generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(whole(g.act(x)), g.act(whole(x)), rtol=1e-12, atol=1e-12)


def test_the_map_that_breaks_the_chain_is_named_with_its_place() -> None:
    node = explain(RELU_LIKE @ MASK @ BLUR).theorem(NAME)
    assert not node.holds
    (failing,) = node.failing
    assert failing.statement.startswith("map 2, Diagonal")
    assert failing.remedy


def test_the_same_map_twice_is_two_maps() -> None:
    node = explain(BLUR @ BLUR).theorem(NAME)
    assert node.claim is not None
    assert node.claim.params["group"] == "D4 + translations"
    assert len(node.children) == 2


def test_values_that_move_otherwise_than_images_are_not_concluded_about() -> None:
    differences = FiniteDifference((6, 6), dtype=torch.float64)
    assert not explain(differences @ BLUR).theorem(NAME).holds  # signs and places change: no motion of images
    periodic = FiniteDifference((6, 6), boundary="periodic", dtype=torch.float64)
    node = explain(periodic @ BLUR).theorem(NAME)
    assert node.claim is not None
    assert node.claim.params["group"] == "translations"
    fourier = Fourier((6, 6), dtype=torch.complex128)
    scaled = Diagonal(torch.tensor(2.0, dtype=torch.float64), (1, 6, 6), torch.complex128)
    assert not explain(fourier @ scaled).theorem(NAME).holds  # a shift has become a phase


@dataclass(frozen=True, eq=False, repr=False)
class TheirBlur(Blur):
    """A class of another package."""


def test_it_is_no_stronger_than_its_maps() -> None:
    theirs = TheirBlur(BLUR.kernel, (6, 6))
    assert explain(RELU_LIKE @ theirs).theorem(NAME).basis is ASSUMED


def test_a_map_that_stands_alone_is_no_composition() -> None:
    assert NAME not in {node.rule for node in explain(BLUR).walk()}
    assert not explain(Softplus(Space((4,))) @ Softplus(Space((4,)))).theorem(NAME).holds
