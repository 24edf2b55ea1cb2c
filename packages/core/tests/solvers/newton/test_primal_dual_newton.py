from __future__ import annotations

import functools

import cvxpy as cp
import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, differences, with_tags
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2, h1, least_squares
from invkit.functionals.huber import Huber
from invkit.functionals.smoothed_norm import SmoothedNorm
from invkit.operators import Dense, FiniteDifference, Fourier
from invkit.solvers import NewtonCG, PrimalDualNewton, solve
from invkit.solvers.newton.primal_dual_newton import system
from invkit.solvers.newton.radial_linearisation import RadialLinearisation

GRID = (1, 5, 4)


def terms_of(draw, norm, dtype=torch.float64, images=slice(None), noise_seed=1):
    m, y = draw((14, 20), dtype), 2 * draw((3, 14), dtype, noise_seed)[images]
    d = FiniteDifference(GRID[1:], 1, dtype=dtype)
    return [0.8 * least_squares(Dense(m, GRID), y), 0.6 * (norm @ d), 0.01 * SquaredL2()]


def total(terms):
    return functools.reduce(lambda f, g: f + g, terms)


@pytest.mark.parametrize("name", with_tags("smooth"))
@pytest.mark.parametrize("order", [0, 1])
def test_it_reaches_the_minimum_of_cvxpy(name, order) -> None:
    problem = PROBLEMS[name]
    objective = problem.objective(order)
    found = solve(objective, PrimalDualNewton(), rtol=1e-11, check_every=1).require_converged()
    value, minimum = objective.value(found.x).numpy(), problem.minimum()
    assert (value <= minimum + 1e-6 * (1 + abs(minimum))).all()
    np.testing.assert_allclose(found.x, problem.minimiser(), atol=1e-6)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_huber_total_variation_is_that_of_cvxpy(order, dtype, draw) -> None:
    """Huber(t) = min_v |u - v|^2 / (2 delta) + |v|, which cvxpy knows term by term."""
    delta = 0.03
    terms = terms_of(draw, Huber(delta, (1,)), dtype)
    found = solve(total(terms[::order]), PrimalDualNewton(), rtol=1e-11, check_every=1, max_steps=200)
    dy, dx = differences(5, 4)
    for x, y in zip(found.require_converged().x.numpy(), 2 * draw((3, 14), dtype, 1).numpy(), strict=True):
        want = cp.Variable(20, complex=dtype.is_complex)
        v = [cp.Variable(20, complex=dtype.is_complex) for _ in range(2)]
        parts = [part for z in v for part in ((cp.real(z), cp.imag(z)) if dtype.is_complex else (z,))]
        norms = cp.sum(cp.norm(cp.vstack(parts), 2, axis=0))
        gaps = cp.sum_squares(dy @ want - v[0]) + cp.sum_squares(dx @ want - v[1])
        fit = 0.4 * cp.sum_squares(draw((14, 20), dtype).numpy() @ want - y) + 0.005 * cp.sum_squares(want)
        cp.Problem(cp.Minimize(fit + 0.6 * (norms + gaps / (2 * delta)))).solve(solver=cp.CLARABEL)
        np.testing.assert_allclose(x.reshape(-1), want.value, atol=2e-5)


@pytest.mark.parametrize("norm", [Huber(0.01, (1,)), SmoothedNorm(0.01, (1,)), SmoothedNorm(0.1)])
def test_it_agrees_with_dense_bfgs_on_the_same_objective_by_autograd(norm, draw) -> None:
    objective = total(terms_of(draw, norm, images=slice(0, 1)))
    x = solve(objective, PrimalDualNewton(), rtol=1e-12, check_every=1, max_steps=200).require_converged().x

    def fun(u):
        leaf = torch.from_numpy(u).reshape(1, *GRID).requires_grad_()
        value = objective.value(leaf).sum()
        return float(value.detach()), torch.autograd.grad(value, leaf)[0].numpy().reshape(-1)

    want = optimize.minimize(fun, np.zeros(20), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}).x
    assert np.abs(fun(want)[1]).max() < 1e-6
    np.testing.assert_allclose(x.reshape(-1), want, atol=1e-7)
    assert np.abs(fun(x.numpy().reshape(-1))[1]).max() < 1e-10


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_agrees_with_newton_to_nine_digits(dtype, draw) -> None:
    objective = total(terms_of(draw, SmoothedNorm(0.05, (1,)), dtype))
    plain = solve(objective, NewtonCG(), rtol=1e-12, max_steps=300, check_every=1).require_converged()
    found = solve(objective, PrimalDualNewton(), rtol=1e-12, max_steps=300, check_every=1).require_converged()
    torch.testing.assert_close(found.x, plain.x, rtol=1e-9, atol=1e-9)


