from __future__ import annotations

import functools

import cvxpy as cp
import numpy as np
import pytest
import torch
from scipy import optimize

from invkit.errors import ConfigError, DataError
from invkit.functionals import L1, SquaredL2
from invkit.functionals.data_fidelity import kullback_leibler
from invkit.functionals.indicators import nonnegativity
from invkit.operators import Dense
from invkit.operators.capabilities.subsets import subsets
from invkit.solvers import MLEM, OSEM, Status, solve

SHAPE = (1, 2, 3)


def counts(batch: int = 3, rows: int = 12, dtype=torch.float64):
    """A matrix with a zero row and a zero column, and Poisson counts with zeros among them."""
    generator = torch.Generator().manual_seed(0)
    m = torch.rand(rows, 6, dtype=torch.float64, generator=generator)
    m[3] = 0
    m[:, 4] = 0
    truth = 20 * torch.rand(batch, 6, dtype=torch.float64, generator=generator)
    truth[:, 1] = 0
    y = torch.poisson(truth @ m.T, generator=generator)
    y[:, 5] = 0
    return m.to(dtype), y.to(dtype)


@pytest.mark.parametrize("background", [0.0, 2.5])
def test_it_reaches_the_maximum_of_the_likelihood_by_cvxpy(background) -> None:
    m, y = counts()
    objective = kullback_leibler(Dense(m, SHAPE), y, background)
    found = solve(objective, MLEM(), rtol=1e-7, max_steps=50_000, check_every=100).require_converged()
    value = objective.value(found.x)
    for i, row in enumerate(y.numpy()):
        x = cp.Variable(6)
        z = m.numpy() @ x + background
        counted = row > 0
        model = cp.sum(z) - cp.sum(cp.multiply(row[counted], cp.log(z[counted])))
        best = cp.Problem(cp.Minimize(model), [x >= 0]).solve(solver=cp.CLARABEL)
        best += float((row[counted] * np.log(row[counted])).sum() - row.sum())
        assert float(value[i]) <= best + 1e-6 * (1 + abs(best))
        seen = np.array([0, 1, 2, 3, 5])
        np.testing.assert_allclose(found.x[i].reshape(-1)[seen], x.value[seen], atol=2e-3)


def test_the_likelihood_never_falls_and_the_counts_are_kept() -> None:
    m, y = counts()
    objective = kullback_leibler(Dense(m, SHAPE), y)
    solver = MLEM()
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    last = objective.value(state.x)
    measured = y.sum(1) - y[:, 3]  # the ray through nothing can explain none of its counts
    for _ in range(30):
        state = solver.step(problem, state)
        value = objective.value(state.x)
        assert (value <= last * (1 + 1e-13)).all()
        torch.testing.assert_close((state.x.flatten(1) @ m.T).sum(1), measured)
        last = value


def test_one_update_is_the_formula_pixel_by_pixel() -> None:
    m, y = counts()
    solver = MLEM()
    problem = solver.prepare(1.7 * kullback_leibler(Dense(m, SHAPE), y, 0.5))
    start = torch.arange(1.0, 19.0, dtype=torch.float64).reshape(3, *SHAPE)
    got = solver.step(problem, solver.init(problem, start)).x.reshape(3, 6).numpy()
    a, x = m.numpy(), start.reshape(3, 6).numpy()
    for i in range(3):
        for j in range(6):
            seen = a[:, j].sum()
            ratio = sum(a[k, j] * y[i, k].item() / (a[k] @ x[i] + 0.5) for k in range(12))
            want = x[i, j] * ratio / seen if seen > 0 else x[i, j]
            assert got[i, j] == pytest.approx(want, rel=1e-12)


def test_pixels_that_no_ray_meets_keep_their_start_and_zero_counts_give_zero() -> None:
    m, y = counts()
    y[1] = 0
    found = solve(kullback_leibler(Dense(m, SHAPE), y), MLEM(), rtol=1e-4, max_steps=3000)
    seen = [0, 1, 2, 3, 5]
    assert not found.x[1].reshape(-1)[seen].any()
    assert (found.x.reshape(3, 6)[:, 4] > 0).all()
    assert torch.isfinite(found.x).all()


