"""What is put between a module and its call makes all that it states an assumption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from torch.nn.modules import module as every_module
from torch.nn.utils import parametrize

from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis, Claim
from invkit.functionals.regularisers import l1, squared_l2
from invkit.guarantees import Node, missing
from invkit.models import (
    ClippedDenoiser,
    Denoiser,
    GaussianFilter,
    PlugAndPlay,
    Reconstructor,
    Tikhonov,
    TruncatedSVD,
    Variational,
)
from invkit.models.base import basis_of_model
from invkit.models.denoiser import basis_of_denoiser, known_claims
from invkit.operators import Identity
from invkit.solvers import ConjugateGradient

A = Identity((4, 4), dtype=torch.float64)
MODELS: dict[str, Callable[[], Reconstructor]] = {
    "tikhonov": lambda: Tikhonov(0.1),
    "truncated": lambda: TruncatedSVD(rank=2),
    "variational": lambda: Variational(squared_l2, 0.1, solver=ConjugateGradient()),
    "plug and play": lambda: PlugAndPlay(ClippedDenoiser(GaussianFilter(1.0))),
}
HOOKS: dict[str, Callable[[nn.Module], Any]] = {
    "after": lambda m: m.register_forward_hook(lambda module, args, out: 1e3 * out),
    "before": lambda m: m.register_forward_pre_hook(lambda module, args: args),
    "forward": lambda m: setattr(m, "forward", lambda *args: 1e3 * args[0]),
}


def strongest(tree: Node) -> Basis:
    return max(node.basis for node in tree.children if node.basis is not None)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_with_a_hook_is_only_assumed(name: str, hook: str) -> None:
    model = MODELS[name]()
    assert strongest(explain(model, A)) >= CERTIFIED
    HOOKS[hook](model)
    tree = explain(model, A)
    assert strongest(tree) is ASSUMED
    assert missing(tree, ["linear", "lipschitz", "convergent", "stable"]) == [
        "linear",
        "lipschitz",
        "convergent",
        "stable",
    ]
    between = "another forward" if hook == "forward" else "a hook"
    assert any(between in node.how and node.remedy.startswith(f"remove {between}") for node in tree.walk())


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_on_a_denoiser_inside_reaches_the_method(hook: str) -> None:
    model = PlugAndPlay(ClippedDenoiser(GaussianFilter(1.0)))
    assert missing(explain(model, A), ["convergent"]) == []
    HOOKS[hook](model.denoiser.denoiser)
    assert missing(explain(model, A), ["convergent"]) == ["convergent"]


class Halved(Denoiser):
    """Half of what a layer returns, firmly nonexpansive as its author made the layer."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x, noise_std=None):
        return 0.5 * self.layer(x)

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="firmly_nonexpansive", basis=BY_CONSTRUCTION),)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_on_a_layer_counts(hook: str) -> None:
    denoiser = Halved(nn.Sequential(nn.Identity()))
    assert known_claims(denoiser)[0].basis is BY_CONSTRUCTION
    HOOKS[hook](denoiser.layer[0])
    assert known_claims(denoiser)[0].basis is ASSUMED
    assert known_claims(ClippedDenoiser(denoiser))[0].basis is ASSUMED


def test_a_hook_on_all_modules_counts_while_it_is_there() -> None:
    handle = every_module.register_module_forward_hook(lambda module, args, out: out)
    try:
        assert basis_of_model(Tikhonov(0.1)) is ASSUMED
        assert basis_of_denoiser(GaussianFilter(1.0)) is ASSUMED
    finally:
        handle.remove()
    assert basis_of_model(Tikhonov(0.1)) is BY_CONSTRUCTION


class Louder(nn.Module):
    def forward(self, weight):
        return 50 * weight


class Quieter(nn.Module):
    """A parametrisation that states that it keeps what the layer is."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def forward(self, weight):
        return weight.clamp(-0.1, 0.1)


def test_a_parametrisation_counts_as_its_class_states() -> None:
    layer = nn.Linear(4, 4)
    denoiser = Halved(layer)
    parametrize.register_parametrization(layer, "weight", Quieter())
    assert basis_of_denoiser(denoiser) is BY_CONSTRUCTION
    parametrize.register_parametrization(layer, "weight", Louder())
    assert basis_of_denoiser(denoiser) is ASSUMED


def test_hooks_of_gradients_and_other_attributes_change_no_call() -> None:
    model = Variational(l1, 0.1)
    model.register_full_backward_hook(lambda module, before, after: None)
    model.name = "mine"
    assert basis_of_model(model) is BY_CONSTRUCTION
