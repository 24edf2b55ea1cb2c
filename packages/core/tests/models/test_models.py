from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, DataError, ShapeError
from invkit.functionals import L1, total_variation
from invkit.functionals.regularisers import l1, squared_l2
from invkit.models import Adjoint, PseudoInverse, Reconstructor, Stopping, Variational
from invkit.operators import Blur, Dense, Fourier, Identity, sense
from invkit.solvers import FISTA, PDHG, solve


def noise(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


MATRIX = noise((7, 6))
OP = Dense(MATRIX, (1, 2, 3), (1, 7))
Y = noise((3, 1, 7), seed=1)
TIGHT = Stopping(rtol=1e-9, max_steps=50_000, check_every=50)


def models() -> dict[str, Reconstructor]:
    return {
        "adjoint": Adjoint(),
        "pseudo-inverse": PseudoInverse(rtol=1e-12),
        "tikhonov": Variational(squared_l2, 0.3, solver=FISTA(), stopping=TIGHT),
        "tv": Variational(total_variation, 0.3, stopping=TIGHT),
        "nonnegative": Variational(None, nonnegative=True, solver=FISTA(), stopping=TIGHT),
    }


def test_the_adjoint_and_the_pseudo_inverse_are_those_of_the_matrix() -> None:
    flat, m = Y.flatten(1).numpy(), MATRIX.numpy()
    np.testing.assert_allclose(Adjoint()(Y, OP).flatten(1), flat @ m, atol=1e-13)
    found = PseudoInverse(rtol=1e-12)(Y, OP).flatten(1)
    np.testing.assert_allclose(found, flat @ np.linalg.pinv(m).T, atol=1e-10)
    assert not np.allclose(found, flat @ m)


def test_the_pseudo_inverse_takes_the_closed_form_or_solves_and_both_agree() -> None:
    pattern = (torch.rand(6, 5, generator=torch.Generator().manual_seed(0)) < 0.5).double()
    plain = Fourier((6, 5), pattern, dtype=torch.complex128)
    y = noise((2, 1, 6, 5), torch.complex128)
    iterated = PseudoInverse(rtol=1e-10)(y, plain @ Identity((6, 5), 1, torch.complex128))
    torch.testing.assert_close(iterated, PseudoInverse()(y, plain), atol=1e-9, rtol=0)


def test_parallel_imaging_without_noise_is_inverted() -> None:
    c, x = noise((4, 6, 5), torch.complex128), noise((2, 1, 6, 5), torch.complex128, 1)
    pattern = torch.ones(6, 5, dtype=torch.float64)
    pattern[1::2] = 0
    op = sense(c, pattern)
    torch.testing.assert_close(PseudoInverse(rtol=1e-12, max_steps=2000)(op.forward(x), op), x, atol=1e-6, rtol=0)
    assert not torch.allclose(Adjoint()(op.forward(x), op), x, atol=1e-2)


def test_tikhonov_is_that_of_the_normal_equations_and_feels_its_weight() -> None:
    m = MATRIX.numpy()
    want = np.linalg.solve(m.T @ m + 0.3 * np.eye(6), m.T @ Y.flatten(1).numpy().T).T
    np.testing.assert_allclose(models()["tikhonov"](Y, OP).flatten(1), want, atol=1e-8)
    other = Variational(squared_l2, 0.4, solver=FISTA(), stopping=TIGHT)(Y, OP).flatten(1)
    assert not np.allclose(other, want, atol=1e-3)


def test_a_variational_model_is_solve_of_its_objective() -> None:
    model = Variational(functools.partial(total_variation, isotropic=False), 0.2, nonnegative=True, stopping=TIGHT)
    solution = model.solve(Y, OP, record_objective=True)
    direct = solve(model.objective(Y, OP), PDHG(), rtol=1e-9, max_steps=50_000, check_every=50)
    assert torch.equal(solution.x, direct.x)
    assert torch.equal(model(Y, OP), direct.x)
    assert solution.history.objective is not None
    text = repr(model.objective(Y, OP))
    assert text == "SquaredL2() @ Dense + 0.2 * L1() @ FiniteDifference + Box(0, inf)"


@pytest.mark.parametrize("name", models())
def test_each_image_is_reconstructed_alone(name: str) -> None:
    model = models()[name]
    together = model(Y, OP)
    assert together.shape == (3, 1, 2, 3)
    for i in range(3):
        torch.testing.assert_close(model(Y[i : i + 1], OP)[0], together[i], rtol=1e-8, atol=1e-10)
    assert model(Y[:0], OP).shape == (0, 1, 2, 3)


@pytest.mark.parametrize("name", models())
def test_bad_measurements_are_refused_in_one_line(name: str) -> None:
    model = models()[name]
    bad = Y.clone()
    bad[1, 0, 2] = torch.nan
    with pytest.raises(DataError, match=r"1 values that are NaN or inf \(first in image 1\)") as caught:
        model(bad, OP)
    assert "\n" not in str(caught.value)
    with pytest.raises(ShapeError, match="measurement: tensor has shape"):
        model(Y[:, :, :5], OP)
    with pytest.raises(ShapeError, match="measurement: dtype is torch.float32"):
        model(Y.float(), OP)


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


def test_models_state_claims() -> None:
    assert {claim.property for claim in Adjoint().claims()} == {"linear"}
    assert {claim.property for claim in PseudoInverse().claims()} == {"linear"}
    assert isinstance(Variational(l1).claims(), tuple)


def test_settings_that_are_not_possible_are_refused() -> None:
    for weight in (-1.0, float("nan"), torch.tensor(-1.0)):
        with pytest.raises(ConfigError, match="Variational: weight is .*, expected a finite number >= 0"):
            Variational(l1, weight)
    with pytest.raises(ConfigError, match="expected a function of the domain"):
        Variational(L1())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nonnegative is True for torch.complex64 images"):
        Variational(l1, nonnegative=True)(noise((1, 1, 2, 2), torch.complex64), Fourier((2, 2)))
    for settings in ({"rtol": 0.0}, {"rtol": float("nan")}, {"max_steps": 0}):
        with pytest.raises(ConfigError, match="PseudoInverse: rtol is .* expected both positive"):
            PseudoInverse(**settings)
    for settings in ({"rtol": -1.0}, {"max_steps": 0}, {"check_every": 0}, {"atol": float("nan")}):
        with pytest.raises(ConfigError, match="expected a"):
            Stopping(**settings)
