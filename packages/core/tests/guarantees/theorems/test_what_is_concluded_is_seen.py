"""What theorems and solvers say of descent and of distances, looked for in the runs of every registered solver."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_applications import noise

from invkit import explain
from invkit._announced.solvers import SPECS
from invkit.claims import find_claim
from invkit.functionals import L1, Ball, Functional, Huber, SquaredL2, least_squares
from invkit.operators import Dense
from invkit.solvers import (
    CGLS,
    ArmijoGradientDescent,
    ConjugateGradient,
    GradientDescent,
    Landweber,
    NewtonCG,
    PrimalDualNewton,
    ProximalGradient,
    RestartedFISTA,
    Solver,
    solve,
)
from invkit.testing.cases import Example
from invkit.testing.examples import solvers as examples

#: Registered solvers that no theorem covers; docs/rules and their docstrings say why.
WITHOUT = {"restarted-fista", "barzilai-borwein", "osem"}
#: Rooms whose theorems other test files look at.
ELSEWHERE = ("primal_dual", "splitting")
NAMES = [spec.name for spec in SPECS if not any(f".{room}." in spec.target for room in ELSEWHERE)]


def example(name: str) -> Example:
    return getattr(examples, name.replace("-", "_"))("cpu", torch.float64)


def said(objective: Functional, solver: Solver) -> set[str]:
    """The properties that a theorem concludes, or the solver claims."""
    tree = explain(objective, solver=solver)
    assert not any(node.error for node in tree.walk())
    concluded = {node.concludes for node in tree.children if node.holds and node.rule}
    return concluded | {claim.property for claim in solver.claims()}


def check_run(objective: Functional, solver: Solver, start, minimiser, properties: set[str], steps: int = 40) -> None:
    problem = solver.prepare(objective)
    state = solver.init(problem, start)
    images = [solver.solution(state)]
    for _ in range(steps):
        state = solver.step(problem, state)
        images.append(solver.solution(state))
    values = [objective.value(x) for x in images]
    distances = [(x - minimiser).flatten(1).norm(dim=1) for x in images]
    if "descent" in properties:
        assert all(bool((b <= a + 1e-12 * (1 + a.abs())).all()) for a, b in itertools.pairwise(values))
    if "fejer_monotone" in properties:
        assert all(bool((b <= a + 1e-7).all()) for a, b in itertools.pairwise(distances))


MATRICES = [
    noise(8, 5),
    noise(3, 5, seed=1),
    noise(6, 2, seed=2) @ noise(2, 5, seed=3),
    noise(5, 5, seed=4, dtype=torch.complex128),
]
GRADIENT = [GradientDescent, ProximalGradient, Landweber, ArmijoGradientDescent]
LINEAR = [ConjugateGradient, lambda: ConjugateGradient("jacobi"), CGLS, NewtonCG, PrimalDualNewton]


@given(
    matrix=st.sampled_from(range(len(MATRICES))),
    weight=st.sampled_from([0.0, 0.3, 4.0]),
    square=st.sampled_from([0.0, 0.5, 5.0]),
    other=st.sampled_from(["none", "l1", "ball", "huber"]),
    make=st.sampled_from(range(len(GRADIENT) + len(LINEAR))),
    relative_step=st.sampled_from([None, 0.1, 1.0, 1.9, 1.9999]),
    seed=st.integers(0, 50),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_random_objectives_descend_and_approach_where_it_is_said(
    matrix, weight, square, other, make, relative_step, seed
) -> None:
    operator = Dense(MATRICES[matrix])
    dtype = operator.domain.dtype
    y = noise(2, operator.codomain.size, seed=seed, dtype=dtype)
    objective = weight * least_squares(operator, y)
    if square:
        objective = objective + square * SquaredL2()
    extra = {"l1": 0.4 * L1(), "ball": Ball(0.5), "huber": 0.7 * Huber(0.2)}.get(other)
    objective = objective if extra is None else objective + extra
    solver = ([*GRADIENT, *LINEAR][make])()
    try:
        problem = solver.prepare(objective)
    except ValueError:
        return  # not of this form
    if relative_step is not None and type(solver) in (GradientDescent, ProximalGradient) and weight + square > 0:
        solver = type(solver)(step_size=relative_step / problem.smooth.smoothness().upper)
    start = 3 * noise(2, 5, seed=seed + 100, dtype=dtype)
    reference = solve(objective, RestartedFISTA(), start, rtol=1e-12, max_steps=3000)
    properties = said(objective, solver)
    if not reference.converged:
        properties.discard("fejer_monotone")  # no minimiser to measure from
    check_run(objective, solver, start, reference.x, properties, steps=15)


@pytest.mark.parametrize("name", NAMES)
def test_each_registered_solver_has_a_theorem_or_is_named_here(name: str) -> None:
    found = example(name)
    objective = found.objective(found.y)
    tree = explain(objective, solver=found.subject)
    assert not any(node.error for node in tree.walk())
    theorems = [node.rule for node in tree.children if node.rule and not node.further]
    assert bool(theorems) is (name not in WITHOUT)


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT))
def test_each_registered_solver_does_what_is_said_of_it_on_its_example(name: str) -> None:
    found = example(name)
    objective = found.objective(found.y)
    properties = said(objective, found.subject)
    check_run(objective, found.subject, 2 * torch.ones_like(found.expected), found.expected, properties)


def test_only_line_searches_claim_descent_of_themselves() -> None:
    claiming = {name for name in NAMES if find_claim(example(name).subject.claims(), "descent")}
    assert claiming == {"newton-cg", "primal-dual-newton"}
