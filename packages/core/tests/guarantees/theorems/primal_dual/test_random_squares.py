"""Random sums of squares, whose saddle points are a linear solve: bounds are met with scales far apart, complex too."""

from __future__ import annotations

import torch
from convex_problems import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from theorem_runs import energy, node_of, squared

from invkit.functionals import SquaredL2, least_squares
from invkit.guarantees.theorems.primal_dual.accelerated_pdhg import PDHG_ACCELERATED_RATE, accelerated_bound
from invkit.guarantees.theorems.primal_dual.linear_rate_pdhg import PDHG_LINEAR_RATE
from invkit.guarantees.theorems.primal_dual.pdhg import PDHG_CONVERGENCE
from invkit.operators import Dense
from invkit.solvers import PDHG, AcceleratedPDHG, LinearRatePDHG, PreconditionedPDHG

SCALES = st.floats(-3, 3).map(lambda exponent: 10**exponent)
CASES = st.tuples(
    st.sampled_from([torch.float64, torch.complex128]), st.integers(1, 5), st.integers(1, 6), st.integers(0, 10**6)
)


def problem_of(case, scales):
    """c_1/2 |A x - y|^2 + c_2/2 |B x|^2 + gamma/2 |x|^2, and its saddle point."""
    dtype, columns, rows, seed = case
    size, first, second, gamma = scales
    a, b = size * noise((rows, columns), dtype, seed), noise((3, columns), dtype, seed + 1)
    y = size * noise((1, rows), dtype, seed + 2)
    objective = first * least_squares(Dense(a), y) + second * (SquaredL2() @ Dense(b)) + gamma * SquaredL2()
    system = first * a.mH @ a + second * b.mH @ b + gamma * torch.eye(columns, dtype=dtype)
    x = torch.linalg.solve(system, first * a.mH @ y[0])[None]
    return objective, x, (first * (x @ a.mT - y), second * x @ b.mT)


@given(CASES, st.tuples(SCALES, SCALES, SCALES, SCALES))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_linear_rate_is_met(case, scales) -> None:
    objective, x_star, y_star = problem_of(case, scales)
    solver = LinearRatePDHG()
    theta = node_of(PDHG_LINEAR_RATE, objective, solver).value
    problem = solver.prepare(objective)
    gamma, deltas = problem.proximable.convexity(), [c.convexity() for c in problem.conjugates]
    state = solver.init(problem, x_star + noise(tuple(x_star.shape), x_star.dtype, case[3] + 3))
    dual = sum(d * squared(y - s) for d, y, s in zip(deltas, state.y, y_star, strict=True))
    bound = first = gamma * squared(state.x - x_star) + dual
    for _ in range(30):
        state, bound = solver.step(problem, state), theta * bound
        dual = sum(d * squared(y - s) for d, y, s in zip(deltas, state.y, y_star, strict=True))
        reached = gamma * squared(state.x - x_star) + (1 - theta) * dual
        assert bool((reached <= bound * (1 + 1e-9) + 1e-16 * first).all())


@given(CASES, st.tuples(SCALES, SCALES, SCALES, SCALES), SCALES)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_accelerated_rate_is_met(case, scales, tau) -> None:
    objective, x_star, y_star = problem_of(case, scales)
    solver = AcceleratedPDHG(tau=tau / scales[3], floor=0.0)
    growth = node_of(PDHG_ACCELERATED_RATE, objective, solver).value
    problem = solver.prepare(objective)
    x0 = x_star + noise(tuple(x_star.shape), x_star.dtype, case[3] + 3)
    state = solver.init(problem, x0)
    first, sigma = solver.step_sizes(problem)
    start = float(squared(x0 - x_star))
    duals = sum(float(squared(y)) / s for y, s in zip(y_star, sigma, strict=True))
    for k in range(1, 40):
        state = solver.step(problem, state)
        bound = accelerated_bound(first, growth, start, duals, k)
        assert float(squared(state.x - x_star)) <= bound * (1 + 1e-9) + 1e-16 * (start + float(squared(x_star)))


@given(CASES, st.tuples(SCALES, SCALES, SCALES, SCALES), st.floats(0.01, 1.0), SCALES, st.booleans())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_steps_up_to_the_limit_never_raise_the_energy(case, scales, product, ratio, diagonal) -> None:
    objective, x_star, y_star = problem_of(case, scales)
    problem = PDHG().prepare(objective)
    norms = [k.norm().upper for _, k in problem.blocks]
    tau = ratio / max(norms)
    shares = (0.3, 0.7)
    sigma = tuple(share * product * (1 - 1e-12) / (tau * n**2) for share, n in zip(shares, norms, strict=True))
    solver = PreconditionedPDHG(balance=ratio) if diagonal else PDHG(tau=tau, sigma=sigma)
    if not diagonal:
        assert node_of(PDHG_CONVERGENCE, objective, solver).holds
    state = solver.init(problem, x_star + noise(tuple(x_star.shape), x_star.dtype, case[3] + 3))
    before = first = energy(problem, state, state.x, (x_star, y_star), state.tau, state.sigma)
    for _ in range(30):
        x_before = state.x
        state = solver.step(problem, state)
        now = energy(problem, state, x_before, (x_star, y_star), state.tau, state.sigma)
        assert bool((now <= before * (1 + 1e-9) + 1e-12 * first).all())
        before = now
