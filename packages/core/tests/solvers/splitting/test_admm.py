from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, GroupL1, SquaredL2, h1, huber_tv, least_squares, smoothed_tv, total_variation
from invkit.operators import Blur, Dense, FiniteDifference, Fourier, Identity
from invkit.solvers import ADMM, PDHG, AdaptivePDHG, solve
from invkit.solvers.splitting.free_edges import prox_with_free_edges
from invkit.solvers.splitting.split_problem import as_split


def mri(draw, shape=(6, 5), weight=0.05):
    pattern = (draw(shape).abs() > 0.4).double() * (1 + 0.3 * draw(shape, seed=1).sigmoid())
    pattern[0, 0] = 1.0
    op = Fourier(shape, pattern, dtype=torch.complex128)
    y = draw((2, 1, *shape), torch.complex128, 2) * pattern
    return least_squares(op, y) + weight * total_variation(op.domain, boundary="periodic")


def deblurring(draw):
    op = Blur(draw((3, 3)).abs(), (6, 5))
    y = draw((2, 1, 6, 5), seed=3)
    return 1.3 * least_squares(op, y) + 0.2 * total_variation(op.domain, boundary="periodic") + Box(0.0)


@pytest.mark.parametrize("make", [mri, deblurring], ids=["mri", "deblurring"])
def test_the_exact_step_leads_to_the_minimiser_that_pdhg_finds(make, draw) -> None:
    objective = make(draw)
    assert ADMM().prepare(objective).symbols is not None
    want = solve(objective, AdaptivePDHG(), rtol=1e-9, max_steps=60_000, check_every=50).require_converged().x
    solution = solve(objective, ADMM(), rtol=1e-9, max_steps=5000).require_converged()
    torch.testing.assert_close(solution.x, want, atol=1e-5, rtol=1e-5)
    other = solve(make(draw, weight=0.06) if make is mri else objective + 0.1 * L1(), ADMM(), rtol=1e-9, max_steps=5000)
    assert not torch.allclose(other.x, want, atol=1e-4)


NEUMANN = {
    "isotropic": total_variation,
    "anisotropic": functools.partial(total_variation, isotropic=False),
    "spacing": functools.partial(total_variation, spacing=(0.5, 2.0)),
    "huber": functools.partial(huber_tv, delta=0.1),
    "smoothed": functools.partial(smoothed_tv, gamma=0.1),
}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in NEUMANN
        for shape in ((6, 5), (1, 7), (4, 3, 2))
        if (name, len(shape)) != ("spacing", 3)
    ],
)
def test_differences_that_stop_at_the_edge_have_an_exact_step_too(name, shape, draw) -> None:
    pattern = (draw(shape).abs() > 0.4).double()
    pattern[(0,) * len(shape)] = 1.0
    op = Fourier(shape, pattern, dtype=torch.complex128)
    objective = 1.2 * least_squares(op, draw((2, 1, *shape), torch.complex128, 2) * pattern) + 0.15 * NEUMANN[name](
        op.domain
    )
    problem = ADMM().prepare(objective)
    assert problem.symbols is not None
    assert problem.free == (True,)
    want = solve(objective, AdaptivePDHG(), rtol=1e-9, max_steps=60_000, check_every=50).require_converged().x
    solution = solve(objective, ADMM(), rtol=1e-9, max_steps=5000).require_converged()
    values = objective.value(solution.x) - objective.value(want)
    assert float(values.abs().max()) < 1e-9
    torch.testing.assert_close(
        solution.x, want, atol=1e-4, rtol=1e-4
    )  # where TV is flat the minimiser is known less well


def test_the_proximal_map_with_free_edges_is_that_of_the_masked_function(draw) -> None:
    """Against the definition: no nearby point has a lower f(M u) + |u - v|^2 / (2 tau)."""
    f, v, tau = 0.7 * GroupL1((1,)), draw((2, 1, 2, 4, 3)), 0.9
    mask = torch.ones(1, 1, 2, 4, 3, dtype=torch.float64)
    mask[0, 0, 0, -1], mask[0, 0, 1, :, -1] = 0, 0
    kept = v.clone()
    u = prox_with_free_edges(f, v, tau)
    assert torch.equal(v, kept)
    assert torch.equal(u * (1 - mask), v * (1 - mask))

    def value(u):
        return f.value(mask * u) + (u - v).square().flatten(1).sum(1) / (2 * tau)

    for seed in range(200):
        other = u + 10.0 ** -(seed % 6) * draw(tuple(u.shape), seed=seed)
        assert bool((value(other) >= value(u) - 1e-12).all())
    assert bool((value(f.prox(v, tau)) > value(u) + 1e-3).all())  # the plain proximal map is not it