def test_a_small_smoothing_needs_fewer_products_than_newton(draw) -> None:
    objective = total(terms_of(draw, SmoothedNorm(1e-4, (1,))))
    plain = solve(objective, NewtonCG(), rtol=1e-8, max_steps=300, check_every=1)
    found = solve(objective, PrimalDualNewton(), rtol=1e-8, max_steps=300, check_every=1).require_converged()
    assert 2 * found.state.inner_steps.sum() < plain.state.inner_steps.sum()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), size=st.floats(1e-6, 1e3), huber=st.booleans(), is_complex=st.booleans())
def test_the_linearised_system_is_positive_semidefinite_and_self_adjoint(seed, size, huber, is_complex) -> None:
    dtype = torch.complex128 if is_complex else torch.float64
    generator = torch.Generator().manual_seed(seed)
    u, w, v, z = (torch.randn(1, 2, 6, dtype=dtype, generator=generator) for _ in range(4))
    w = w / torch.linalg.vector_norm(w, dim=1, keepdim=True).clamp_min(1)
    norm = Huber(0.3, (0,)) if huber else SmoothedNorm(0.3, (0,))
    part = RadialLinearisation(norm, size * u, w)
    mv, mz = part.apply(v), part.apply(z)
    assert float((mv * v.conj()).real.sum()) >= -1e-12
    torch.testing.assert_close((mv * z.conj()).real.sum(), (mz * v.conj()).real.sum())
    assert (part.diagonal() > 0).all()


@pytest.mark.parametrize("norm", [Huber(0.3, (0,)), SmoothedNorm(0.3, (0,))])
def test_at_the_dual_of_the_point_the_system_is_the_hessian_and_its_diagonal(norm, draw) -> None:
    u, v = 0.3 * draw((2, 3, 5)), draw((2, 3, 5), seed=1)
    part = RadialLinearisation(norm, u, norm.gradient(u))
    torch.testing.assert_close(part.apply(v), norm.hessian_vector(u, v))
    columns = []
    for j in range(15):
        unit = torch.zeros(2, 15, dtype=torch.float64)
        unit[:, j] = 1
        columns.append(part.apply(unit.reshape(2, 3, 5)).reshape(2, 15)[:, j])
    torch.testing.assert_close(part.diagonal().reshape(2, 15), torch.stack(columns, 1))
    # A zero step in u keeps a dual that already solves its equation; a wrong one is brought back at once.
    torch.testing.assert_close(part.dual(torch.zeros_like(u), torch.ones(2)), norm.gradient(u))


def masked_fourier(draw, gamma: float, size: int = 24):
    """Complex images of pieces with a smooth phase, a third of their Fourier coefficients, and noise."""
    row, column = torch.meshgrid(*(torch.linspace(-1, 1, size, dtype=torch.float64),) * 2, indexing="ij")
    pieces = ((row**2 + 1.4 * column**2) < 0.7).double() - 0.6 * ((row - 0.2).abs() + column.abs() < 0.3).double()
    truth = (pieces * torch.exp(1j * (row + column**2)))[None, None]
    chosen = (torch.rand(size, size, generator=torch.Generator().manual_seed(0)) < 0.33).double()
    chosen[torch.hypot(*torch.meshgrid(*(torch.fft.fftfreq(size),) * 2, indexing="ij")) < 0.12] = 1
    op = Fourier((size, size), chosen, dtype=torch.complex128)
    y = op.forward(truth) + 0.03 * draw((1, 1, size, size), torch.complex128, 4) * chosen
    tv = SmoothedNorm(gamma, (1,)) @ FiniteDifference((size, size), 1, dtype=torch.complex128)
    return least_squares(op, y) + 1e-2 * tv + gamma * SquaredL2()


