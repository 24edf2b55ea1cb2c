"""Landweber's iteration: its filter factors, semiconvergence, and the discrepancy principle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import optimize

from invkit.errors import ConfigError, DataError
from invkit.functionals import L1, Ball, Box, Simplex, least_squares
from invkit.operators import Dense, Operator, Space
from invkit.solvers import Discrepancy, Landweber, Misfit, Status, solve


def blur() -> tuple[torch.Tensor, torch.Tensor]:
    """A smoothing matrix, 45 by 40, with singular values from 1 to 1e-7, and two images."""
    rows = torch.linspace(0, 1, 45, dtype=torch.float64)[:, None]
    columns = torch.linspace(0, 1, 40, dtype=torch.float64)
    matrix = torch.exp(-((rows - columns) ** 2) / (2 * 0.06**2)) * 0.1
    return matrix, torch.stack([((columns > 0.3) & (columns < 0.6)).double(), torch.sin(5 * columns) ** 2])


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("k", [1, 2, 7, 50])
def test_k_steps_are_the_filter_factors_of_the_singular_values(k: int, dtype: torch.dtype, draw) -> None:
    m, y, c = draw((7, 5), dtype), draw((3, 7), dtype, 1), 1.7
    u, s, vh = np.linalg.svd(m.numpy(), full_matrices=False)
    tau = 1.3 / (c * s[0] ** 2)
    got = solve(c * least_squares(Dense(m), y), Landweber(step_size=tau), rtol=0.0, max_steps=k).x.numpy()

    def filtered(tau: float) -> np.ndarray:
        factors = (1 - (1 - tau * c * s**2) ** k) / s
        return (y.numpy() @ u.conj() * factors) @ vh.conj()

    np.testing.assert_allclose(got, filtered(tau), rtol=0, atol=1e-12 * np.abs(filtered(tau)).max())
    assert not np.allclose(got, filtered(0.99 * tau), rtol=0, atol=1e-6)


def test_the_error_falls_and_rises_again_and_the_discrepancy_stops_near_the_best(draw) -> None:
    matrix, truth = blur()
    operator = Dense(matrix)
    clean, noise = truth @ matrix.mT, draw((2, 45), seed=3)
    levels = torch.tensor([0.02, 0.005], dtype=torch.float64) * clean.norm(dim=1)
    y = clean + levels[:, None] * noise / noise.norm(dim=1, keepdim=True)
    objective = least_squares(operator, y)

    errors: list[np.ndarray] = []
    solve(
        objective, Landweber(), rtol=0.0, max_steps=20_000, check_every=5,
        callback=lambda step, state: errors.append((state.x - truth).norm(dim=1).numpy()),
    )  # fmt: skip
    table = np.stack(errors)
    best = table.argmin(0)
    assert (best > 0).all()
    assert (best < len(table) - 1).all()
    assert (table[0] > 1.1 * table.min(0)).all()
    assert (table[-1] > 2 * table.min(0)).all()

    rule = Discrepancy(operator, y, levels, factor=1.01)
    stopped = solve(objective, Landweber(), rtol=0.0, max_steps=20_000, check_every=1, stop_when=(rule,))
    assert stopped.status == (Status.DISCREPANCY,) * 2
    assert stopped.steps[0] != stopped.steps[1]
    error = (stopped.x - truth).norm(dim=1).numpy()
    # Of optimal order, not optimal: it stops early where the truth is smooth (the second).
    assert (error < np.array([1.1, 2.5]) * table.min(0)).all()
    assert (error < 0.6 * table[-1]).all()
    # It is the first iterate that fits: the one before does not.
    for i in range(2):
        before = solve(objective, Landweber(), rtol=0.0, max_steps=int(stopped.steps[i]) - 1).x[i]
        assert float((before @ matrix.mT - y[i]).norm()) > 1.01 * float(levels[i])
        alone = Discrepancy(operator, y[i : i + 1], levels[i : i + 1], factor=1.01)
        single = solve(
            least_squares(operator, y[i : i + 1]), Landweber(), rtol=0.0, max_steps=20_000, check_every=1,
            stop_when=(alone,),
        )  # fmt: skip
        assert single.steps[0] == stopped.steps[i]
        torch.testing.assert_close(single.x[0], stopped.x[i], rtol=1e-9, atol=1e-12)


def test_with_a_box_it_ends_at_scipys_nonnegative_least_squares(draw) -> None:
    m, y = draw((7, 5)), draw((3, 7), seed=1)
    want = np.stack([optimize.nnls(m.numpy(), row)[0] for row in y.numpy()])
    for objective in (2.0 * least_squares(Dense(m), y) + Box(0.0), Box(0.0) + 2.0 * least_squares(Dense(m), y)):
        got = solve(objective, Landweber(), rtol=1e-10, max_steps=20_000).require_converged().x.numpy()
        np.testing.assert_allclose(got, want, atol=1e-8)
    assert (want == 0).any()


def test_with_a_ball_it_ends_at_the_multiplier_of_the_constraint(draw) -> None:
    m, y = draw((7, 5)), draw((1, 7), seed=1)
    got = solve(least_squares(Dense(m), y) + Ball(0.2, None), Landweber(), rtol=1e-10, max_steps=9000).x
    gram, rhs = m.mT @ m, (y @ m)[0]

    def size(weight: float) -> float:
        return float(torch.linalg.solve(gram + weight * torch.eye(5, dtype=torch.float64), rhs).norm()) - 0.2

    weight = optimize.brentq(size, 0.0, 1e4, xtol=1e-13)
    want = torch.linalg.solve(gram + weight * torch.eye(5, dtype=torch.float64), rhs)
    torch.testing.assert_close(got[0], want, atol=1e-8, rtol=0)


@dataclass(frozen=True, eq=False, repr=False)
class Squares(Operator):
    """x -> M x + 0.3 (M x)^2, elementwise."""

    matrix: torch.Tensor

    @property
    def domain(self) -> Space:
        return Space((self.matrix.shape[1],), self.matrix.dtype)

    @property
    def codomain(self) -> Space:
        return Space((self.matrix.shape[0],), self.matrix.dtype)

    def _forward(self, x):
        z = x @ self.matrix.mT
        return z + 0.3 * z**2

    def _jvp(self, x, v):
        return (1 + 0.6 * x @ self.matrix.mT) * (v @ self.matrix.mT)

    def _vjp(self, x, z):
        return ((1 + 0.6 * x @ self.matrix.mT) * z) @ self.matrix


def test_a_nonlinear_operator_is_inverted_near_the_start(draw) -> None:
    operator, truth = Squares(0.5 * draw((8, 5))), 0.3 * draw((2, 5), seed=1)
    y = operator.forward(truth)
    solution = solve(2.0 * Misfit(operator, y), Landweber(step_size=0.05), rtol=1e-10, max_steps=20_000)
    torch.testing.assert_close(solution.require_converged().x, truth, atol=1e-7, rtol=0)
    with pytest.raises(ConfigError, match="Landweber: step_size is None, expected a number"):
        solve(Misfit(operator, y), Landweber())


def test_with_a_simplex_it_ends_where_the_gradient_is_level(draw) -> None:
    m, y = draw((7, 5)), draw((2, 7), seed=1)
    x = solve(least_squares(Dense(m), y) + Simplex(1.0), Landweber(), rtol=1e-10, max_steps=9000).require_converged().x
    gradient = (x @ m.mT - y) @ m
    assert (x >= 0).all()
    torch.testing.assert_close(x.sum(1), torch.ones(2, dtype=torch.float64))
    lowest = gradient.amin(1, keepdim=True)
    assert ((gradient - lowest).abs() < 1e-7)[x > 1e-9].all()
    assert (x <= 1e-9).any()


def test_a_misfit_moves_to_another_precision_and_prints_no_tensor(draw) -> None:
    moved = Misfit(Dense(draw((6, 4))), draw((2, 6))).to(dtype=torch.float32)
    assert moved.y.dtype is torch.float32
    assert moved.domain.dtype is torch.float32
    assert repr(moved) == "Misfit()"


def test_of_a_linear_operator_the_misfit_is_least_squares(draw) -> None:
    m, y, x = draw((6, 4)), draw((2, 6), seed=1), draw((2, 4), seed=2)
    one, other = Misfit(Dense(m), y), least_squares(Dense(m), y)
    torch.testing.assert_close(one.value(x), 0.5 * (x @ m.mT - y).square().sum(1))
    assert torch.equal(
        solve(one, Landweber(), x, rtol=0.0, max_steps=9).x, solve(other, Landweber(), x, rtol=0.0, max_steps=9).x
    )
    with pytest.raises(DataError, match="Misfit: measurement has 1 values that are NaN"):
        Misfit(
            Dense(m),
            torch.full((1, 6), torch.nan, dtype=torch.float64)
            .nan_to_num(0)
            .index_fill(1, torch.tensor([2]), torch.nan),
        )


def test_a_step_costs_one_operator_and_one_adjoint(counting, draw) -> None:
    op = counting()
    solve(least_squares(op, draw((2, 1, 6))), Landweber(), rtol=0.0, max_steps=30)
    assert op.calls == {"forward": 30, "adjoint": 30}


def test_an_empty_batch_has_an_empty_solution_and_no_step_waits(host_waits, draw) -> None:
    assert solve(least_squares(Dense(torch.eye(3)), torch.zeros(0, 3)), Landweber()).x.shape == (0, 3)
    problem = Landweber().prepare(least_squares(Dense(draw((6, 4))), draw((2, 6))) + Box(0.0))
    state = Landweber().step(problem, Landweber().init(problem, None))
    with host_waits() as count:
        Landweber().step(problem, state)
    assert count() == 0


def test_what_it_does_not_take_is_refused_by_name(draw) -> None:
    data = least_squares(Dense(torch.eye(2)), torch.ones(1, 2))  # |A| = 1
    with pytest.raises(ConfigError, match=r"Landweber: term L1\(\) is neither a misfit nor the indicator of a set"):
        solve(data + L1(), Landweber())
    with pytest.raises(ConfigError, match="there are 2 misfits and 0 sets, expected 1 and at most 1"):
        solve(data + data, Landweber())
    with pytest.raises(ConfigError, match=r"Landweber: step_size is 2.1, expected one in \(0, 2"):
        solve(data, Landweber(step_size=2.1))


def test_steps_below_the_spacing_of_numbers_are_no_convergence() -> None:
    stiff = Dense(torch.diag(torch.tensor([1e4, 1.0])))
    objective = least_squares(stiff, torch.tensor([[0.0, 1.0]]))
    solution = solve(objective, Landweber(), torch.tensor([[0.0, 2.0]]), max_steps=500)
    assert float(solution.x[0, 1]) == pytest.approx(2.0, abs=1e-3)  # the solution is 1: it never moved
    assert solution.status == (Status.MAX_STEPS,)