def test_a_start_that_is_not_positive_does_not_hold_the_answer_at_zero() -> None:
    m, y = counts()
    objective = kullback_leibler(Dense(m, SHAPE), y, 1.0) + nonnegativity()
    want = solve(objective, MLEM(), rtol=1e-7, max_steps=50_000, check_every=100).x.reshape(3, 6)
    start = torch.zeros(3, *SHAPE, dtype=torch.float64)
    start[0, 0, 0, 0] = -3
    got = solve(objective, MLEM(), start, rtol=1e-7, max_steps=50_000, check_every=100).x.reshape(3, 6)
    seen = [0, 1, 2, 3, 5]
    torch.testing.assert_close(got[:, seen], want[:, seen], rtol=1e-3, atol=1e-4)


def test_the_residual_is_zero_at_the_maximum_and_not_elsewhere() -> None:
    m, y = counts(1)
    a, row = m.numpy(), y[0].numpy()

    def negative_likelihood(x):
        z = a @ x + 1.0
        return z.sum() - (row * np.log(z)).sum(), a.T @ (1 - row / z)

    best = optimize.minimize(
        negative_likelihood, np.ones(6), jac=True, bounds=[(0, None)] * 6, options={"ftol": 1e-16, "gtol": 1e-10}
    ).x
    assert best.min() == 0  # a minimiser on the boundary, where the gradient does not vanish
    solver = MLEM()
    problem = solver.prepare(kullback_leibler(Dense(m, SHAPE), y, 1.0))
    from invkit.solvers.subsets.poisson import kkt_residual

    def residual(x):
        x = torch.from_numpy(np.ascontiguousarray(x)).reshape(1, *SHAPE)
        return float(kkt_residual(x, problem.terms[0].back(x), problem.sensitivities[0]).relative)

    assert residual(best) < 1e-5
    assert residual(best + 0.1) > 1e-2
    assert residual(np.zeros(6) + 1e-12) > 1e-2


def subset_objective(m, y, num_subsets: int = 3, background: float = 0.0):
    op = Dense(m, SHAPE, (len(m),))
    parts = subsets(op, num_subsets, axis=0)
    terms = [kullback_leibler(a, r.forward(y), background) for a, r in parts]
    return functools.reduce(lambda f, g: f + g, terms)


