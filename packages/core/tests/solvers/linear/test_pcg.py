from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.errors import ConfigError, ShapeError
from invkit.solvers.linear.pcg import pcg


def matrices(draw, batch=3, n=7, dtype=torch.float64, spread=3.0):
    """Self-adjoint positive definite matrices, one for each image, and right-hand sides."""
    m = draw((batch, n, n), dtype)
    h = m @ m.mH + torch.diag(torch.logspace(-spread, 0, n, dtype=torch.float64)).to(dtype)
    return h, draw((batch, n), dtype, 1)


def applied(h):
    return lambda x: torch.einsum("bij,bj->bi", h, x)


def solved(h, b):
    return np.linalg.solve(h.numpy(), b.numpy()[..., None])[..., 0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("kind", ["none", "diagonal", "callable"])
def test_the_solution_is_that_of_dense_linear_algebra(dtype, kind, draw) -> None:
    h, b = matrices(draw, dtype=dtype)
    diagonal = h.diagonal(dim1=1, dim2=2).real.contiguous()
    preconditioner = {"none": None, "diagonal": diagonal, "callable": lambda r: r / diagonal}[kind]
    found = pcg(applied(h), b, preconditioner=preconditioner, rtol=1e-12, max_steps=100)
    np.testing.assert_allclose(found.x, solved(h, b), rtol=1e-9, atol=1e-9)
    assert found.converged.all()
    assert not found.negative_curvature.any()
    assert (found.residual <= 1e-12 * torch.linalg.vector_norm(b, dim=1)).all()


def test_the_residual_is_the_true_one_and_an_unfinished_image_says_so(draw) -> None:
    h, b = matrices(draw)
    found = pcg(applied(h), b, rtol=1e-12, max_steps=3)
    true = torch.linalg.vector_norm(b - applied(h)(found.x), dim=1)
    torch.testing.assert_close(found.residual, true, rtol=1e-9, atol=1e-12)
    assert not found.converged.any()
    assert found.steps.tolist() == [3, 3, 3]


def test_a_hessian_that_is_linear_over_the_reals_only_is_solved(draw) -> None:
    """x -> x + Re(x) weighs real and imaginary parts differently: self-adjoint for Re <x, z> alone."""
    b = draw((2, 5), torch.complex128)
    found = pcg(lambda x: x + x.real, b, rtol=1e-13)
    torch.testing.assert_close(found.x, torch.complex(b.real / 2, b.imag))
    assert (found.steps == 2).all()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), check_every=st.integers(1, 7), rtol=st.sampled_from([1e-1, 1e-4, 1e-9]))
def test_an_image_alone_gets_what_it_gets_in_a_batch(seed, check_every, rtol) -> None:
    generator = torch.Generator().manual_seed(seed)
    m = torch.randn(3, 6, 6, dtype=torch.float64, generator=generator)
    h = m @ m.mH + torch.diag_embed(torch.tensor([0.1, 1.0, 30.0], dtype=torch.float64)[:, None].expand(3, 6))
    b = torch.randn(3, 6, dtype=torch.float64, generator=generator)
    rtols = rtol * torch.tensor([1.0, 0.1, 10.0], dtype=torch.float64)
    together = pcg(applied(h), b, rtol=rtols, check_every=check_every)
    for i in range(3):
        part = slice(i, i + 1)
        alone = pcg(applied(h[part]), b[part], rtol=float(rtols[i]), check_every=3)
        torch.testing.assert_close(together.x[part], alone.x, rtol=1e-12, atol=1e-13)
        assert together.steps[i] == alone.steps[0]


def test_each_image_stops_at_its_first_step_below_its_own_tolerance(draw) -> None:
    h, b = matrices(draw)
    full = [pcg(applied(h), b, rtol=0.0, max_steps=n).residual for n in range(1, 12)]
    size = torch.linalg.vector_norm(b, dim=1)
    found = pcg(applied(h), b, rtol=torch.tensor([1e-1, 1e-3, 1e-6]), max_steps=11, check_every=11)
    for i, rtol in enumerate((1e-1, 1e-3, 1e-6)):
        assert int(found.steps[i]) == next(n + 1 for n, r in enumerate(full) if r[i] <= rtol * size[i])


