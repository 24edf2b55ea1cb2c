"""Proposition 2.4.1 against minimisers of turned data that another program finds."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy
import numpy as np
import pytest
import torch

from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import Box, Functional, GroupL1, SquaredL2, least_squares, tgv, total_variation
from invkit.functionals.regularisers import h1, l1
from invkit.models import ProximalDenoiser, Variational
from invkit.operators import Identity, Space, inpainting

NAME = "invariant-functional-equivariant-prox"
SPACE = Space((1, 5, 5), torch.float64)
V = np.random.default_rng(0).standard_normal((5, 5))


def denoised(v: np.ndarray, *, isotropic: bool) -> np.ndarray:
    """argmin 0.4 TV(x) + 0.5 |x - v|^2 with forward differences, zero at the end of each axis."""
    x = cvxpy.Variable(v.shape)
    n = v.shape[0]
    forward = np.diff(np.eye(n), axis=0, append=0.0) * (np.arange(n) < n - 1)[:, None]
    down, right = forward @ x, x @ forward.T
    steps = cvxpy.vstack([cvxpy.vec(down, order="C"), cvxpy.vec(right, order="C")])
    tv = cvxpy.sum(cvxpy.norm(steps, 2 if isotropic else 1, axis=0))
    problem = cvxpy.Problem(cvxpy.Minimize(0.4 * tv + 0.5 * cvxpy.sum_squares(x - v)))
    problem.solve(solver=cvxpy.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert x.value is not None
    return x.value


def broken(isotropic: bool) -> float:
    """How far the minimisers of the turned and of the mirrored data are from the moved minimiser."""
    still = denoised(V, isotropic=isotropic)
    motions = (np.rot90, lambda v: np.flip(v, 0), lambda v: np.rot90(v, 2))
    return max(np.abs(denoised(g(V).copy(), isotropic=isotropic) - g(still)).max() for g in motions)


def test_where_the_rule_holds_minimisers_turn_with_the_data_and_where_it_does_not_they_do_not() -> None:
    holds = explain(total_variation(SPACE, isotropic=False)).theorem(NAME)
    assert holds.holds
    assert holds.claim is not None
    assert holds.claim.params["group"] == "D4"
    assert holds.basis is BY_CONSTRUCTION
    assert holds.part == "the proximal map of R"
    assert broken(isotropic=False) < 1e-6
    fails = explain(total_variation(SPACE)).theorem(NAME)
    assert not fails.holds
    assert "isotropic=False" in fails.failing[0].remedy
    assert broken(isotropic=True) > 1e-2


def test_the_proximal_map_that_it_speaks_of_is_that_of_the_code() -> None:
    v = torch.randn(2, 2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shuffle = torch.randperm(25, generator=torch.Generator().manual_seed(1))
    for functional in (GroupL1((0,)), Box(-0.5, 0.5), 0.3 * SquaredL2(), GroupL1(())):
        node = explain(functional).theorem(NAME)
        assert node.holds
        assert node.claim is not None
        assert node.claim.params["group"] == "permutations"
        moved = functional.prox(v.flatten(2)[..., shuffle].unflatten(2, (5, 5)), 0.7)
        assert torch.equal(moved, functional.prox(v, 0.7).flatten(2)[..., shuffle].unflatten(2, (5, 5)))


def test_it_speaks_of_the_regulariser_of_a_model_whatever_the_operator() -> None:
    mask = inpainting(torch.ones(5, 5, dtype=torch.float64).tril())
    node = explain(Variational(lambda s: h1(s, boundary="periodic"), nonnegative=True), mask).theorem(NAME)
    assert node.holds
    assert node.claim is not None
    assert node.claim.params["group"] == "D4 + translations"
    assert not explain(Variational(total_variation), mask).theorem(NAME).holds


def test_several_groups_are_one_that_they_generate() -> None:
    functional = total_variation(SPACE, isotropic=False, boundary="periodic")
    node = explain(functional).theorem(NAME)
    assert node.claim is not None
    assert node.claim.params["group"] == "D4 + translations"


@dataclass(frozen=True, eq=False, repr=False)
class Silent(GroupL1):
    """A class of another package."""

    axes: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Concave(Functional):
    """Invariant, but its proximal map may have several values."""

    def _value(self, x):
        return -x.square().flatten(1).sum(1)

    def is_invariant(self, action):
        return True


def test_it_is_no_stronger_than_its_parts_and_names_what_fails() -> None:
    assert explain(Silent()).theorem(NAME).basis is ASSUMED
    convex = explain(Concave()).theorem(NAME)
    assert not convex.holds
    assert "convex" in convex.failing[0].statement
    data = explain(least_squares(Identity((5, 5), 1, torch.float64), torch.ones(1, 1, 5, 5).double())).theorem(NAME)
    assert not data.holds
    assert not explain(tgv(SPACE)).theorem(NAME).holds
    assert explain(Box(1.0, 2.0) + Box(3.0, 4.0)).theorem(NAME).basis is ASSUMED


def look_at_the_space(space: Space) -> Functional:
    return l1(space) if space.shape[-1] == 4 else GroupL1((1,))


def test_of_a_denoiser_it_holds_for_all_images_only_if_its_regulariser_is_one_formula() -> None:
    known, assumed = ProximalDenoiser(l1, 0.1), ProximalDenoiser(look_at_the_space, 0.1)
    assert explain(known).theorem(NAME).basis is BY_CONSTRUCTION
    assert explain(assumed).theorem(NAME).basis is ASSUMED
    claims = [claim for claim in assumed.claims() if claim.property == "equivariant"]
    assert [claim.basis for claim in claims] == [ASSUMED]
    assert NAME not in {node.rule for node in explain(ProximalDenoiser(total_variation, 0.1)).walk()}


def test_a_phase_is_no_motion() -> None:
    complex_ = Space((1, 5, 5), torch.complex128)
    assert total_variation(complex_).invariances() == ("U1",)
    assert not explain(total_variation(complex_)).theorem(NAME).holds


@pytest.mark.parametrize("shape", [(1, 4, 5), (1, 5)])
def test_on_what_is_no_square_nothing_turns(shape: tuple[int, ...]) -> None:
    node = explain(h1(Space(shape))).theorem(NAME)
    assert node.claim is not None
    assert node.claim.params["group"] == "flips"
