"""Block Kaczmarz: the nearest common solution in any order, and no step away from one."""

from __future__ import annotations

import itertools

import pytest
import torch
from rule_applications import apply, failing, iterates, noise

from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import Functional, least_squares, weighted_least_squares
from invkit.guarantees import Setting
from invkit.guarantees.theorems.subsets.kaczmarz import KACZMARZ, KACZMARZ_FEJER
from invkit.operators import Dense
from invkit.solvers import Kaczmarz

BLOCKS = [Dense(noise(rows, 30, seed=seed)) for seed, rows in enumerate((2, 1, 3))]
STACKED = torch.cat([block.matrix for block in BLOCKS])


def consistent(images: torch.Tensor) -> Functional:
    first, second, third = BLOCKS
    weights = torch.tensor([2.0, 0.3, 1.0], dtype=torch.float64)
    return (
        0.0 * least_squares(first, first.forward(images))  # the weights of the terms do not matter, not even 0
        + 4.0 * least_squares(second, second.forward(images))
        + weighted_least_squares(third, third.forward(images), weights)
    )


@pytest.mark.parametrize("relaxation", [0.3, 1.0, 1.9])
@pytest.mark.parametrize("order", ["cyclic", "random"])
def test_the_limit_is_the_common_solution_nearest_to_the_start(relaxation: float, order: str) -> None:
    truth, start = noise(2, 30, seed=5), noise(2, 30, seed=6)
    solver = Kaczmarz(relaxation=relaxation, order=order)
    node = apply(KACZMARZ, consistent(truth), solver)
    assert node.holds
    assert node.basis is ASSUMED  # nothing says that the data are consistent
    nearest = start + (truth - start) @ STACKED.mT @ torch.linalg.pinv(STACKED).mT
    images = iterates(consistent(truth), solver, start, 600)
    assert torch.allclose(images[-1], nearest, atol=1e-6)
    assert apply(KACZMARZ_FEJER, consistent(truth), solver).holds
    for solution in (truth, nearest, nearest + 3 * torch.linalg.svd(STACKED).Vh[-1]):
        distances = [(x - solution).norm(dim=1) for x in images]
        assert all(bool((b <= a + 1e-12).all()) for a, b in itertools.pairwise(distances))


def test_one_block_alone_needs_no_solution_of_its_equations() -> None:
    tall, y, start = Dense(noise(8, 9)[:, :4].contiguous()), noise(1, 8, seed=7), noise(1, 4, seed=8)
    node = apply(KACZMARZ, least_squares(tall, y), Kaczmarz())
    assert node.basis is CERTIFIED
    assert node.claim.params["to"] == "the least-squares solution nearest to the start"
    found = iterates(least_squares(tall, y), Kaczmarz(), start, 3000)[-1]
    assert torch.allclose(found, y @ torch.linalg.pinv(tall.matrix).mT, atol=1e-8)


def test_inconsistent_equations_end_elsewhere_which_is_why_consistency_is_a_premise() -> None:
    column = Dense(torch.ones(1, 1, dtype=torch.float64))
    one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    objective = least_squares(column, one) + least_squares(column, zero)
    node = apply(KACZMARZ, objective, Kaczmarz())
    assert node.basis is ASSUMED
    assert float(iterates(objective, Kaczmarz(), None, 50)[-1]) == pytest.approx(0.0)  # the last equation, not 0.5


def test_a_subclass_is_not_covered_and_negative_weights_fail() -> None:
    class Other(Kaczmarz):
        """Not this one."""

    objective = consistent(noise(1, 30))
    assert not KACZMARZ.about(Setting(subject=objective, solver=Other(), problem=Other().prepare(objective)))
    weights = torch.ones(2, dtype=torch.float64)
    learned = weighted_least_squares(BLOCKS[0], noise(1, 2), weights)
    weights[0] = -1.0
    assert failing(apply(KACZMARZ, learned, Kaczmarz()))[0].remedy == "use weights >= 0"
