"""PDHG, also with diagonal and adaptive steps: the energy of the proof falls, the averages meet their rate."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch
from convex_problems import PROBLEMS, noise
from theorem_runs import energy, failing, lagrangian, node_of, saddle_point, speaks_of, squared

from invkit.claims import ASSUMED, CERTIFIED
from invkit.functionals import L1, SquaredL2, least_squares, tgv
from invkit.guarantees import Setting
from invkit.guarantees.theorems import core_rules
from invkit.guarantees.theorems.primal_dual._numbers import not_above, not_below
from invkit.guarantees.theorems.primal_dual.adaptive_pdhg import ADAPTIVE_PDHG_CONVERGENCE
from invkit.guarantees.theorems.primal_dual.pdhg import PDHG_CONVERGENCE
from invkit.guarantees.theorems.primal_dual.pdhg_gap import PDHG_GAP_RATE, pdhg_gap_bound
from invkit.guarantees.theorems.primal_dual.preconditioned_pdhg import PRECONDITIONED_PDHG_CONVERGENCE
from invkit.operators import Dense, Fourier, Identity, LinearOperator, materialise
from invkit.solvers import ADMM, PDHG, AdaptivePDHG, PreconditionedPDHG

A, Y = Dense(noise((8, 6))), noise((1, 8), seed=1)
LASSO = least_squares(A, Y) + 0.3 * L1()


@pytest.mark.parametrize("solver", [PDHG(), PDHG(balance=3.0), PreconditionedPDHG()], ids=["pdhg", "balance", "rows"])
@pytest.mark.parametrize("name", ["tv-nonnegative", "tv-complex", "rof"])
def test_no_step_raises_the_energy_of_the_proof(solver, name) -> None:
    problem = solver.prepare(PROBLEMS[name].objective())
    saddle = saddle_point(name, problem)
    state = solver.init(problem, 3 * noise((2, 1, 4, 3), PROBLEMS[name].dtype, seed=5))
    before = energy(problem, state, state.x, saddle, state.tau, state.sigma)
    first = before
    for _ in range(300):
        x_before = state.x
        state = solver.step(problem, state)
        now = energy(problem, state, x_before, saddle, state.tau, state.sigma)
        assert bool((now <= before * (1 + 1e-12) + 1e-10).all())
        before = now
    assert bool((before < 0.1 * first).all())


def test_the_energy_of_steps_that_adapt_rises_at_updates_only() -> None:
    solver = AdaptivePDHG()
    problem = solver.prepare(PROBLEMS["tv"].objective())
    saddle = saddle_point("tv", problem)
    state = solver.init(problem, None)
    before, rises = None, []
    for k in range(200):
        x_before, old = state.x, state.tau
        state = solver.step(problem, state)
        now = energy(problem, state, x_before, saddle, state.tau.view(-1, 1, 1, 1), [
            s.view(-1, *[1] * (y.ndim - 1)) for s, y in zip(state.sigma, state.y, strict=True)
        ])  # fmt: skip
        if before is not None and bool((now > before * (1 + 1e-12) + 1e-10).any()):
            assert bool((state.tau != old).any()), f"step {k} raised the energy with the steps as they were"
            rises.append(k)
        before = now
    assert len(rises) < 8


def test_a_step_beyond_the_limit_raises_the_energy() -> None:
    """minimise 100 |K x|_1, whose saddle point is zero; near it nothing is curved."""
    objective = 100 * (L1() @ Dense(noise((6, 6))))
    problem = PDHG().prepare(objective)
    limit = 1 / problem.blocks[0][1].norm().upper ** 2
    zero = (torch.zeros(1, 6, dtype=torch.float64), (torch.zeros(1, 6, dtype=torch.float64),))
    found = {}
    for length in (1.0, 2.0):
        state = PDHG(tau=limit * (1 - 1e-12), sigma=1.0).init(problem, noise((1, 6), seed=5))
        state = replace(state, tau=length * state.tau)
        rises, before = 0, energy(problem, state, state.x, zero, state.tau, state.sigma)
        for _ in range(100):
            x_before = state.x
            state = PDHG().step(problem, state)
            now = energy(problem, state, x_before, zero, state.tau, state.sigma)
            rises += bool((now > before * (1 + 1e-9)).any())
            before = now
        found[length] = rises
    assert found[1.0] == 0
    assert found[2.0] > 0


@pytest.mark.parametrize("name", ["rof", "tv-complex"])
@pytest.mark.parametrize("balance", [0.05, 2.0])
def test_the_averages_meet_the_gap_rate_against_every_pair(name, balance) -> None:
    solver = PDHG(balance=balance)
    problem = solver.prepare(PROBLEMS[name].objective())
    node = node_of(PDHG_GAP_RATE, PROBLEMS[name].objective(), solver)
    assert node.holds
    assert node.further
    assert node.claim.params["to"] == "the saddle value"
    x_star, y_star = saddle_point(name, problem)
    start = torch.zeros_like(x_star)
    pairs = [(x_star, y_star), (start, y_star), (x_star, tuple(torch.zeros_like(y) for y in y_star))]
    for seed in range(3):
        x = x_star + 3 * noise(tuple(x_star.shape), x_star.dtype, seed)
        far = [y + 5 * noise(tuple(y.shape), y.dtype, seed) for y in y_star]
        pairs.append((x, tuple(c.prox(y, 1e-6) for c, y in zip(problem.conjugates, far, strict=True))))
    state = solver.init(problem, None)
    assert float(node.value) == pytest.approx(1 / (2 * state.tau), rel=1e-9)
    total_x, total_y, closest = torch.zeros_like(x_star), tuple(torch.zeros_like(y) for y in y_star), math.inf
    for k in range(1, 150):
        state = solver.step(problem, state)
        total_x, total_y = total_x + state.x, tuple(t + y for t, y in zip(total_y, state.y, strict=True))
        average_x, average_y = total_x / k, tuple(t / k for t in total_y)
        for x, y in pairs:
            gap = lagrangian(problem, average_x, y) - lagrangian(problem, x, average_y)
            for image in range(2):
                bound = pdhg_gap_bound(
                    state.tau,
                    state.sigma,
                    float(squared(x - start)[image]),
                    [float(squared(part)[image]) for part in y],
                    k,
                )
                assert float(gap[image]) <= bound + 1e-8
                closest = min(closest, bound / max(float(gap[image]), 1e-12))
    assert closest < 20


def test_the_product_of_given_steps_is_compared_with_one() -> None:
    limit = 1 / A.norm().upper ** 2
    for rule in (PDHG_CONVERGENCE, PDHG_GAP_RATE):
        assert node_of(rule, LASSO, PDHG(tau=limit * (1 - 1e-12), sigma=1.0)).holds
        (step,) = failing(node_of(rule, LASSO, PDHG(tau=limit * (1 + 1e-6), sigma=1.0))).values()
        assert step.bound == 1.0
        assert 1 < step.value < 1.00001
    wrong = failing(node_of(PDHG_CONVERGENCE, LASSO, PDHG(tau=0.1, sigma=(0.1, 0.1))))
    (step,) = wrong.values()
    assert step.value is None
    assert "there are 2 sigmas, expected 1" in step.remedy


def test_steps_given_as_tensors_are_numbers_in_the_node() -> None:
    node = node_of(PDHG_CONVERGENCE, LASSO, PDHG(tau=torch.tensor(1e-3), sigma=0.5))
    assert node.holds
    assert isinstance(node.value, float)
    assert node_of(PDHG_GAP_RATE, LASSO, PDHG(tau=torch.tensor(1e-3), sigma=0.5)).holds


@dataclass(frozen=True)
class Later(PDHG):
    """A subclass, which may step otherwise."""


@dataclass(frozen=True)
class LaterPreconditioned(PreconditionedPDHG):
    """A subclass, which may step otherwise."""


@pytest.mark.parametrize(
    ("rule", "solver"),
    [
        (PDHG_CONVERGENCE, Later()),
        (PDHG_GAP_RATE, Later()),
        (PRECONDITIONED_PDHG_CONVERGENCE, LaterPreconditioned()),
    ],
)
def test_a_subclass_is_not_spoken_of(rule, solver) -> None:
    assert not speaks_of(rule, LASSO, solver)


@dataclass(frozen=True, eq=False, repr=False)
class SilentIdentity(Identity):
    """An identity of someone else, which may be none."""


def test_an_identity_of_someone_else_is_a_premise_like_any_operator() -> None:
    silent = SilentIdentity((4, 3), 1, torch.float64)
    objective = least_squares(silent, noise((2, 1, 4, 3))) + 0.3 * L1()
    node = node_of(PDHG_CONVERGENCE, objective, PDHG())
    assert node.basis is ASSUMED
    assert any(child.statement.startswith("|K_1| is bounded") for child in node.children)


def dense_preconditioned(objective) -> torch.Tensor:
    """Sigma^(1/2) K T^(1/2) as a matrix."""
    problem = PreconditionedPDHG().prepare(objective)
    tau, sigma = PreconditionedPDHG().step_sizes(problem)
    rows = []
    for (_, k), s in zip(problem.blocks, sigma, strict=True):
        left = s.double().expand(1, *k.codomain.shape).flatten().sqrt()
        right = tau.double().expand(1, *k.domain.shape).flatten().sqrt()
        matrix = materialise(k)
        matrix = matrix.to(torch.complex128 if matrix.is_complex() else torch.float64)
        rows.append(left[:, None] * matrix * right)
    return torch.cat([row.to(torch.complex128) for row in rows])


@pytest.mark.parametrize("name", ["tv", "tv-complex", "denoise-two-norms", "group-lasso", "lasso-complex"])
def test_preconditioned_steps_fulfil_their_bound_in_a_dense_matrix(name) -> None:
    objective = PROBLEMS[name].objective()
    assert node_of(PRECONDITIONED_PDHG_CONVERGENCE, objective, PreconditionedPDHG()).holds
    length = float(torch.linalg.svdvals(dense_preconditioned(objective))[0])
    assert length <= 1
    assert length > 0.4  # and not by steps that hardly move


def test_a_block_without_sums_has_its_norm_in_their_place() -> None:
    operator = Fourier((4, 3), dtype=torch.complex128)
    objective = least_squares(operator, noise((1, 1, 4, 3), torch.complex128)) + 0.3 * L1()
    node = node_of(PRECONDITIONED_PDHG_CONVERGENCE, objective, PreconditionedPDHG())
    assert node.holds
    assert float(torch.linalg.svdvals(dense_preconditioned(objective))[0]) <= 1


def test_an_operator_that_is_zero_leaves_preconditioned_steps_infinite_and_fails() -> None:
    zero = Dense(torch.zeros(3, 6, dtype=torch.float64))
    node = node_of(PRECONDITIONED_PDHG_CONVERGENCE, L1() @ zero + 0.3 * L1(), PreconditionedPDHG())
    (step,) = failing(node).values()
    assert step.value == math.inf
    assert step.remedy == "drop operators that are zero"
    assert node_of(PRECONDITIONED_PDHG_CONVERGENCE, L1() @ A + L1() @ zero, PreconditionedPDHG()).holds


@dataclass(frozen=True, eq=False, repr=False)
class Silent(LinearOperator):
    """An operator of someone else."""

    inner: Dense

    domain = property(lambda self: self.inner.domain)
    codomain = property(lambda self: self.inner.codomain)

    def _forward(self, x):
        return self.inner.forward(x)

    def _adjoint(self, y):
        return self.inner.adjoint(y)

    def _norm(self):
        return self.inner.norm()


@pytest.mark.parametrize(
    ("rule", "solver"),
    [
        (PDHG_CONVERGENCE, PDHG()),
        (PDHG_GAP_RATE, PDHG()),
        (PRECONDITIONED_PDHG_CONVERGENCE, PreconditionedPDHG()),
        (ADAPTIVE_PDHG_CONVERGENCE, AdaptivePDHG()),
    ],
)
def test_steps_rest_on_operators_that_do_not_state_their_basis(rule, solver) -> None:
    assert node_of(rule, LASSO, solver).basis is CERTIFIED
    node = node_of(rule, least_squares(Silent(A), Y) + 0.3 * L1(), solver)
    assert node.holds
    assert node.basis is ASSUMED
    (steps,) = [child for child in node.children if "sigma" in child.statement.lower()]
    assert steps.basis is ASSUMED


def test_numbers_in_words_are_rounded_to_the_safe_side() -> None:
    for value in (0.123456789, 8.9999999e-7, 123456.51, 1.0):
        assert float(not_above(value)) <= value <= float(not_below(value))
        assert float(not_below(value)) - float(not_above(value)) <= 1e-5 * value


BY_BALANCE = [
    (PDHG_CONVERGENCE, PDHG),
    (PDHG_GAP_RATE, PDHG),
    (ADAPTIVE_PDHG_CONVERGENCE, AdaptivePDHG),
    (PRECONDITIONED_PDHG_CONVERGENCE, PreconditionedPDHG),
]


@pytest.mark.parametrize(("rule", "solver"), BY_BALANCE)
@pytest.mark.parametrize("balance", [1e-320, 1e308])
def test_a_balance_that_makes_steps_zero_or_infinite_fails(rule, solver, balance) -> None:
    assert failing(node_of(rule, 1e-3 * LASSO, solver(balance=balance)))


@pytest.mark.parametrize(("rule", "solver"), BY_BALANCE)
def test_a_term_of_weight_zero_changes_nothing(rule, solver) -> None:
    objective = LASSO + 0.0 * (L1() @ A) + 0.0 * least_squares(A, Y)
    assert node_of(rule, objective, solver()).holds
    problem = solver().prepare(objective)
    state = solver().init(problem, None)
    for _ in range(20):
        state = solver().step(problem, state)
    assert not any(bool(y.any()) for y in state.y[1:])


@pytest.mark.parametrize(("rule", "solver"), [case for case in BY_BALANCE if case[0] is not PDHG_GAP_RATE])
def test_data_that_are_no_numbers_fail_by_name(rule, solver) -> None:
    centre = torch.full((1, 6), math.nan, dtype=torch.float64)
    wrong = failing(node_of(rule, SquaredL2(centre) + 0.3 * (L1() @ A), solver()))
    assert list(wrong) == ["a saddle point exists"]
    assert "NaN" in wrong["a saddle point exists"].how


@pytest.mark.parametrize("solver", [PDHG(), AdaptivePDHG(), PreconditionedPDHG(), ADMM()])
def test_unknowns_beside_the_image_are_part_of_the_problem(solver) -> None:
    """The fields of the second total generalised variation; all terms are finite norms and squares."""
    operator = Dense(noise((14, 12), seed=4), (1, 4, 3))
    objective = 0.8 * least_squares(operator, noise((1, 14), seed=5)) + 0.3 * tgv(operator.domain)
    problem = solver.prepare(objective)
    assert problem.restriction is not None
    setting = Setting(subject=objective, solver=solver, problem=problem)
    (node, *_) = [rule.apply(setting) for rule in core_rules() if rule.about(setting) and not rule.further]
    assert node.holds