def test_the_exact_step_solves_the_normal_equations(draw) -> None:
    """One step from zero, with a dense matrix beside it."""
    shape = (4, 3)
    op = Fourier(shape, draw(shape), dtype=torch.complex128)
    d = FiniteDifference(shape, 1, "periodic", 0.5, torch.complex128)
    y = draw((2, 1, *shape), torch.complex128, 2)
    state = solve(1.7 * least_squares(op, y) + 0.3 * (L1() @ d), ADMM(rho=0.6), rtol=0.0, max_steps=1).state

    def matrix(k):
        units = torch.eye(12, dtype=torch.complex128).reshape(12, 1, *shape)
        return k.forward(units).flatten(1).mT.numpy()

    a, b, rho = matrix(op), matrix(d), float(state.rho[0][0])
    left = 1.7 * a.conj().T @ a + rho * b.conj().T @ b
    want = np.linalg.solve(left, 1.7 * (y.flatten(1).numpy() @ a.conj()).T).T
    np.testing.assert_allclose(state.x.flatten(1).numpy(), want, atol=1e-10)


def test_it_takes_fewer_steps_than_pdhg_on_mri(draw) -> None:
    objective = mri(draw, (16, 12))
    fast, slow = (solve(objective, s, rtol=1e-4, max_steps=5000).require_converged() for s in (ADMM(), PDHG()))
    assert int(fast.steps.max()) < 0.5 * int(slow.steps.min())


@pytest.mark.parametrize("rho", [1e-4, 1e4])
def test_a_bad_start_of_rho_is_mended_and_then_stays(rho, draw) -> None:
    objective = mri(draw)
    solution = solve(objective, ADMM(rho=rho), rtol=1e-6, max_steps=3000).require_converged()
    assert 1e-3 < float(solution.state.rho[0][0]) < 1e3
    problem, solver = ADMM().prepare(objective), ADMM(rho=rho)
    state, seen = solver.init(problem, None), set()
    for _ in range(300):
        state = solver.step(problem, state)
        seen.add(float(state.rho[0][0]))
    assert 1 < len(seen) <= 21


def test_what_is_diagonal_is_found_by_type(draw) -> None:
    def symbols(objective):
        return as_split(objective, "x").symbols

    y = draw((2, 1, 6, 5))
    eye = Identity((6, 5), 1, torch.float64)
    assert symbols(least_squares(eye, y) + total_variation(eye.domain, boundary="periodic")) is not None
    assert symbols(least_squares(eye, y) + total_variation(eye.domain)) is not None  # its edges are free
    assert symbols(least_squares(eye, y) + h1(eye.domain)) is None  # a square has no proximal step to free them in
    dense = Dense(draw((4, 30)), (1, 6, 5))
    assert symbols(least_squares(dense, draw((2, 4))) + total_variation(dense.domain, boundary="periodic")) is None


def test_few_steps_of_conjugate_gradients_suffice_in_the_end(draw) -> None:
    op = Dense(draw((10, 12)), (1, 3, 4))
    objective = least_squares(op, draw((2, 10), seed=1)) + 0.4 * total_variation(op.domain)
    want = solve(objective, AdaptivePDHG(), rtol=1e-9, max_steps=50_000).require_converged().x
    for steps in (2, 30):
        got = solve(objective, ADMM(cg_steps=steps), rtol=1e-8, max_steps=20_000, check_every=20).require_converged().x
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_the_size_of_rho_changes_no_verdict() -> None:
    y = torch.tensor([[[[1.0, 0.0, 2.0, 0.0]]]])
    eye = Identity((1, 4))
    objective = least_squares(eye, y) + 0.1 * total_variation(eye.domain)
    truth = solve(objective, PDHG(), rtol=1e-5, max_steps=5000).require_converged().x
    for rho in (1e-12, 1e12):
        solution = solve(objective, ADMM(rho=rho), torch.full((1, 1, 1, 4), 10.0), max_steps=200)
        assert not solution.converged or torch.allclose(solution.x, truth, atol=1e-2)


