from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, total_variation
from invkit.functionals.regularisers import l1, squared_l2
from invkit.models import Stopping, Variational
from invkit.operators import Blur, Dense, Fourier
from invkit.solvers import FISTA, PDHG, AdaptivePDHG, solve


def noise(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


MATRIX = noise((7, 6))
OP = Dense(MATRIX, (1, 2, 3), (1, 7))
Y = noise((3, 1, 7), seed=1)
TIGHT = Stopping(rtol=1e-9, max_steps=50_000, check_every=50)


def test_tikhonov_is_that_of_the_normal_equations_and_feels_its_weight() -> None:
    m = MATRIX.numpy()
    want = np.linalg.solve(m.T @ m + 0.3 * np.eye(6), m.T @ Y.flatten(1).numpy().T).T
    np.testing.assert_allclose(
        Variational(squared_l2, 0.3, solver=FISTA(), stopping=TIGHT)(Y, OP).flatten(1), want, atol=1e-8
    )
    other = Variational(squared_l2, 0.4, solver=FISTA(), stopping=TIGHT)(Y, OP).flatten(1)
    assert not np.allclose(other, want, atol=1e-3)


def test_a_variational_model_is_solve_of_its_objective() -> None:
    model = Variational(functools.partial(total_variation, isotropic=False), 0.2, nonnegative=True, stopping=TIGHT)
    solution = model.solve(Y, OP, record_objective=True)
    direct = solve(model.objective(Y, OP), AdaptivePDHG(), rtol=1e-9, max_steps=50_000, check_every=50)
    assert torch.equal(solution.x, direct.x)
    assert torch.equal(model(Y, OP), direct.x)
    assert solution.history.objective is not None
    text = repr(model.objective(Y, OP))
    assert text == "SquaredL2() @ Dense + 0.2 * L1() @ FiniteDifference + Box(0, inf)"


def test_a_learned_weight_has_a_gradient() -> None:
    weight = torch.nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
    stopping = Stopping(rtol=0.0, max_steps=30)
    model = Variational(total_variation, weight, solver=PDHG(tau=0.02, sigma=(0.02, 2.0)), stopping=stopping)
    assert dict(model.named_parameters()) == {"weight": weight}
    op = Blur(noise((3, 3)), (3, 4))
    y = noise((1, 1, 3, 4), seed=2)
    model(y, op).square().sum().backward()
    values = []
    for change in (1e-5, -1e-5):
        with torch.no_grad():
            shifted = Variational(total_variation, float(weight) + change, solver=model.solver, stopping=stopping)
            values.append(shifted(y, op).square().sum().item())
    assert weight.grad is not None
    assert weight.grad.item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)
    assert abs(weight.grad.item()) > 1e-4


def test_settings_that_are_not_possible_are_refused() -> None:
    for weight in (-1.0, float("nan"), torch.tensor(-1.0)):
        with pytest.raises(ConfigError, match="Variational: weight is .*, expected a finite number >= 0"):
            Variational(l1, weight)
    with pytest.raises(ConfigError, match="expected a function of the domain"):
        Variational(L1())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nonnegative is True for torch.complex64 images"):
        Variational(l1, nonnegative=True)(noise((1, 1, 2, 2), torch.complex64), Fourier((2, 2)))
    for settings in ({"rtol": -1.0}, {"max_steps": 0}, {"check_every": 0}, {"atol": float("nan")}):
        with pytest.raises(ConfigError, match="expected a"):
            Stopping(**settings)


def test_calling_the_model_says_when_an_image_did_not_converge(caplog) -> None:
    generator = torch.Generator().manual_seed(0)
    operator = Dense(torch.randn(6, 4, generator=generator), (1, 2, 2), (1, 6))
    y = torch.randn(2, 1, 6, generator=generator)
    with caplog.at_level("WARNING", logger="invkit"):
        Variational(total_variation, 0.1, stopping=Stopping(rtol=1e-12, max_steps=2))(y, operator)
    assert "2 of 2 images did not converge" in caplog.text


def test_nonnegative_is_true_or_false() -> None:
    with pytest.raises(ConfigError, match="nonnegative is 'maybe', expected true or false"):
        Variational(total_variation, nonnegative="maybe")  # type: ignore[arg-type]
