"""What a tree gives of what is required: conclusions about the method, and about minimisers where it finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.errors import GuaranteeError
from invkit.functionals import L1, Functional, SquaredL2, least_squares
from invkit.functionals.regularisers import squared_l2
from invkit.guarantees import missing, require
from invkit.guarantees.rule import THE_MINIMISER
from invkit.models import Variational
from invkit.operators import Dense, Space
from invkit.solvers import (
    FISTA,
    PDHG,
    ConjugateGradient,
    GradientDescent,
    LinearisedBregman,
    Solver,
)

A = Dense(torch.randn((7, 5), dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
BOTH = ["stable", "lipschitz"]


def elastic(space: Space) -> Functional:
    return L1() + 0.5 * SquaredL2()


class Drifting(GradientDescent):
    """Goes somewhere."""


@pytest.mark.parametrize("solver", [FISTA(), PDHG()])
def test_what_holds_of_the_minimiser_holds_of_a_method_that_converges_to_it(solver: Any) -> None:
    tree = explain(Variational(elastic, 0.2, solver=solver), A)
    assert missing(tree, [*BOTH, "convergent"]) == []
    require(tree, BOTH)


DIVERGING: dict[str, Callable[[], Solver[Any, Any]]] = {
    "step too long": lambda: GradientDescent(step_size=1e3),
    "no theorem": Drifting,
}


@pytest.mark.parametrize("name", DIVERGING)
def test_a_method_that_is_not_known_to_find_the_minimiser_has_none_of_its_properties(name: str) -> None:
    tree = explain(Variational(squared_l2, 0.2, solver=DIVERGING[name]()), A)
    for rule in ("variational-stability", "variational-lipschitz"):
        node = tree.theorem(rule)
        assert node.holds  # of the minimiser, whoever finds it
        assert node.basis >= BY_CONSTRUCTION - 1
        assert node.part == THE_MINIMISER
    assert missing(tree, BOTH) == BOTH
    with pytest.raises(GuaranteeError, match="It holds of the minimiser, to which no theorem takes this method") as why:
        require(tree, ["stable"])
    wanted = "(0, 2/L) (value 1000" if name == "step too long" else "no theorem is registered for Drifting"
    assert wanted in str(why.value)


def test_convergence_on_a_weaker_basis_takes_nothing_to_the_method() -> None:
    tree = explain(Variational(squared_l2, 0.2, solver=ConjugateGradient()), A)
    assert missing(tree, BOTH) == []
    model = Variational(squared_l2, 0.2, solver=ConjugateGradient())
    model.solve = lambda *args, **settings: None  # type: ignore[method-assign]
    weak = explain(model, A)
    assert missing(weak, BOTH) == BOTH
    assert missing(weak, BOTH, at_least=ASSUMED) == []


def test_the_minimiser_of_another_objective_is_not_the_one_that_is_spoken_of() -> None:
    tree = explain(Variational(squared_l2, 0.2, solver=LinearisedBregman()), A)
    assert [node.claim.params["to"] for node in tree.children if node.concludes == "convergent" and node.holds]
    assert missing(tree, BOTH) == BOTH


def test_what_an_objective_claims_is_no_guarantee_of_the_method() -> None:
    objective = least_squares(A, A.codomain.zeros()) + 0.3 * L1()
    tree = explain(objective, solver=FISTA())
    said = {node.claim.property: node.part for node in tree.children if node.claim is not None and not node.rule}
    assert said["convex"] == "the objective"
    assert missing(tree, ["convergent", "convex"]) == ["convex"]
    with pytest.raises(GuaranteeError, match="No theorem concludes it"):
        require(tree, ["convex"])
    assert missing(explain(objective), ["convex"]) == []  # of the objective alone it is what was asked for
