from __future__ import annotations

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, with_tags

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, h1, least_squares
from invkit.functionals.data_fidelity import weighted_least_squares
from invkit.operators import Dense
from invkit.solvers import CGLS, ConjugateGradient, Discrepancy, solve
from invkit.solvers.solution import Status


@pytest.mark.parametrize("name", with_tags("quadratic"))
@pytest.mark.parametrize("order", [0, 1])
def test_it_reaches_the_minimum_of_cvxpy(name, order) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective(order)
    found = solve(objective, CGLS(), rtol=1e-11).require_converged()
    value, minimum = objective.value(found.x).numpy(), problem.minimum()
    assert (value <= minimum + 1e-6 * (1 + abs(minimum))).all()
    np.testing.assert_allclose(found.x, problem.minimiser(), atol=1e-6)


def krylov_minimisers(a: np.ndarray, y: np.ndarray, damping: float, steps: int) -> list[np.ndarray]:
    """argmin of |A x - y|^2 + damping |x|^2 over span{b, H b, ..., H^(k-1) b}, with an orthonormal basis of each."""
    h, b = a.conj().T @ a + damping * np.eye(a.shape[1]), a.conj().T @ y
    basis: list[np.ndarray] = []
    found, v = [], b
    for _ in range(steps):
        for _ in range(2):
            v = v - sum((u * (u.conj() @ v) for u in basis), np.zeros_like(v))
        basis.append(v / np.linalg.norm(v))
        q = np.stack(basis, axis=1)
        found.append(q @ np.linalg.solve(q.conj().T @ h @ q, q.conj().T @ b))
        v = h @ basis[-1]
    return found


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_each_iterate_minimises_over_its_krylov_space(dtype, draw) -> None:
    m, y = draw((9, 6), dtype), draw((2, 9), dtype, 1)
    objective = least_squares(Dense(m), y) + 0.2 * SquaredL2()
    want = [krylov_minimisers(m.numpy(), row, 0.2, 5) for row in y.numpy()]
    for k in range(1, 6):
        got = solve(objective, CGLS(), rtol=0.0, max_steps=k).x.numpy()
        np.testing.assert_allclose(got, np.stack([w[k - 1] for w in want]), atol=1e-10)
        if k > 1:  # the reference tells one step from the next
            assert abs(got - np.stack([w[k - 2] for w in want])).max() > 1e-4


def test_a_badly_conditioned_operator_is_solved_beyond_the_normal_equations(draw) -> None:
    """In A*A of condition 1e14 rounding hides the small singular values; CGLS sees A, of condition 1e7."""
    u, v = torch.linalg.qr(draw((12, 12)))[0], torch.linalg.qr(draw((8, 8), seed=1))[0]
    s = torch.tensor([1, 1, 1, 1, 1, 1e-7, 1e-7, 1e-7], dtype=torch.float64)
    truth = draw((1, 8), seed=2)
    a = u[:, :8] * s @ v.T
    found = solve(least_squares(Dense(a), truth @ a.T), CGLS(), rtol=0.0, max_steps=60)
    assert float((found.x - truth).norm()) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_beyond_the_solution_of_a_singular_system_do_not_leave_it(dtype, draw) -> None:
    m = draw((30, 4), dtype) @ draw((4, 20), dtype, 1)
    y = draw((3, 30), dtype, 2)
    want = y.double().numpy() @ np.linalg.pinv(m.double().numpy(), rcond=1e-5).T
    for max_steps in (10, 37, 200):
        got = solve(least_squares(Dense(m), y), CGLS(), rtol=0.0, max_steps=max_steps).x.numpy()
        np.testing.assert_allclose(got, want, atol=3e4 * torch.finfo(dtype).eps)


def test_a_step_costs_one_forward_and_one_adjoint_and_the_misfit_nothing(counting, draw, host_waits) -> None:
    op, y = counting(), draw((2, 1, 6), seed=1)
    solver = CGLS()
    problem = solver.prepare(least_squares(op, y))
    state = solver.init(problem, None)
    before = dict(op.calls)
    with host_waits() as waits:
        for _ in range(3):
            state = solver.step(problem, state)
        solver.optimality(problem, state)
        misfit = solver.misfit(state)
        assert waits() == 0
    assert op.calls["forward"] - before["forward"] == 3
    assert op.calls["adjoint"] - before["adjoint"] == 3
    torch.testing.assert_close(misfit, torch.linalg.vector_norm(op.forward(state.x) - y, dim=(1, 2)))


