from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch
from convex_problems import PROBLEMS, noise
from theorem_runs import failing, node_of, speaks_of, squared

from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import L1, Box, Proximable, SquaredL2, least_squares, total_variation
from invkit.guarantees.theorems.splitting.admm import ADMM_CONVERGENCE, smallest_entry
from invkit.operators import Blur, Dense, Fourier
from invkit.operators.space import per_image
from invkit.solvers import ADMM, PDHG, solve
from invkit.solvers.splitting.admm import LARGEST_RANGE, LAST_CHANGE

ROF = PROBLEMS["rof"].objective()
MASK = torch.ones(6, 8)
MASK[2:4] = 0
SCAN = Fourier((6, 8), MASK, dtype=torch.complex128)
MRI = least_squares(SCAN, noise((2, 1, 6, 8), torch.complex128)) + 0.3 * total_variation(SCAN.domain)


def premise(node, statement):
    (found,) = [child for child in node.children if child.statement == statement]
    return found


X_STEP = "the errors of the x-steps are summable"


@pytest.mark.parametrize("objective", [ROF, MRI], ids=["rof", "mri"])
def test_x_steps_by_fourier_transforms_are_exact(objective) -> None:
    node = node_of(ADMM_CONVERGENCE, objective, ADMM())
    assert node.holds
    assert premise(node, X_STEP).basis is BY_CONSTRUCTION
    assert premise(node, X_STEP).value > premise(node, X_STEP).bound
    assert node.claim.params["to"] == "a minimiser"


@pytest.mark.parametrize(
    ("objective", "relaxation"), [(ROF, 0.5), (ROF, 1.0), (ROF, 1.95), (MRI, 1.6)], ids=["0.5", "1", "1.95", "mri"]
)
def test_once_rho_stays_copies_and_duals_never_go_away_from_their_limit(objective, relaxation) -> None:
    """z_i + u_i is the iterate of Douglas and Rachford in the dual: its distance to the limit, rho_i |.|^2, falls."""
    solver = ADMM(relaxation=relaxation)
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    for _ in range(3):
        state = solver.step(problem, state)
    state = replace(state, num_steps=LAST_CHANGE + 1)  # rho stays from here on, far from the limit
    far = state
    for _ in range(1500):
        state = solver.step(problem, state)
    limit = [z + u for z, u in zip(state.z, state.u, strict=True)]
    x_limit = solve(objective, PDHG(balance=0.5), rtol=1e-7, max_steps=5_000, check_every=100).x
    assert float((state.x - x_limit).abs().max()) < 1e-4

    def distance(state):
        parts = zip(state.z, state.u, limit, state.rho, strict=True)
        return sum(squared(z + u - star, per_image(rho, z)) for z, u, star, rho in parts)

    before = distance(far)
    first = before
    for _ in range(100):
        far = solver.step(problem, far)
        now = distance(far)
        assert bool((now <= before * (1 + 1e-12) + 1e-12).all())
        before = now
    assert bool((now < 0.5 * first).all())


def test_rho_changes_within_its_range_and_then_no_more() -> None:
    solver = ADMM(rho=1e-6)
    problem = solver.prepare(ROF)
    state = solver.init(problem, None)
    assert solver.start_rho(problem) == tuple(float(r[0]) for r in state.rho)
    first, seen = state.rho[0], []
    for _ in range(LAST_CHANGE + 60):
        state = solver.step(problem, state)
        seen.append(state.rho[0] / first)
    ratios = torch.stack(seen)
    assert bool((ratios <= LARGEST_RANGE).all())
    assert bool((ratios >= 1 / LARGEST_RANGE).all())
    assert bool((ratios[LAST_CHANGE:] == ratios[LAST_CHANGE]).all())
    assert bool((ratios[-1] != 1).all())


@pytest.mark.parametrize("change", [1.0, 1e-3, 1e4, LARGEST_RANGE])
def test_the_smallest_entry_bounds_that_of_every_rho_in_between(change) -> None:
    change = max(change, 1 / change)
    solver = ADMM()
    problem = solver.prepare(MRI)
    bound = smallest_entry(solver, problem, 1 / change, change)
    (rho,) = solver.start_rho(problem)
    for s in torch.logspace(0, 1, 21, base=change, dtype=torch.float64).tolist():
        for factor in (s, 1 / s):
            system = problem.symbols[0] + rho * factor * problem.symbols[1]
            assert float(system.min() / system.max()) >= bound * (1 - 1e-9)