def consistent():
    m, _ = counts()
    m[3], m[:, 4] = 0.3, 0.4
    truth = 1 + torch.rand(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    m = m + 2 * torch.eye(12, 6, dtype=torch.float64) + 2 * torch.eye(12, 6, dtype=torch.float64).flip(0)
    return m, truth, truth @ m.T


def test_subsets_reach_the_truth_of_consistent_counts() -> None:
    m, truth, y = consistent()
    for solver in (OSEM(), MLEM()):
        found = solve(subset_objective(m, y), solver, rtol=1e-9, max_steps=5000).require_converged()
        torch.testing.assert_close(found.x.reshape(2, 6), truth, rtol=1e-5, atol=1e-6)


def test_four_balanced_subsets_do_in_a_pass_what_takes_mlem_three() -> None:
    generator = torch.Generator().manual_seed(0)
    m = torch.rand(80, 6, dtype=torch.float64, generator=generator) ** 2
    y = torch.poisson(50 * torch.rand(2, 6, dtype=torch.float64, generator=generator) @ m.T, generator=generator)
    objective = subset_objective(m, y, 4)
    fast = solve(objective, OSEM(), rtol=0.0, max_steps=4, record_objective=True, check_every=1)
    slow = solve(objective, MLEM(), rtol=0.0, max_steps=12, record_objective=True, check_every=1)
    for passes in (1, 2, 4):
        assert (fast.history.objective[passes - 1] < slow.history.objective[3 * passes - 1]).all()


def test_one_subset_is_mlem_and_inconsistent_counts_are_not_called_converged() -> None:
    m, y = counts(rows=15)
    whole = subset_objective(m, y, 1, 0.3)
    solver, reference = OSEM(), MLEM()
    a, b = solver.init(solver.prepare(whole), None), reference.init(reference.prepare(whole), None)
    for _ in range(4):
        a, b = solver.step(solver.prepare(whole), a), reference.step(reference.prepare(whole), b)
    torch.testing.assert_close(a.x, b.x)
    cycling = solve(subset_objective(m, y, 3, 0.3), OSEM(), rtol=1e-6, max_steps=500)
    assert not cycling.converged


@pytest.mark.parametrize("solver", [MLEM(), OSEM()], ids=["mlem", "osem"])
def test_an_image_alone_gets_what_it_gets_in_a_batch(solver) -> None:
    m, y = counts()
    together = solve(subset_objective(m, y), solver, rtol=1e-3, max_steps=300, check_every=1)
    for i in range(3):
        alone = solve(subset_objective(m, y[i : i + 1]), solver, rtol=1e-3, max_steps=300, check_every=1)
        torch.testing.assert_close(together.x[i : i + 1], alone.x, rtol=1e-11, atol=1e-12)
        assert together.steps[i] == alone.steps[0]
    assert solve(subset_objective(m, y[:0]), solver, max_steps=2).x.shape == (0, *SHAPE)
    single = solve(subset_objective(m.float(), y.float()), solver, rtol=1e-3, max_steps=300, check_every=1)
    assert single.x.dtype == torch.float32
    assert float((single.x.double() - together.x).norm() / together.x.norm()) < 1e-2


def test_a_step_costs_one_forward_and_one_adjoint_and_no_wait(counting, host_waits) -> None:
    op = counting()
    object.__setattr__(op.operator, "matrix", op.operator.matrix.abs())
    y = torch.full((2, 1, 6), 3.0, dtype=torch.float64)
    solver = MLEM()
    problem = solver.prepare(kullback_leibler(op, y))
    state = solver.init(problem, None)
    assert op.calls == {"forward": 0, "adjoint": 1}
    with host_waits() as waits:
        for _ in range(5):
            state = solver.step(problem, state)
        solver.optimality(problem, state)
        assert waits() == 0
    assert op.calls == {"forward": 5, "adjoint": 6}


def test_other_terms_and_operators_with_negative_sums_are_refused() -> None:
    m, y = counts()
    with pytest.raises(ConfigError, match=r"MLEM: term 0.3 \* L1\(\) is not a fit to counts"):
        solve(kullback_leibler(Dense(m, SHAPE), y) + 0.3 * L1(), MLEM())
    with pytest.raises(ConfigError, match="OSEM: term SquaredL2"):
        solve(SquaredL2(), OSEM())
    with pytest.raises(ConfigError, match=r"MLEM: Box\(0, inf\) has no fit to counts"):
        solve(nonnegativity(), MLEM())
    with pytest.raises(DataError, match=r"MLEM: A\*1 has an entry of -.*of which A\*1 >= 0 is no proof"):
        solve(kullback_leibler(Dense(-m, SHAPE), y), MLEM())


@pytest.mark.parametrize("solver", [MLEM(), OSEM()])
def test_what_cannot_have_given_the_counts_is_never_called_converged(solver) -> None:
    generator = torch.Generator().manual_seed(0)
    converged = 0
    for _ in range(60):
        matrix = torch.randn(5, 3, dtype=torch.float64, generator=generator) + 0.6
        y = torch.poisson(3 * torch.rand(1, 5, dtype=torch.float64, generator=generator), generator=generator)
        if (matrix.sum(0) < 0).any():
            continue
        objective = kullback_leibler(Dense(matrix), y, 0.1) + nonnegativity()
        found = solve(objective, solver, rtol=1e-6, max_steps=500, check_every=20)
        if found.converged:
            converged += 1
            z = matrix @ found.x[0] + 0.1
            assert (z >= -1e-9).all()
            assert (z[y[0] > 0] > 0).all()
    assert converged  # negative entries alone do no harm


def test_a_count_where_nothing_can_be_seen_is_called_diverged_and_its_batch_mate_is_not() -> None:
    m, y = counts(2)
    y[:, 3] = torch.tensor([0.0, 4.0])  # row 3 is zero
    found = solve(kullback_leibler(Dense(m, SHAPE), y), MLEM(), rtol=1e-4, max_steps=5000, check_every=50)
    assert found.status == (Status.CONVERGED, Status.DIVERGED)
