"""Solvers of M q = b for a batch, against dense matrices."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from learned_minimisers import noise
from torch import Tensor

from invkit.differentiation import GMRES, PCG, Affine, Anderson, Broyden, LinearSolver, Picard
from invkit.differentiation.least_squares import least_squares
from invkit.errors import ConfigError

ANY = {
    "gmres": GMRES(),
    "restarted gmres": GMRES(restart=5),
    "anderson": Affine(Anderson()),
    "broyden": Affine(Broyden()),
    "neumann": Affine(Picard()),
}
EYE = torch.eye(6, dtype=torch.float64)


def matrices(seed: int = 0) -> Tensor:
    """One for each of three images: 1 - J with |J| < 0.9, not symmetric."""
    j = noise((3, 6, 6), seed=seed)
    return EYE - 0.9 * j / torch.linalg.matrix_norm(j, 2)[:, None, None]


def run(solver: LinearSolver, m: Tensor, b: Tensor, **settings: object):
    defaults = {"preconditioner": None, "x0": None, "rtol": 1e-11, "max_steps": 2000}
    return solver.solve(lambda q: (m @ q.unsqueeze(2)).squeeze(2), b, **(defaults | settings))


@pytest.mark.parametrize("name", ANY)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_the_solution_is_that_of_the_dense_matrix(name: str, seed: int) -> None:
    m, b = matrices(seed), noise((3, 6), seed=seed + 1)
    found = run(ANY[name], m, b)
    assert bool(found.converged.all())
    torch.testing.assert_close(found.x, torch.linalg.solve(m, b), rtol=1e-8, atol=1e-8)
    true = torch.linalg.vector_norm(b - (m @ found.x.unsqueeze(2)).squeeze(2), dim=1) / b.norm(dim=1)
    torch.testing.assert_close(found.residual, true, rtol=1e-2, atol=1e-14)


@pytest.mark.parametrize("name", ANY)
def test_images_do_not_see_each_other(name: str) -> None:
    m, b = matrices(3), noise((3, 6), seed=4) * torch.tensor([1.0, 1e6, 0.0], dtype=torch.float64)[:, None]
    together = run(ANY[name], m, b, rtol=1e-9)
    for i in range(3):
        alone = run(ANY[name], m[i : i + 1], b[i : i + 1], rtol=1e-9)
        torch.testing.assert_close(alone.x[0], together.x[i], rtol=1e-12, atol=0)
        assert int(alone.steps[0]) == int(together.steps[i])
    assert float(together.x[2].abs().max()) == 0.0
    assert bool(together.converged.all())


@pytest.mark.parametrize("name", ANY)
def test_maps_that_are_linear_for_real_numbers_only_are_solved(name: str) -> None:
    b = noise((2, 6), torch.complex128, 1)
    found = ANY[name].solve(
        lambda q: q - 0.5 * q.conj() - 0.1j * q, b, preconditioner=None, x0=None, rtol=1e-12, max_steps=500
    )
    # q = u + iv:  (0.5 u + 0.1 v) + i (1.5 v - 0.1 u) = b
    small = torch.tensor([[0.5, 0.1], [-0.1, 1.5]], dtype=torch.float64)
    u, v = torch.linalg.solve(small, torch.stack([b.real.flatten(), b.imag.flatten()]))
    torch.testing.assert_close(found.x, torch.complex(u, v).reshape(2, 6), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*ANY, "cg"])
def test_a_start_at_the_solution_takes_no_time_and_a_preconditioner_changes_no_solution(name: str) -> None:
    solver = PCG() if name == "cg" else ANY[name]
    m = matrices(5) @ matrices(5).mT if name == "cg" else matrices(5)
    b = noise((3, 6), seed=6)
    wanted = torch.linalg.solve(m, b)
    assert int(run(solver, m, b, x0=wanted, rtol=1e-8).steps.max()) <= 1
    diagonal = m.diagonal(dim1=1, dim2=2).abs()
    found = run(solver, m, b, preconditioner=diagonal, max_steps=5000)
    torch.testing.assert_close(found.x, wanted, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(
        run(solver, m, b, preconditioner=diagonal, x0=wanted + 0.01, max_steps=5000).x, wanted, rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize("name", ["neumann", "restarted gmres", "anderson"])
def test_a_system_that_is_not_solved_is_not_called_solved(name: str) -> None:
    rotation = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    m = torch.stack([3 * torch.block_diag(rotation, rotation, rotation), EYE])
    found = run(ANY[name], m, noise((2, 6)), max_steps=4)
    assert found.converged.tolist() == [name == "restarted gmres", True]  # GMRES needs two products, the others diverge
    assert bool(found.residual[0] < 1e-10) == (name == "restarted gmres")
    singular = torch.stack([torch.diag(torch.tensor([1.0, 1, 1, 1, 1, 0], dtype=torch.float64)), EYE])
    found = run(ANY[name], singular, torch.ones(2, 6, dtype=torch.float64), max_steps=50)
    assert found.converged.tolist() == [False, True]
    assert torch.isfinite(found.x).all()


def test_gmres_takes_one_product_for_each_distinct_eigenvalue_and_no_more() -> None:
    m = torch.diag(torch.tensor([1.0, 1, 2, 2, 5, 5], dtype=torch.float64)).expand(2, 6, 6)
    calls = []

    def apply(q: Tensor) -> Tensor:
        calls.append(1)
        return (m @ q.unsqueeze(2)).squeeze(2)

    found = GMRES(restart=3).solve(apply, noise((2, 6)), preconditioner=None, x0=None, rtol=1e-10, max_steps=30)
    assert found.steps.tolist() == [3, 3]
    assert len(calls) == 4  # the last one is the residual
    assert bool(found.converged.all())


@pytest.mark.parametrize("name", ANY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_images_and_single_precision_work(name: str, dtype: torch.dtype) -> None:
    m = matrices(7).to(dtype)
    assert run(ANY[name], m[:0], torch.zeros(0, 6, dtype=dtype)).x.shape == (0, 6)
    b = noise((3, 6), seed=8).to(dtype)
    found = run(ANY[name], m, b, rtol=1e-5)
    assert found.x.dtype == dtype
    torch.testing.assert_close(found.x, torch.linalg.solve(m, b), rtol=1e-3, atol=1e-3)


def test_least_squares_gives_no_weight_to_columns_that_say_nothing_new() -> None:
    a, target = noise((4, 7, 3), seed=1), noise((4, 7), seed=2)
    wanted = torch.linalg.lstsq(a, target.unsqueeze(2)).solution.squeeze(2)
    torch.testing.assert_close(least_squares(a, target), wanted, rtol=1e-10, atol=1e-10)
    repeated = torch.cat([a, torch.zeros(4, 7, 1, dtype=torch.float64), a[:, :, :1]], dim=2)
    padded = least_squares(repeated, target)
    torch.testing.assert_close(padded[:, :3], wanted, rtol=1e-8, atol=1e-8)
    assert float(padded[:, 3:].abs().max()) == 0.0
    wide = noise((4, 3, 7), seed=3)
    torch.testing.assert_close((wide @ least_squares(wide, target[:, :3]).unsqueeze(2)).squeeze(2), target[:, :3])
    # Columns of very different length are as independent as their directions.
    scaled = a * torch.tensor([1.0, 1e-12, 1e9], dtype=torch.float64)
    torch.testing.assert_close(
        least_squares(scaled, target) * torch.tensor([1.0, 1e-12, 1e9], dtype=torch.float64), wanted
    )


def test_settings_outside_their_range_raise() -> None:
    with pytest.raises(ConfigError, match="restart is 0"):
        GMRES(0)