def test_x_steps_by_conjugate_gradients_are_assumed_unless_they_end() -> None:
    objective = PROBLEMS["tv"].objective()
    node = node_of(ADMM_CONVERGENCE, objective, ADMM())
    assert node.holds
    assert node.basis is ASSUMED
    x_step = premise(node, X_STEP)
    assert (x_step.value, x_step.bound) == (10.0, 12.0)
    assert "assumed" in x_step.how
    exact = premise(node_of(ADMM_CONVERGENCE, objective, ADMM(cg_steps=12)), X_STEP)
    assert exact.basis is BY_CONSTRUCTION
    complexes = PROBLEMS["tv-complex"].objective()
    assert premise(node_of(ADMM_CONVERGENCE, complexes, ADMM(cg_steps=12)), X_STEP).basis is ASSUMED
    assert premise(node_of(ADMM_CONVERGENCE, complexes, ADMM(cg_steps=24)), X_STEP).basis is BY_CONSTRUCTION


@pytest.mark.parametrize("steps", [3, 6, 40])
def test_x_steps_by_conjugate_gradients_in_a_common_kernel_are_assumed_however_many(steps) -> None:
    deficient = least_squares(Dense(noise((1, 3))), noise((1, 1))) + 0.3 * (L1() @ Dense(noise((1, 3)).flip(1)))
    assert premise(node_of(ADMM_CONVERGENCE, deficient, ADMM(cg_steps=steps)), X_STEP).basis is ASSUMED
    definite = deficient + 1e-3 * (L1() @ Dense(torch.eye(3, dtype=torch.float64)))
    assert premise(node_of(ADMM_CONVERGENCE, definite, ADMM(cg_steps=steps)), X_STEP).basis is BY_CONSTRUCTION


def test_as_many_inner_steps_as_unknowns_leave_nothing() -> None:
    solver = ADMM(cg_steps=12)
    problem = solver.prepare(PROBLEMS["tv"].objective())
    state = solver.step(problem, solver.init(problem, None))
    assert float(state.left.abs().max()) < 1e-10


def test_frequencies_that_no_term_sees_keep_the_x_step_exact() -> None:
    """Zero is exact: the solution of smallest norm, and so is the limit; nearly zero is not."""
    mask = torch.zeros(6, 8)
    mask[0, 0] = mask[1, 2] = 1
    scan = Fourier((6, 8), mask, dtype=torch.complex128)
    unseen = least_squares(scan, scan.codomain.zeros(1)) + 0.1 * (L1() @ scan)
    assert premise(node_of(ADMM_CONVERGENCE, unseen, ADMM()), X_STEP).basis is BY_CONSTRUCTION
    wave = -2 * math.cos(2 * math.pi / 7)
    kernel = torch.tensor([[1, wave, 1]], dtype=torch.float64)  # zero at two of seven frequencies, but for rounding
    blur = Blur(kernel, (4, 7), boundary="periodic")
    objective = least_squares(blur, noise((1, 1, 4, 7))) + 0.1 * (L1() @ blur)
    wrong = failing(node_of(ADMM_CONVERGENCE, objective, ADMM()))
    assert list(wrong) == [X_STEP]
    assert wrong[X_STEP].value < wrong[X_STEP].bound
    assert node_of(ADMM_CONVERGENCE, objective + 1e-3 * SquaredL2(), ADMM()).holds


def test_where_rho_needs_more_range_than_single_precision_has_it_is_assumed_that_it_hides_no_frequency() -> None:
    mask = torch.ones(2, 1024)
    mask[0, 1] = 0  # the slowest wave but one, of which the differences see almost nothing
    scan = Fourier((2, 1024), mask)
    objective = least_squares(scan, scan.codomain.zeros(1)) + 0.3 * total_variation(scan.domain)
    node = node_of(ADMM_CONVERGENCE, objective, ADMM())
    assert node.holds
    assert "no change of rho hides one" in premise(node, X_STEP).how


