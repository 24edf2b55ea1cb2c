from __future__ import annotations

import functools
import math

import pytest
import torch

from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.errors import GuaranteeError
from invkit.functionals import (
    L1,
    AffineSet,
    Box,
    Huber,
    L1Ball,
    Simplex,
    SquaredL2,
    huber_fit,
    kullback_leibler,
    l1_fit,
    least_squares,
    smooth_kullback_leibler,
    weighted_least_squares,
)
from invkit.guarantees import explain, missing, require
from invkit.guarantees.existence import has_minimiser, has_saddle_point
from invkit.models import IterativelyRegularised, Variational
from invkit.operators import Dense
from invkit.solvers import FISTA, MLEM, PDHG, GradientDescent, Landweber, NewtonCG

A = Dense(torch.rand(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
Y = 100 * torch.rand(1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
STATEMENT = "the constants are those of this measurement"


def square(domain):
    return SquaredL2()


SEEING = {
    "smooth-kullback-leibler": functools.partial(smooth_kullback_leibler, background=0.1),
    "weights": lambda operator, y: weighted_least_squares(operator, y, y),
}
BLIND = {"least-squares": least_squares, "huber": functools.partial(huber_fit, delta=0.5)}


@pytest.mark.parametrize("name", SEEING)
def test_constants_that_may_depend_on_the_measurement_are_assumed_without_it(name) -> None:
    model = Variational(square, 0.1, data_fidelity=SEEING[name], solver=GradientDescent())
    tree = explain(model, A)
    for wanted in ("convergent", "descent"):
        assert missing(tree, [wanted]) == [wanted]
    node = tree.theorem("gradient-descent")
    assert node.basis is ASSUMED
    (premise,) = [child for child in node.children if child.statement == STATEMENT]
    assert premise.basis is ASSUMED
    assert not missing(explain(model, A, Y), ["convergent"])


@pytest.mark.parametrize("name", BLIND)
def test_a_fidelity_that_only_moves_with_the_measurement_needs_none(name) -> None:
    model = Variational(square, 0.1, data_fidelity=BLIND[name], solver=GradientDescent())
    tree = explain(model, A)
    assert not missing(tree, ["convergent"])
    assert STATEMENT not in str(tree)


def test_a_step_size_that_the_measurement_forbids_is_not_required_in_vain() -> None:
    fidelity = SEEING["smooth-kullback-leibler"]
    model = Variational(square, 0.1, data_fidelity=fidelity, solver=GradientDescent(step_size=5.0))
    with pytest.raises(GuaranteeError, match="constants are those of this measurement.*Pass y"):
        require(explain(model, A), ["convergent"])


def test_what_a_solver_states_of_itself_counts() -> None:
    objective = least_squares(A, Y) + 0.1 * Huber(0.1)
    require(explain(objective, solver=NewtonCG()), ["descent"])
    assert missing(explain(objective, solver=PDHG()), ["descent"]) == ["descent"]


def test_what_stops_on_purpose_does_not_converge() -> None:
    stopped = explain(IterativelyRegularised(solver=Landweber(), noise_std=0.1), A)
    assert missing(stopped, ["convergent"]) == ["convergent"]
    assert not missing(stopped, ["regularising"], at_least=ASSUMED)
    with pytest.raises(GuaranteeError, match="iteration without early stopping"):
        require(stopped, ["convergent"])
    assert not missing(explain(IterativelyRegularised(solver=Landweber()), A), ["convergent"])


FINITE = least_squares(A, Y)
COMPACT = {
    "l1-ball": FINITE + L1Ball(1.0),
    "simplex": FINITE + Simplex(),
    "box away from zero": FINITE + Box(0.5, 1.0) + 0.1 * L1(),
    "smooth fit": smooth_kullback_leibler(A, Y, 0.1) + Box(0.5, 1.0),
    "weight zero": FINITE + 0.0 * Simplex(),
}
ALSO_KNOWN = {"l1 fit": l1_fit(A, Y) + 0.1 * L1(), "huber fit": huber_fit(A, Y, 1.0) + 0.1 * L1()}


@pytest.mark.parametrize("objective", [*COMPACT.values(), *ALSO_KNOWN.values()], ids=[*COMPACT, *ALSO_KNOWN])
def test_a_minimiser_and_a_saddle_point_are_known_to_exist(objective) -> None:
    assert has_minimiser(objective).basis is BY_CONSTRUCTION
    assert has_saddle_point(objective).basis is BY_CONSTRUCTION


UNKNOWN = {
    "unbounded, no recession": smooth_kullback_leibler(A, Y, 0.1) + Box(0.5, math.inf),
    "two sets that may not meet": FINITE + Simplex() + Box(0.5, 1.0),
    "a set of images of K": smooth_kullback_leibler(A, Y, 0.1) + Simplex() @ A,
    "a fit that is infinite somewhere": kullback_leibler(A, Y) + Box(-2.0, -1.0),
}


@pytest.mark.parametrize("objective", UNKNOWN.values(), ids=UNKNOWN)
def test_where_nothing_shows_it_existence_is_assumed(objective) -> None:
    assert has_minimiser(objective).basis is ASSUMED
    assert has_saddle_point(objective).basis is ASSUMED


def test_data_that_were_lost_or_sets_that_were_emptied_leave_no_minimiser() -> None:
    infinite = Y.clone()
    fits = (l1_fit(A, infinite) + 0.1 * L1(), SquaredL2(infinite[:, :4]) + 0.1 * L1())
    infinite[0, 0] = math.inf
    low, rhs, background = torch.zeros(4).double(), torch.zeros(1, 2).double(), torch.ones(()).double()
    lines = Dense(torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0]], dtype=torch.float64))
    emptied = (SquaredL2() + Box(low, torch.ones(4).double()), SquaredL2() + AffineSet(lines, rhs))
    likelihood = kullback_leibler(A, Y, background)
    low.fill_(2.0)
    rhs.copy_(torch.tensor([[0.0, 1.0]]))
    background.fill_(-2.5)
    for objective in (*fits, *emptied):
        assert not has_minimiser(objective).holds
        assert not has_saddle_point(objective).holds
    for objective in emptied:
        assert missing(explain(objective, solver=FISTA()), ["convergent"])
    likelihood.functional.background.fill_(-2.5)
    assert missing(explain(likelihood, solver=MLEM()), ["convergent", "descent"]) == ["convergent", "descent"]
