"""Solvers over the terms of a sum: SVRG, stochastic gradients, ordered subsets, Kaczmarz."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, with_tags

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.functionals.data_fidelity import kullback_leibler
from invkit.functionals.indicators import Box
from invkit.operators import Dense
from invkit.operators.capabilities.subsets import subsets
from invkit.solvers import FISTA, SVRG, Kaczmarz, OrderedSubsets, StochasticGradient, solve
from invkit.solvers.subsets.finite_sum import drawn_order, drawn_terms

SHAPE = (1, 2, 3)
ALL = [SVRG(seed=3), StochasticGradient(seed=3), OrderedSubsets(), Kaczmarz(), Kaczmarz(order="random", seed=3)]
DIMINISHING = [StochasticGradient(seed=3), StochasticGradient(seed=1, batch_size=2), OrderedSubsets()]


def named(solver) -> str:
    return type(solver).__name__


def split(m, y, num_subsets: int, *others, weight: float = 1.0):
    op = Dense(m, SHAPE, (len(m),))
    terms = [weight * least_squares(a, r.forward(y)) for a, r in subsets(op, num_subsets, axis=0)]
    return functools.reduce(lambda f, g: f + g, [*terms, *others])


@pytest.mark.parametrize("name", with_tags("composite"))
@pytest.mark.parametrize("order", [0, 1])
def test_svrg_reaches_the_minimum_of_cvxpy(name, order) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective(order)
    found = solve(objective, SVRG(inner_steps=20), rtol=1e-8, max_steps=20_000, check_every=20).require_converged()
    value, minimum = objective.value(found.x).numpy(), problem.minimum()
    assert (value <= minimum + 1e-6 * (1 + abs(minimum))).all()
    np.testing.assert_allclose(found.x, problem.minimiser(), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_svrg_reaches_the_ridge_of_all_subsets_linearly(dtype, draw) -> None:
    m, y = draw((24, 6), dtype), draw((2, 24), dtype, 1)
    objective = split(m, y, 4, 0.5 * SquaredL2(), weight=1.3)
    a = m.numpy()
    want = np.linalg.solve(1.3 * a.conj().T @ a + 0.5 * np.eye(6), 1.3 * a.conj().T @ y.numpy().T).T
    found = solve(objective, SVRG(seed=2), rtol=1e-11, max_steps=4000, check_every=10).require_converged()
    np.testing.assert_allclose(found.x.reshape(2, 6), want, atol=1e-9)
    residuals = found.history.optimality.max(1).values
    half = len(residuals) // 2
    assert float(residuals[half]) < 1e-3
    assert float(residuals[-1]) < 1e-3 * float(residuals[half])  # as many digits in the second half as in the first


@pytest.mark.parametrize("solver", [SVRG(), *DIMINISHING], ids=named)
def test_a_constraint_is_kept_and_the_minimiser_is_that_of_fista(solver, draw) -> None:
    m, y = draw((24, 6)), draw((2, 24), seed=1)
    objective = split(m, y, 3, Box(0.0))
    want = solve(objective, FISTA(), rtol=1e-12, max_steps=5000).require_converged().x
    assert (want == 0).any()
    found = solve(objective, solver, rtol=0.0, max_steps=800, check_every=800)
    assert (found.x >= 0).all()
    assert float((found.x - want).norm() / want.norm()) < (1e-6 if isinstance(solver, SVRG) else 2e-2)


@pytest.mark.parametrize("solver", DIMINISHING, ids=named)
def test_diminishing_steps_approach_the_minimiser_and_constant_ones_stop_short(solver, draw) -> None:
    m, y = draw((24, 6)), draw((2, 24), seed=1)
    objective = split(m, y, 4)
    want = torch.from_numpy(np.linalg.lstsq(m.numpy(), y.numpy().T, rcond=None)[0].T.copy()).reshape(2, *SHAPE)

    def error(solver, epochs):
        found = solve(objective, solver, rtol=0.0, max_steps=epochs, check_every=epochs)
        return float((found.x - want).norm() / want.norm())

    constant = type(solver)(**{**solver.__dict__, "decay": 0.0})
    assert error(solver, 1600) < 0.35 * error(solver, 400)
    assert error(constant, 1600) > 3 * error(solver, 1600)


def consistent(draw, dtype=torch.float64, rows=24):
    m, truth = draw((rows, 6), dtype), draw((2, 6), dtype, 1)
    return m, truth, truth @ m.mT


@pytest.mark.parametrize("solver", [StochasticGradient(decay=0.0), OrderedSubsets(decay=0.0)], ids=named)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_terms_that_share_their_minimiser_are_solved_with_a_constant_step(solver, dtype, draw) -> None:
    m, truth, y = consistent(draw, dtype)
    found = solve(split(m, y, 4), solver, rtol=1e-9, max_steps=5000).require_converged()
    torch.testing.assert_close(found.x.reshape(2, 6), truth, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("solver", [Kaczmarz(), Kaczmarz(order="random", seed=5), Kaczmarz(1.5)], ids=repr)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_kaczmarz_finds_the_solution_nearest_to_the_start(solver, dtype, draw) -> None:
    m, y = draw((4, 6), dtype), draw((2, 4), dtype, 1)
    start = draw((2, *SHAPE), dtype, 2)
    pinv = np.linalg.pinv(m.numpy())
    x0 = start.reshape(2, 6).numpy()
    want = x0 + (y.numpy() - x0 @ m.numpy().T) @ pinv.T
    found = solve(split(m, y, 2), solver, start, rtol=1e-10, max_steps=20_000).require_converged()
    np.testing.assert_allclose(found.x.reshape(2, 6), want, atol=1e-7)


def test_one_sweep_over_single_rows_is_kaczmarz_projections(draw) -> None:
    m, y = draw((5, 6)), draw((1, 5), seed=1)
    solver = Kaczmarz()
    problem = solver.prepare(split(m, y, 5, weight=2.5))
    got = solver.step(problem, solver.init(problem, None)).x.reshape(6).numpy()
    x = np.zeros(6)
    for row, value in zip(m.numpy(), y[0].numpy(), strict=True):
        x = x + (value - row @ x) / (row @ row) * row
    np.testing.assert_allclose(got, x, atol=1e-12)


def test_an_inconsistent_system_is_not_called_solved_and_a_smaller_relaxation_comes_nearer(draw) -> None:
    m, y = draw((24, 6)), draw((1, 24), seed=1)
    lengths = np.array([np.linalg.norm(m.numpy()[i::4], 2) for i in range(4)])
    weights = 1 / np.tile(lengths, 6)  # row k belongs to subset k mod 4
    want = np.linalg.lstsq(weights[:, None] * m.numpy(), weights * y[0].numpy(), rcond=None)[0]
    errors = []
    for relaxation in (1.0, 0.1):
        found = solve(split(m, y, 4), Kaczmarz(relaxation), rtol=1e-6, max_steps=1000, check_every=100)
        assert not found.converged
        errors.append(np.linalg.norm(found.x.reshape(6).numpy() - want))
    assert 4 * errors[1] < errors[0]


def test_the_draws_depend_on_seed_and_epoch_alone() -> None:
    assert drawn_order(0, 0, 20) == drawn_order(0, 0, 20)
    assert len({tuple(drawn_order(s, e, 20)) for s in range(4) for e in range(4)}) == 16
    assert sorted(drawn_order(7, 1, 20)) == list(range(20))
    picks = drawn_terms(0, 0, [0.1, 0.0, 0.6, 0.3], 20_000)
    shares = np.bincount(picks, minlength=4) / 20_000
    np.testing.assert_allclose(shares, [0.1, 0.0, 0.6, 0.3], atol=0.015)


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_a_run_is_repeatable_and_goes_on_from_its_state(solver, draw) -> None:
    m, y = draw((24, 6)), draw((2, 24), seed=1)
    objective = split(m, y, 4)
    torch.manual_seed(0)
    whole = solve(objective, solver, rtol=0.0, max_steps=6)
    torch.manual_seed(1)  # the global generator has no part in it
    first = solve(objective, solver, rtol=0.0, max_steps=2)
    rest = solve(objective, solver, state=first.state, rtol=0.0, max_steps=4)
    assert torch.equal(whole.x, rest.x)


@pytest.mark.parametrize("solver", [SVRG, StochasticGradient], ids=lambda kind: kind.__name__)
def test_another_seed_is_another_path(solver, draw) -> None:
    m, y = draw((24, 6)), draw((2, 24), seed=1)
    runs = [solve(split(m, y, 4), solver(seed=seed), rtol=0.0, max_steps=2).x for seed in (0, 1)]
    assert float((runs[0] - runs[1]).norm()) > 1e-6


@pytest.mark.parametrize("solver", ALL, ids=named)
def test_an_image_alone_gets_what_it_gets_in_a_batch(solver, draw) -> None:
    m, _, y = consistent(draw)
    y = torch.cat([y, 100 * y.flip(0)])
    together = solve(split(m, y, 4), solver, rtol=1e-3, max_steps=200, check_every=1)
    for i in range(4):
        alone = solve(split(m, y[i : i + 1], 4), solver, rtol=1e-3, max_steps=200, check_every=1)
        torch.testing.assert_close(together.x[i : i + 1], alone.x, rtol=1e-9, atol=1e-10)
        assert together.steps[i] == alone.steps[0]
    assert solve(split(m, y[:0], 4), solver, max_steps=2).x.shape == (0, *SHAPE)
    single = solve(split(m.float(), y.float(), 4), solver, rtol=1e-3, max_steps=200, check_every=1)
    assert float((single.x - together.x).norm() / together.x.norm()) < 1e-2


@pytest.mark.parametrize(
    ("solver", "gradients"), [(StochasticGradient(), 1), (OrderedSubsets(), 1), (Kaczmarz(), 1), (SVRG(), 3)], ids=repr
)
def test_the_calls_are_those_that_the_docstrings_count(solver, gradients, counting, draw, host_waits) -> None:
    ops = [counting(), counting()]
    terms = [least_squares(op, draw((1, 1, 6), seed=i)) for i, op in enumerate(ops)]
    problem = solver.prepare(terms[0] + terms[1])
    state = solver.init(problem, None)

    def calls():
        return sum(op.calls["adjoint"] for op in ops)

    before = calls()
    for _ in range(3):
        state = solver.step(problem, state)
    assert calls() - before == 3 * 2 * gradients  # two terms make one gradient
    before = calls()
    with host_waits() as waits:
        solver.optimality(problem, state)
        assert waits() == 0
    assert calls() - before == (0 if isinstance(solver, SVRG) else 2)


def test_settings_out_of_range_and_terms_that_do_not_fit_are_refused(draw) -> None:
    m, y = draw((24, 6)), draw((1, 24), seed=1)
    start = torch.zeros(1, *SHAPE, dtype=torch.float64)
    with pytest.raises(ConfigError, match=r"Kaczmarz: relaxation is 2.0, expected a number in \(0, 2\)"):
        Kaczmarz(2.0)
    with pytest.raises(ConfigError, match="Kaczmarz: order is 'golden'"):
        Kaczmarz(order="golden")
    with pytest.raises(ConfigError, match="Kaczmarz: term L1.* is not quadratic"):
        solve(split(m, y, 4, L1()), Kaczmarz())
    with pytest.raises(ConfigError, match="StochasticGradient: seed is -1, expected a whole number >= 0"):
        StochasticGradient(seed=-1)
    with pytest.raises(ConfigError, match="StochasticGradient: batch_size is 0"):
        StochasticGradient(batch_size=0)
    with pytest.raises(ConfigError, match="OrderedSubsets: decay is -0.1"):
        OrderedSubsets(decay=-0.1)
    with pytest.raises(ConfigError, match=r"SVRG: step_size is 1, expected one in \(0,"):
        solve(split(m, y, 4), SVRG(step_size=1.0), start)
    with pytest.raises(ConfigError, match="SVRG: term .* has no known Lipschitz constant"):
        solve(kullback_leibler(Dense(m.abs(), SHAPE), y.abs()), SVRG(), start)
    with pytest.raises(ConfigError, match="StochasticGradient: step_size is None"):
        solve(kullback_leibler(Dense(m.abs(), SHAPE), y.abs(), 1.0), StochasticGradient(), start)


def test_the_steps_of_svrg_are_gradient_steps_on_average_for_terms_of_unequal_curvature(draw) -> None:
    m, y = draw((12, 6)), draw((2, 12), seed=1)
    objective = least_squares(Dense(m[:4], SHAPE), y[:, :4]) + 9.0 * least_squares(Dense(m[4:], SHAPE), y[:, 4:])
    a = torch.cat([m[:4], 3 * m[4:]])
    curvature = [float(torch.linalg.matrix_norm(part, 2)) ** 2 for part in (m[:4], 3 * m[4:])]
    probabilities = [part / sum(curvature) for part in curvature]
    step = 0.2 / sum(curvature)

    def gradient_step(x):
        return x - step * (x @ a.mT - torch.cat([y[:, :4], 3 * y[:, 4:]], 1)) @ a

    ends = {}
    for seed in range(30):
        solver = SVRG(seed=seed, inner_steps=2)
        problem = solver.prepare(objective)
        second = drawn_terms(seed, 0, probabilities, 2)[1]
        ends[second] = solver.step(problem, solver.init(problem, None)).x.reshape(2, 6)
    assert not torch.allclose(ends[0], ends[1])
    mean = probabilities[0] * ends[0] + probabilities[1] * ends[1]
    # The first step is the full gradient, the second is so on average.
    torch.testing.assert_close(mean, gradient_step(gradient_step(torch.zeros_like(mean))), rtol=1e-6, atol=1e-9)