def test_jacobi_halves_the_products_on_a_masked_fourier_problem(draw) -> None:
    objective = masked_fourier(draw, 1e-3)
    plain = solve(objective, PrimalDualNewton(None), rtol=1e-8, max_steps=60, check_every=1).require_converged()
    better = solve(objective, PrimalDualNewton(), rtol=1e-8, max_steps=60, check_every=1).require_converged()
    torch.testing.assert_close(better.x, plain.x, rtol=1e-6, atol=1e-7)
    assert 2 * better.state.inner_steps < plain.state.inner_steps
    assert better.state.inner_steps + better.steps < 400


def test_the_jacobi_diagonal_is_that_of_the_system_column_by_column(draw) -> None:
    norm = SmoothedNorm(0.3, (1,))
    solver = PrimalDualNewton()
    problem = solver.prepare(total(terms_of(draw, norm, images=slice(0, 1))))
    state = solver.step(problem, solver.init(problem, None))
    parts = [
        RadialLinearisation(norm, u, w) if w is not None else None
        for u, w in zip(state.images, state.duals, strict=True)
    ]
    apply = system(problem, state.images, parts)
    columns = torch.stack([apply(unit.reshape(1, *GRID)).flatten() for unit in torch.eye(20, dtype=torch.float64)])
    torch.testing.assert_close(columns, columns.mT)
    diagonal = solver._diagonal(problem, state.images, parts)
    # Beside it by what the two differences of a pixel share through one group: the preconditioner may be anything.
    assert ((diagonal.flatten() / columns.diagonal()) > 0.5).all()
    assert ((diagonal.flatten() / columns.diagonal()) < 2).all()
    assert (columns.diagonal().max() / columns.diagonal().min()) > 1.5


def test_the_duals_stay_in_the_unit_ball_and_end_as_the_gradients(draw) -> None:
    norm = Huber(0.02, (1,))
    objective = total(terms_of(draw, norm))
    sizes: list[float] = []
    found = solve(
        objective,
        PrimalDualNewton(),
        rtol=1e-10,
        check_every=1,
        callback=lambda step, state: sizes.append(
            float(torch.linalg.vector_norm(state.duals[1], dim=2).max())  # (batch, channel, d, *spatial)
        ),
    )
    assert max(sizes) <= 1 + 1e-12
    image = FiniteDifference(GRID[1:], 1, dtype=torch.float64).forward(found.x)
    torch.testing.assert_close(found.state.duals[1], norm.gradient(image), rtol=1e-6, atol=1e-6)


def test_a_state_is_a_warm_start_for_a_problem_with_other_data(draw) -> None:
    norm = Huber(0.01, (1,))
    before, near = terms_of(draw, norm), terms_of(draw, norm)
    m, y = draw((14, 20)), 2 * draw((3, 14), seed=1)
    near[0] = 0.8 * least_squares(Dense(m, GRID), y + 1e-4 * draw((3, 14), seed=5))
    old = solve(total(before), PrimalDualNewton(), rtol=1e-10, check_every=1)
    cold = solve(total(near), PrimalDualNewton(), rtol=1e-10, check_every=1).require_converged()
    warm = solve(total(near), PrimalDualNewton(), state=old.state, rtol=1e-10, check_every=1).require_converged()
    torch.testing.assert_close(warm.x, cold.x, rtol=1e-7, atol=1e-8)
    assert (2 * warm.steps <= cold.steps).all()
    onward = solve(total(before), PrimalDualNewton(), state=old.state, rtol=1e-10, check_every=1)
    assert onward.total_steps == 1


