"""Functions that see nothing but their arguments, and those of which that is not known."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch

import invkit.functionals
from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import L1, SquaredL2, total_variation
from invkit.functionals.regularisers import l1
from invkit.guarantees.pure_functions import sees_only_its_arguments
from invkit.models import Variational
from invkit.operators import Dense

WEIGHT = 0.5
SEEN: list[torch.Tensor] = []
Y = torch.ones(1, 5, dtype=torch.float64)


def scaled(mu: float) -> Callable[[Any], Any]:
    return lambda space: L1() + mu * SquaredL2()


def around(y: torch.Tensor) -> Callable[[Any], Any]:
    return lambda space: SquaredL2(y)


def remembering(space):
    SEEN.append(space)
    return L1()


def importing(space):
    import random

    return random.random() * L1()


def counting(space):
    global WEIGHT  # noqa: PLW0603
    WEIGHT = WEIGHT + 1
    return WEIGHT * L1()


def nested(space):
    return (lambda mu: mu * L1())(2)


class Built:
    def __call__(self, space):
        return L1()


PURE = {
    "of the core": l1,
    "with settings": functools.partial(total_variation, isotropic=False),
    "a class of the core": L1,
    "a sum": lambda space: total_variation(space) + 1e-2 * SquaredL2(),
    "a number from outside": lambda space: WEIGHT * L1(),
    "a number of a closure": scaled(0.3),
    "a module of the core": lambda space: invkit.functionals.L1() if space.shape[-1] > max(1, 2) else SquaredL2(),
    "a default": lambda space, mu=0.1: mu * L1(),
}
OTHER = {
    "a tensor of a closure": around(Y),
    "a tensor from outside": lambda space: SquaredL2(Y),
    "a default tensor": lambda space, y=Y: SquaredL2(y),
    "a keyword tensor": lambda space, *, y=Y: SquaredL2(y),
    "a function from elsewhere": lambda space: 2 * remembering(space),
    "a list": remembering,
    "an import": importing,
    "a global that is written": counting,
    "a function inside": nested,
    "an object": Built(),
    "a builtin that may do anything": lambda space: eval("L1()"),
    "part of one": functools.partial(remembering),
    "another module": lambda space: float(torch.rand(())) * L1(),
}


@pytest.mark.parametrize("name", PURE)
def test_functions_written_of_the_core_and_numbers_are_known(name: str) -> None:
    assert sees_only_its_arguments(PURE[name])


@pytest.mark.parametrize("name", OTHER)
def test_of_others_it_is_not_known(name: str) -> None:
    assert not sees_only_its_arguments(OTHER[name])


def configured(parts: list[Any]) -> Callable[[Any], Any]:
    """A function of invkit that holds others, as the configuration makes them."""

    def build(space):
        return sum(part(space) for part, _ in parts)

    build.__module__ = "invkit.experiments.anywhere"
    return build


def test_a_function_of_the_core_that_holds_others_is_as_pure_as_they_are() -> None:
    assert sees_only_its_arguments(configured([(l1, 0.1), (PURE["with settings"], None)]))
    assert not sees_only_its_arguments(configured([(l1, 0.1), (remembering, None)]))
    assert not sees_only_its_arguments(configured([(l1, 0.1), (Built(), None)]))


@pytest.mark.parametrize(
    ("regulariser", "basis"), [(scaled(0.3), BY_CONSTRUCTION), (around(Y), ASSUMED), (Built(), ASSUMED), (None, None)]
)
def test_that_y_does_not_enter_by_the_regulariser_is_assumed_of_others(regulariser, basis) -> None:
    tree = explain(Variational(regulariser, 0.2), Dense(torch.eye(5, dtype=torch.float64)))
    for rule in ("variational-stability", "variational-lipschitz"):
        node = tree.theorem(rule)
        (once,) = [child for child in node.children if "y enters nowhere else" in child.statement]
        assert once.basis is (BY_CONSTRUCTION if basis is None else basis)
        assert ("assumed of" in once.how) is (once.basis is ASSUMED)
        assert not node.holds or node.basis is ASSUMED or once.basis is BY_CONSTRUCTION