def test_a_relaxation_outside_its_range_and_an_infinite_rho_fail() -> None:
    solver = ADMM()
    object.__setattr__(solver, "relaxation", 2.0)  # the solver itself refuses it
    (relaxed,) = failing(node_of(ADMM_CONVERGENCE, ROF, solver)).values()
    assert relaxed.value == relaxed.bound == 2.0
    tiny = Dense(1e-150 * noise((8, 6)))
    wrong = failing(node_of(ADMM_CONVERGENCE, SquaredL2() + L1() @ tiny, ADMM(rho=1e100)))
    assert list(wrong) == ["every rho_i is positive and stays from some step on"]


@dataclass(frozen=True, eq=False, repr=False)
class Bent(Proximable):
    """A functional of someone else, which says nothing."""

    def _value(self, x):
        return -0.1 * x.square().flatten(1).sum(1)

    def _prox(self, v, tau):
        return v / (1 - 0.2 * tau)

    @property
    def conjugate(self):
        return self


def test_what_is_not_convex_fails_by_name() -> None:
    wrong = failing(node_of(ADMM_CONVERGENCE, least_squares(SCAN, SCAN.codomain.zeros(1)) + Bent(), ADMM()))
    assert list(wrong) == ["f_1 = Bent() is convex"]


def test_free_edges_are_the_same_problem_with_the_same_theorem() -> None:
    problem = ADMM().prepare(ROF)
    assert problem.free == (True,)
    assert node_of(ADMM_CONVERGENCE, ROF, ADMM()).basis is BY_CONSTRUCTION


def test_indicators_are_copies_too() -> None:
    assert node_of(ADMM_CONVERGENCE, ROF + Box(0.0), ADMM()).holds


@dataclass(frozen=True)
class Later(ADMM):
    """A subclass, which may step otherwise."""


def test_a_subclass_is_not_spoken_of() -> None:
    assert not speaks_of(ADMM_CONVERGENCE, ROF, Later())


def blurred(dtype, width=1.0, size=24):
    """Deblurring with TV, both periodic, by a Gaussian."""
    t = torch.arange(-4, 5, dtype=torch.float64)
    g = torch.exp(-(t**2) / (2 * width**2))
    kernel = (g[:, None] * g[None, :] / g.sum() ** 2).to(dtype)
    blur = Blur(kernel, (size, size), boundary="periodic")
    y = blur.forward(torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0)).to(dtype))
    return least_squares(blur, y) + 0.01 * total_variation(blur.domain, boundary="periodic")


@pytest.mark.parametrize("width", [1.0, 2.5])
def test_in_single_precision_the_balance_keeps_rho_where_rounding_hides_nothing(width) -> None:
    objective = blurred(torch.float32, width)
    node = node_of(ADMM_CONVERGENCE, objective, ADMM())
    assert premise(node, X_STEP).basis is BY_CONSTRUCTION
    problem = ADMM().prepare(objective)
    lowest, highest = ADMM().rho_range(problem)
    eps = torch.finfo(torch.float32).eps
    assert 1 / LARGEST_RANGE < lowest < 1 < highest < LARGEST_RANGE
    assert smallest_entry(ADMM(), problem, lowest, highest) > 2 * eps
    assert smallest_entry(ADMM(), problem, lowest / 8, highest * 8) < 2 * eps


@pytest.mark.parametrize("rho", [1e-6, 1e6])
def test_rho_stays_in_its_range_whatever_the_residuals_ask_for(rho) -> None:
    objective = blurred(torch.float32)
    solver = ADMM(rho=rho)
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    lowest, highest = solver.rho_range(problem)
    first = state.rho[0]
    for _ in range(LAST_CHANGE + 1):
        state = solver.step(problem, state)
        assert bool((state.rho[0] / first >= lowest * (1 - 1e-6)).all())
        assert bool((state.rho[0] / first <= highest * (1 + 1e-6)).all())


def test_the_remedy_of_a_hidden_frequency_helps() -> None:
    wave = -2 * math.cos(2 * math.pi / 7)

    def node(dtype, square):
        blur = Blur(torch.tensor([[1, wave, 1]], dtype=dtype), (4, 7), boundary="periodic")
        y = torch.ones(1, 1, 4, 7, dtype=dtype)
        return node_of(ADMM_CONVERGENCE, least_squares(blur, y) + 0.1 * (L1() @ blur) + square * SquaredL2(), ADMM())

    assert not node(torch.float64, 0.0).holds
    assert "core/squared-l2" in premise(node(torch.float64, 0.0), X_STEP).remedy
    assert premise(node(torch.float64, 1e-3), X_STEP).basis is BY_CONSTRUCTION