def test_negative_curvature_stops_that_image_and_no_other(draw) -> None:
    h = torch.stack([torch.diag(torch.tensor([1.0, 2.0, 3.0])), torch.diag(torch.tensor([1.0, -2.0, 3.0]))]).double()
    b = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    found = pcg(applied(h), b, rtol=1e-12)
    assert found.negative_curvature.tolist() == [False, True]
    assert found.converged.tolist() == [True, False]
    assert not found.x[1].any()
    torch.testing.assert_close(found.x[0], torch.tensor([1.0, 0.5, 1 / 3], dtype=torch.float64))


def test_a_singular_system_gives_the_solution_of_smallest_norm_and_stays_there(draw) -> None:
    m = draw((8, 3)) @ draw((3, 10), seed=1)
    b = (draw((2, 8), seed=2) @ m).contiguous()
    h = m.mT @ m
    found = pcg(lambda x: x @ h, b, rtol=0.0, max_steps=60)
    np.testing.assert_allclose(found.x, b.numpy() @ np.linalg.pinv(h.numpy(), rcond=1e-10), atol=1e-10)


def test_a_start_at_the_solution_takes_no_step_and_a_zero_right_hand_side_gives_zero(draw) -> None:
    h, b = matrices(draw)
    b[1] = 0
    want = torch.from_numpy(solved(h, b))
    start = want.clone()
    start[1] = 1.0
    found = pcg(applied(h), b, x0=start, rtol=1e-8)
    assert not found.steps.any()
    torch.testing.assert_close(found.x, want)


def test_the_diagonal_lowers_the_number_of_steps_on_a_badly_scaled_system(draw) -> None:
    scale = torch.logspace(0, 3, 40, dtype=torch.float64)
    m = 0.02 * draw((40, 40))
    h = (scale[:, None] * (torch.eye(40, dtype=torch.float64) + m @ m.mT) * scale)[None]
    b = draw((1, 40), seed=1)
    plain = pcg(applied(h), b, rtol=1e-8, max_steps=1000)
    better = pcg(applied(h), b, rtol=1e-8, max_steps=1000, preconditioner=h.diagonal(dim1=1, dim2=2).contiguous())
    assert better.converged.all()
    assert 5 * better.steps < plain.steps


def test_a_step_costs_one_product_and_the_host_looks_every_few_steps(draw, host_waits) -> None:
    h, b = matrices(draw, n=30)
    calls = []

    def apply(x):
        calls.append(1)
        return applied(h)(x)

    with host_waits() as waits:
        pcg(apply, b, rtol=0.0, max_steps=20, check_every=5)
        assert waits() <= 4
    assert len(calls) == 20


def test_single_precision_reaches_its_own_rounding_and_an_empty_batch_is_solved(draw) -> None:
    h, b = matrices(draw, dtype=torch.float32, spread=0.5)
    found = pcg(applied(h), b * 1e-25, rtol=1e-6, max_steps=200)
    np.testing.assert_allclose(found.x.numpy() * 1e25, solved(h.double(), b.double()), rtol=2e-2, atol=1e-3)
    empty = pcg(applied(h[:0]), b[:0])
    assert empty.x.shape == (0, 7)
    assert empty.steps.shape == (0,)


def test_settings_out_of_range_and_shapes_that_do_not_fit_are_refused() -> None:
    b = torch.ones(2, 3)
    with pytest.raises(ConfigError, match="pcg: rtol is -1, expected a finite number >= 0"):
        pcg(lambda x: x, b, rtol=-1)
    with pytest.raises(ConfigError, match="pcg: max_steps is 0"):
        pcg(lambda x: x, b, max_steps=0)
    with pytest.raises(ShapeError, match=r"pcg: rtol has shape \(3,\), expected \(\) or \(2,\)"):
        pcg(lambda x: x, b, rtol=torch.ones(3))
    with pytest.raises(ShapeError, match=r"pcg: x0 has shape \(1, 3\)"):
        pcg(lambda x: x, b, x0=torch.ones(1, 3))
    with pytest.raises(ShapeError, match=r"pcg: preconditioner has shape \(3,\)"):
        pcg(lambda x: x, b, preconditioner=torch.ones(3))