def test_an_image_alone_gets_what_it_gets_in_a_batch(draw) -> None:
    norm = SmoothedNorm(0.02, (1,))
    together = solve(total(terms_of(draw, norm)), PrimalDualNewton(), rtol=1e-6, check_every=1, max_steps=200)
    for i in range(3):
        one = slice(i, i + 1)
        alone = solve(total(terms_of(draw, norm, images=one)), PrimalDualNewton(), rtol=1e-6, check_every=1)
        torch.testing.assert_close(together.x[one], alone.x, rtol=1e-9, atol=1e-9)
        assert together.steps[i] == alone.steps[0]
    assert solve(total(terms_of(draw, norm, images=slice(0, 0))), PrimalDualNewton()).x.shape == (0, *GRID)


def test_a_step_costs_a_pair_for_each_inner_step_and_one_more(counting, draw, host_waits) -> None:
    op, y = counting(), draw((1, 1, 6), seed=1)
    solver = PrimalDualNewton(None)
    problem = solver.prepare(least_squares(op, y) + 0.3 * (Huber(0.1, (1,)) @ FiniteDifference((4,), dtype=y.dtype)))
    state = solver.init(problem, None)
    assert op.calls == {"forward": 1, "adjoint": 1}
    before = int(state.inner_steps[0])
    with host_waits() as waits:
        state = solver.step(problem, state)
        inner = int(state.inner_steps[0]) - before
        assert waits() <= inner + 4  # a look at each inner step on the CPU, one trial, and the two reads here
    assert op.calls == {"forward": 2 + inner, "adjoint": 2 + inner}


def test_single_precision_comes_as_close_as_its_rounding(draw) -> None:
    def single(shape, dtype=None, seed=0):
        return draw(shape, torch.float64, seed).float()

    norm = SmoothedNorm(0.05, (1,))
    want = solve(total(terms_of(draw, norm)), PrimalDualNewton(), rtol=1e-10, check_every=1).x
    found = solve(total(terms_of(single, norm, torch.float32)), PrimalDualNewton(), rtol=1e-4, check_every=1)
    assert float((found.require_converged().x - want).norm() / want.norm()) < 1e-3


def test_gradients_reach_the_smoothing_and_the_weight(draw) -> None:
    def solution(theta):
        terms = terms_of(draw, SmoothedNorm(theta[0], (1,)))
        d = FiniteDifference(GRID[1:], 1, dtype=torch.float64)
        terms[1] = theta[1] * (SmoothedNorm(theta[0], (1,)) @ d)
        return solve(total(terms), PrimalDualNewton(), rtol=1e-12, check_every=1, max_steps=60).x

    theta = torch.tensor([0.5, 0.6], dtype=torch.float64, requires_grad=True)
    direction = draw((3, *GRID), seed=9)
    (found,) = torch.autograd.grad((solution(theta) * direction).sum(), theta)
    h = 1e-5
    for i in range(2):
        e = torch.eye(2, dtype=torch.float64)[i] * h
        base = theta.detach()
        want = ((solution(base + e) - solution(base - e)) * direction).sum() / (2 * h)
        torch.testing.assert_close(found[i], want, rtol=1e-4, atol=1e-6)


def test_a_term_without_a_gradient_and_settings_out_of_range_are_refused(draw) -> None:
    d = FiniteDifference((4,), dtype=torch.float64)
    objective = h1(d.domain) + L1() @ d
    with pytest.raises(ConfigError, match=r"PrimalDualNewton: term L1\(\) @ FiniteDifference has no gradient"):
        solve(objective, PrimalDualNewton(), torch.ones(1, 1, 4, dtype=torch.float64))
    with pytest.raises(ConfigError, match="PrimalDualNewton: armijo is 0.7"):
        PrimalDualNewton(armijo=0.7)
    with pytest.raises(ConfigError, match="PrimalDualNewton: preconditioner is 'fft'"):
        PrimalDualNewton("fft")