def test_an_image_alone_gets_what_it_gets_in_a_batch(draw) -> None:
    m, y = draw((9, 6)), draw((3, 9), seed=1) * torch.tensor([[1.0], [1e3], [0.0]], dtype=torch.float64)
    op = Dense(m, (1, 2, 3))
    weights = 0.7
    together = solve(least_squares(op, y) + weights * h1(op.domain), CGLS(), rtol=1e-6, check_every=1)
    for i in range(3):
        alone = solve(least_squares(op, y[i : i + 1]) + weights * h1(op.domain), CGLS(), rtol=1e-6, check_every=1)
        torch.testing.assert_close(together.x[i : i + 1], alone.x, rtol=1e-11, atol=1e-12)
        assert together.steps[i] == alone.steps[0]
    assert solve(least_squares(op, y[:0]), CGLS()).x.shape == (0, 1, 2, 3)


def test_few_steps_regularise_and_the_discrepancy_principle_finds_them(draw) -> None:
    """|K x - y| falls and |x| grows with the steps, so that stopping early is nearer to the truth than going on."""
    n = 30
    grid = torch.arange(n, dtype=torch.float64)
    a = torch.exp(-((grid[:, None] - grid) ** 2) / 8) / 5
    truth = torch.sin(grid / 5)[None]
    noise = 0.02 * draw((1, n), seed=1)
    y = truth @ a.T + noise
    objective = least_squares(Dense(a), y)
    early = solve(objective, CGLS(), rtol=0.0, check_every=1, stop_when=[Discrepancy(Dense(a), y, float(noise.norm()))])
    late = solve(objective, CGLS(), rtol=0.0, max_steps=200)
    assert early.status == (Status.DISCREPANCY,)
    assert 3 * float((early.x - truth).norm()) < float((late.x - truth).norm())
    runs = [solve(objective, CGLS(), rtol=0.0, max_steps=k) for k in range(1, 9)]
    lengths = [float(run.x.norm()) for run in runs]
    misfits = [float(CGLS().misfit(run.state)) for run in runs]
    assert lengths == sorted(lengths)
    assert misfits == sorted(misfits, reverse=True)


def test_a_start_is_used_and_terms_that_are_not_squares_are_refused(draw) -> None:
    m, y = draw((6, 4)), draw((2, 6), seed=1)
    want = torch.from_numpy(np.linalg.lstsq(m.numpy(), y.numpy().T, rcond=None)[0].T.copy())
    objective = least_squares(Dense(m), y)
    torch.testing.assert_close(solve(objective, CGLS(), want, rtol=1e-8, max_steps=1).require_converged().x, want)
    with pytest.raises(ConfigError, match=r"CGLS: term 0.5 \* L1\(\) is not quadratic"):
        solve(objective + 0.5 * L1(), CGLS())
    with pytest.raises(ConfigError, match="CGLS: .* has no operator that says the size"):
        solve(SquaredL2(), CGLS(), torch.ones(1, 2))


@pytest.mark.parametrize("solver", [CGLS(), ConjugateGradient()])
def test_weights_of_samples_count_and_those_of_weight_zero_are_ignored(solver, draw) -> None:
    m, y = draw((9, 4)), draw((2, 9), seed=1)
    w = draw((2, 9), seed=2).abs()
    w[:, 3] = 0
    objective = 1.5 * weighted_least_squares(Dense(m), y, w) + 0.2 * SquaredL2()
    found = solve(objective, solver, rtol=1e-12)
    for i in range(2):
        a = m.numpy()
        left = 1.5 * a.T @ np.diag(w[i].numpy()) @ a + 0.2 * np.eye(4)
        want = np.linalg.solve(left, 1.5 * a.T @ (w[i].numpy() * y[i].numpy()))
        np.testing.assert_allclose(found.x[i], want, atol=1e-10)
