from __future__ import annotations

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS

from invkit.errors import ConfigError
from invkit.functionals import Box, SquaredL2, least_squares, total_variation
from invkit.operators import Dense, Identity
from invkit.solvers import PDHG, AcceleratedPDHG, LinearRatePDHG, solve


def distances(solver, objective, x_star: torch.Tensor, num_steps: int) -> np.ndarray:
    """|x_k - x*|^2 of each image, after each step."""
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    found = []
    for _ in range(num_steps):
        state = solver.step(problem, state)
        found.append((state.x - x_star).flatten(1).square().sum(1).numpy())
    return np.array(found)


@pytest.mark.parametrize("tau", [None, 0.02, 30.0])
def test_the_squared_distance_falls_as_the_theorem_bounds_it(tau) -> None:
    """|x_N - x*|^2 <= tau_N^2 (|x* - x_0|^2 / tau_0^2 + |K|^2 |y*|^2), from the proof; and gamma N tau_N -> 1."""
    problem = PROBLEMS["rof"]
    objective, x_star = problem.objective(), torch.from_numpy(problem.minimiser())
    solver = AcceleratedPDHG(tau=tau, floor=0.0)
    form = solver.prepare(objective)
    y_star = solve(objective, PDHG(balance=0.5), rtol=1e-12, max_steps=50_000, check_every=100).state.y[0]
    norm = form.blocks[0][1].norm().upper
    state = solver.init(form, None)
    tau0 = float(state.tau[0])
    start = x_star.flatten(1).square().sum(1) / tau0**2 + norm**2 * y_star.flatten(1).square().sum(1)
    for _ in range(300):
        state = solver.step(form, state)
        squared = (state.x - x_star).flatten(1).square().sum(1)
        assert bool((squared <= state.tau**2 * start * 1.01 + 1e-12).all())
    assert float(state.tau[0]) * 1.4 * 300 < 1.2


def test_it_is_faster_than_the_plain_method_with_the_same_first_steps() -> None:
    problem = PROBLEMS["rof"]
    x_star = torch.from_numpy(problem.minimiser())
    norm = PDHG().prepare(problem.objective()).blocks[0][1].norm().upper
    tau = 10.0
    plain = distances(PDHG(tau=tau, sigma=1 / (tau * norm**2 * 1.0001)), problem.objective(), x_star, 100)
    fast = distances(AcceleratedPDHG(tau=tau, floor=0.0), problem.objective(), x_star, 100)
    assert (fast[-1] < 0.02 * plain[-1]).all()


def test_the_strongly_convex_term_is_found_wherever_it_stands(draw) -> None:
    y = draw((2, 1, 3, 4))
    domain = Identity((3, 4), 1, torch.float64)
    terms = [Box(0.0), 1.4 * least_squares(domain, y), 0.3 * SquaredL2(), 0.5 * total_variation(domain.domain)]
    found = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 1, 0]):
        objective = terms[order[0]] + terms[order[1]] + terms[order[2]] + terms[order[3]]
        problem = AcceleratedPDHG().prepare(objective)
        assert problem.proximable.convexity() == pytest.approx(1.4)
        assert len(problem.blocks) == len(problem.conjugates) == 3
        found.append(solve(objective, AcceleratedPDHG(), rtol=1e-7, max_steps=5000, check_every=50).x)
    reference = solve(objective, PDHG(balance=1.0), rtol=1e-7, max_steps=10_000, check_every=50).require_converged().x
    for x in found:
        torch.testing.assert_close(x, reference, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_linear_rate_bounds_primal_and_dual_distance_together(dtype, draw) -> None:
    m, y, weights = draw((7, 5), dtype), draw((2, 7), dtype, 1), (2.5, 0.3)
    k = draw((4, 5), dtype, 2)
    objective = weights[0] * least_squares(Dense(m), y) + 0.7 * (SquaredL2() @ Dense(k)) + weights[1] * SquaredL2()
    a, b = m.numpy(), k.numpy()
    left = weights[0] * a.conj().T @ a + 0.7 * b.conj().T @ b + weights[1] * np.eye(5)
    x_star = torch.from_numpy(np.linalg.solve(left, weights[0] * (y.numpy() @ a.conj()).T).T)
    stars = (weights[0] * (x_star @ m.mT - y), 0.7 * x_star @ k.mT)  # y_i* = gradient of f_i at K_i x*
    solver = LinearRatePDHG()
    problem = solver.prepare(objective)
    rate = solver.rate(problem)
    state = solver.init(problem, None)

    def sizes(x, ys):
        dual = sum(((v - s).abs() ** 2).sum(1) / w for v, s, w in zip(ys, stars, (weights[0], 0.7), strict=True))
        return weights[1] * ((x - x_star).abs() ** 2).sum(1), dual

    primal, dual = sizes(state.x, state.y)
    bound, worst = primal + dual, 0.0
    for _ in range(200):
        state, bound = solver.step(problem, state), rate * bound
        primal, dual = sizes(state.x, state.y)
        ratio = (primal + (1 - rate) * dual) / bound
        assert bool((ratio <= 1).all())
        worst = max(worst, float(ratio.max()))
    assert worst > 1e-6  # the bound is not met by being meaningless
    assert rate < 0.95


def test_missing_moduli_are_named_with_the_way_out() -> None:
    rof, ridge = PROBLEMS["rof"].objective(), PROBLEMS["h1"].objective()
    with pytest.raises(ConfigError, match="LinearRatePDHG: term .*GroupL1.*Use core/pdhg-accelerated"):
        LinearRatePDHG().prepare(rof)
    for solver in (LinearRatePDHG(), AcceleratedPDHG()):
        with pytest.raises(ConfigError, match="no term without an operator has a modulus.*Use core/pdhg"):
            solver.prepare(ridge)
    with pytest.raises(ConfigError, match="AcceleratedPDHG: g is Zero.*Use core/pdhg"):
        AcceleratedPDHG().init(PDHG().prepare(ridge), None)
    with pytest.raises(ConfigError, match="AcceleratedPDHG: tau is -1.0, expected a positive number"):
        AcceleratedPDHG(tau=-1.0)
    with pytest.raises(ConfigError, match=r"AcceleratedPDHG: floor is 1.0, expected a number in \[0, 1\)"):
        AcceleratedPDHG(floor=1.0)


def test_steps_that_stop_shrinking_end_in_a_linear_rate() -> None:
    problem = PROBLEMS["rof"]
    x_star = torch.from_numpy(problem.minimiser())
    pure = distances(AcceleratedPDHG(floor=0.0), problem.objective(), x_star, 1000)
    ended = distances(AcceleratedPDHG(), problem.objective(), x_star, 1000)
    assert (ended[-1] < 1e-3 * pure[-1]).all()