def test_gradients_reach_a_learned_pattern(draw) -> None:
    pattern = draw((4, 3)).abs().requires_grad_()
    op = Fourier((4, 3), pattern, dtype=torch.complex128)
    y = draw((1, 1, 4, 3), torch.complex128, 1)
    x = solve(least_squares(op, y) + 0.1 * total_variation(op.domain, boundary="periodic"), ADMM(), max_steps=30).x
    (gradient,) = torch.autograd.grad(x.abs().square().sum(), pattern)
    assert bool(torch.isfinite(gradient).all())
    assert bool(gradient.any())


def test_settings_and_objectives_that_do_not_fit_are_refused() -> None:
    for settings, message in (
        ({"rho": 0.0}, "rho is 0.0, expected a positive number"),
        ({"rho": math.nan}, "rho is nan"),
        ({"relaxation": 2.0}, r"relaxation is 2.0, expected a number in \(0, 2\)"),
        ({"cg_steps": 0}, "cg_steps is 0, expected a whole number >= 1"),
    ):
        with pytest.raises(ConfigError, match=f"ADMM: {message}"):
            ADMM(**settings)
    with pytest.raises(ConfigError, match=r"ADMM: .*has no operator that says the size.*Use core/douglas-rachford"):
        ADMM().prepare(SquaredL2() + L1())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("sizes", [(1, 3, 1), (2, 6, 2), (3, 10, 4), (6, 5, 2)])
def test_more_inner_steps_than_the_rank_go_nowhere_in_a_common_kernel(sizes, dtype, draw) -> None:
    m, n, k = sizes
    a, c = Dense(draw((m, n)).to(dtype)), Dense(draw((k, n), seed=1).to(dtype))
    objective = least_squares(a, draw((2, m), seed=2).to(dtype)) + 0.3 * L1() @ c
    for cg_steps in dict.fromkeys((10, n, 2 * n, 40)):
        solver = ADMM(cg_steps=cg_steps)
        problem = solver.prepare(objective)
        state = solver.init(problem, None)
        for _ in range(300):
            state = solver.step(problem, state)
        system = torch.cat((a.matrix, c.matrix))
        seen = torch.linalg.pinv(system.double()) @ (system.double() @ state.x.double().mT)
        scale = float(state.x.abs().max())
        assert float((seen.mT - state.x).abs().max()) < 1e4 * torch.finfo(dtype).eps * scale
        assert float(solver.optimality(problem, state).residual.max()) < (1e-9 if dtype == torch.float64 else 2e-2)


@pytest.mark.parametrize("cg_steps", [10, 16, 40])
def test_constants_that_no_term_sees_stay_where_they_started(cg_steps) -> None:
    rows = torch.zeros(4, 16, dtype=torch.float64)
    for i in range(4):
        rows[i, 4 * i], rows[i, 4 * i + 1] = 1, -1
    differences = Dense(torch.diff(torch.eye(16, dtype=torch.float64), dim=0))
    objective = least_squares(Dense(rows), torch.tensor([[1.0, -2.0, 0.5, 3.0]]).double()) + 0.3 * L1() @ differences
    solver = ADMM(cg_steps=cg_steps)
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    for _ in range(1000):
        state = solver.step(problem, state)
    assert float(state.x.mean().abs()) < 1e-10
    assert float(state.x.norm()) < 100


def test_each_image_stands_still_on_its_own(draw) -> None:
    a, c = Dense(draw((2, 6))), Dense(draw((2, 6), seed=1))
    y = torch.cat((torch.zeros(1, 2).double(), draw((1, 2), seed=2)))
    solver = ADMM(cg_steps=12)

    def run(data):
        problem = solver.prepare(least_squares(a, data) + 0.3 * L1() @ c)
        state = solver.init(problem, None)
        for _ in range(60):
            state = solver.step(problem, state)
        return state.x

    torch.testing.assert_close(run(y), torch.cat((run(y[:1]), run(y[1:]))), atol=1e-9, rtol=1e-9)
