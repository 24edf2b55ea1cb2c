from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, Box, SquaredL2, least_squares, total_variation
from invkit.operators import Dense, Fourier, Identity
from invkit.solvers import PDHG, DouglasRachford, Status, solve


@pytest.mark.parametrize("settings", [{}, {"step_size": 0.3}, {"step_size": 5.0, "relaxation": 1.7}], ids=str)
def test_denoising_is_soft_thresholding_in_both_orders(settings, draw) -> None:
    y = 2 * draw((2, 1, 4, 3), torch.complex128)
    want = y.numpy() * np.maximum(0, 1 - (0.6 / 1.4) / np.abs(y.numpy()))
    for objective in (1.4 * SquaredL2(y) + 0.6 * L1(), 0.6 * L1() + 1.4 * SquaredL2(y)):
        solution = solve(
            objective, DouglasRachford(**settings), torch.zeros_like(y), rtol=1e-10, max_steps=3000
        ).require_converged()
        np.testing.assert_allclose(solution.x.numpy(), want, atol=1e-8)


def test_a_projection_is_found_and_feasible_whichever_term_comes_first(draw) -> None:
    y = draw((3, 5))
    for objective in (SquaredL2(y) + Box(0.0, 0.5), Box(0.0, 0.5) + SquaredL2(y)):
        solution = solve(objective, DouglasRachford(), 10 * draw((3, 5), seed=1), rtol=1e-10).require_converged()
        torch.testing.assert_close(solution.x, y.clamp(0, 0.5), atol=1e-8, rtol=0)
        assert bool(torch.isfinite(objective.value(solution.x)).all())


def test_a_unitary_operator_is_gone_through(draw) -> None:
    """0.7 |2 U x - y|^2 / 2 + 0.3 |x|_1 with U unitary has a closed form."""
    y = draw((2, 1, 4, 3), torch.complex128)
    fourier = Fourier((4, 3), dtype=torch.complex128)
    back = 2 * np.fft.ifftn(y.numpy(), axes=(-2, -1), norm="ortho") * 0.7
    want = back * np.maximum(0, 1 - 0.3 / np.abs(back)) / (0.7 * 4)
    for data in (0.7 * least_squares(2.0 * fourier, y), (0.7 * SquaredL2(y)) @ (2.0 * fourier)):
        solution = solve(data + 0.3 * L1(), DouglasRachford(), rtol=1e-10, max_steps=3000).require_converged()
        np.testing.assert_allclose(solution.x.numpy(), want, atol=1e-8)
    dual = solve(0.5 * SquaredL2(y) + 0.4 * (L1() @ (2.0 * fourier)), DouglasRachford(), rtol=1e-10, max_steps=3000)
    spectrum = np.fft.fftn(y.numpy(), axes=(-2, -1), norm="ortho")
    shrunk = spectrum * np.maximum(0, 1 - (0.8 / 0.5) / np.abs(spectrum))
    np.testing.assert_allclose(dual.x.numpy(), np.fft.ifftn(shrunk, axes=(-2, -1), norm="ortho"), atol=1e-8)


def test_sampled_fourier_data_have_an_exact_map_and_pdhgs_minimiser(draw) -> None:
    pattern = (draw((4, 3)).abs() > 0.4).double()
    fourier = Fourier((4, 3), pattern, dtype=torch.complex128)
    objective = 1.3 * least_squares(fourier, draw((2, 1, 4, 3), torch.complex128, 1) * pattern) + 0.1 * L1()
    want = solve(objective, PDHG(), rtol=1e-10, max_steps=50_000, check_every=50).require_converged().x
    got = solve(objective, DouglasRachford(), rtol=1e-9, max_steps=20_000, check_every=50).require_converged().x
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_each_image_is_its_own_and_single_precision_stays_single(draw) -> None:
    y = torch.cat([draw((1, 5)), 100 * draw((1, 5), seed=1)]).float()
    together = solve(SquaredL2(y) + 0.6 * L1(), DouglasRachford(), y + 5, rtol=1e-5, check_every=1)
    assert together.x.dtype is torch.float32
    for i in range(2):
        one = solve(SquaredL2(y[i : i + 1]) + 0.6 * L1(), DouglasRachford(), y[i : i + 1] + 5, rtol=1e-5, check_every=1)
        assert one.steps[0] == together.steps[i]
        torch.testing.assert_close(one.x[0], together.x[i], rtol=0, atol=0)


@pytest.mark.parametrize("step_size", [1e-15, 1e15])
def test_a_step_that_moves_nothing_is_no_convergence(step_size) -> None:
    y = torch.tensor([[1.0, 0.0, 2.0, 0.0]])
    objective = SquaredL2(y) + 0.5 * L1()
    solution = solve(objective, DouglasRachford(step_size=step_size), torch.full((1, 4), 10.0), max_steps=50)
    wrong = not torch.allclose(solution.x, torch.tensor([[0.5, 0.0, 1.5, 0.0]]), atol=1e-2)
    assert not (wrong and solution.status == (Status.CONVERGED,))


def test_what_has_no_exact_map_is_refused_with_a_way_out(draw) -> None:
    eye = Identity((3, 4), 1, torch.float64)
    with pytest.raises(ConfigError, match="DouglasRachford: there are 3 terms, expected at most 2.*Use core/pdhg"):
        DouglasRachford().prepare(L1() + Box(0.0) + SquaredL2())
    with pytest.raises(ConfigError, match="DouglasRachford: term .* has no proximal map in closed form.*Use core/pdhg"):
        DouglasRachford().prepare(SquaredL2() + total_variation(eye.domain))
    with pytest.raises(ConfigError, match="has no proximal map in closed form"):
        DouglasRachford().prepare(least_squares(Dense(draw((6, 4))), draw((2, 6))) + L1())
    for settings, message in (({"step_size": math.nan}, "step_size is nan"), ({"relaxation": 2.0}, "relaxation is 2")):
        with pytest.raises(ConfigError, match=f"DouglasRachford: {message}"):
            DouglasRachford(**settings)
