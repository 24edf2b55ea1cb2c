"""Rules for the weight against closed forms of linear problems, and against the truth that they never see."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from convex_problems import noise
from scipy import optimize

from invkit.errors import ConfigError, ConvergenceError, DataError, ShapeError
from invkit.functionals.regularisers import squared_l2, total_variation
from invkit.models import Adjoint, Stopping, Variational
from invkit.models.parameter_choice import (
    discrepancy_principle,
    generalised_cross_validation,
    l_curve,
    monte_carlo_sure,
)
from invkit.operators import Dense, Fourier, Identity
from invkit.solvers import PDHG, ConjugateGradient

TIGHT = Stopping(rtol=1e-12, max_steps=400)
WEIGHTS = np.logspace(-4, 2, 13).tolist()


class Ridge:
    """A mildly ill-posed dense problem with everything known by its singular values."""

    def __init__(self, dtype: torch.dtype = torch.float64, noise_std: float = 0.05) -> None:
        u = torch.linalg.qr(noise((20, 20), dtype, seed=1))[0]
        v = torch.linalg.qr(noise((12, 12), dtype, seed=2))[0]
        self.singular = torch.logspace(0, -2.5, 12, dtype=torch.float64)
        self.matrix = u[:, :12] * self.singular @ v.mH
        self.operator = Dense(self.matrix, (12,))
        self.u = u
        self.truth = (v @ (self.singular**0.5 * noise((12,), dtype, seed=3))[:, None])[:, 0]
        self.noise_std = noise_std
        self.clean = self.truth[None] @ self.matrix.mT
        self.y = self.clean + noise_std * noise((3, 20), dtype, seed=4)
        self.model = Variational(squared_l2, 1.0, solver=ConjugateGradient(), stopping=TIGHT)
        # A x = U diag(f) U* y with filter factors f = s^2 / (s^2 + w); the components of y outside the range stay.
        self.components = (self.y @ u.conj()).numpy()

    def factors(self, weight: float) -> np.ndarray:
        s = self.singular.numpy()
        return np.concatenate([s**2 / (s**2 + weight), np.zeros(8)])

    def misfit(self, image: int, weight: float) -> float:
        return float(np.linalg.norm((1 - self.factors(weight)) * self.components[image]))


def minimiser(f) -> float:
    grid = np.logspace(-4, 2, 600)
    best = grid[np.argmin([f(w) for w in grid])]
    found = optimize.minimize_scalar(lambda t: f(np.exp(t)), bounds=(np.log(best) - 0.1, np.log(best) + 0.1))
    return float(np.exp(found.x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_discrepancy_principle_finds_the_root_that_the_singular_values_give(dtype) -> None:
    ridge = Ridge(dtype)
    levels = torch.tensor([0.2, 0.25, 0.3], dtype=torch.float64) * (1 if dtype.is_floating_point else 1.2)
    found = discrepancy_principle(ridge.model, ridge.y, ridge.operator, levels, bounds=(1e-6, 1e4), rtol=1e-4)
    for i, level in enumerate(levels.tolist()):
        want = optimize.brentq(lambda t, i=i, level=level: ridge.misfit(i, np.exp(t)) - level, -12, 9)
        assert found.weight[i] == pytest.approx(np.exp(want), rel=2e-3)
        assert ridge.misfit(i, float(found.weight[i])) == pytest.approx(level, rel=1e-3)
        assert not found.at_end[i]
    torch.testing.assert_close(
        found.x[1:2], ridge.model.with_weight(float(found.weight[1]))(ridge.y[1:2], ridge.operator)
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_cross_validation_with_the_exact_trace_is_that_of_the_singular_values(dtype) -> None:
    ridge = Ridge(dtype)
    found = generalised_cross_validation(ridge.model, ridge.y, ridge.operator, WEIGHTS)
    for i in range(3):

        def gcv(weight: float, i: int = i) -> float:
            return 20 * ridge.misfit(i, weight) ** 2 / (20 - ridge.factors(weight).sum()) ** 2

        for weight, value in zip(found.weights[i].tolist(), found.criterion[i].tolist(), strict=True):
            assert value == pytest.approx(gcv(weight), rel=1e-6)
        assert gcv(float(found.weight[i])) <= gcv(minimiser(gcv)) * (1 + 1e-3)


def test_cross_validation_with_probes_estimates_the_same_numbers() -> None:
    ridge = Ridge()
    found = generalised_cross_validation(ridge.model, ridge.y[:1], ridge.operator, WEIGHTS, num_probes=400, seed=3)
    for weight, value in zip(found.weights[0].tolist(), found.criterion[0].tolist(), strict=True):
        want = 20 * ridge.misfit(0, weight) ** 2 / (20 - ridge.factors(weight).sum()) ** 2
        assert value == pytest.approx(want, rel=0.1)
    again = generalised_cross_validation(ridge.model, ridge.y[:1], ridge.operator, WEIGHTS, num_probes=400, seed=3)
    assert torch.equal(found.weight, again.weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_sure_of_a_linear_method_is_its_closed_form_on_average_over_the_probes(dtype) -> None:
    ridge = Ridge(dtype)
    s2 = ridge.noise_std**2
    found = monte_carlo_sure(ridge.model, ridge.y[:2], ridge.operator, WEIGHTS, ridge.noise_std, num_probes=400, seed=1)
    for i in range(2):
        for weight, value in zip(found.weights[i].tolist(), found.criterion[i].tolist(), strict=True):
            risk = ridge.misfit(i, weight) ** 2 - 20 * s2 + 2 * s2 * ridge.factors(weight).sum()
            assert value == pytest.approx(risk / (20 * s2), abs=0.06)


def test_sure_is_an_unbiased_estimate_of_the_prediction_error_it_never_sees() -> None:
    ridge = Ridge()
    weight = 0.05
    a, f = ridge.matrix.numpy(), ridge.factors(weight)
    u = ridge.u.numpy()
    influence = u @ np.diag(f) @ u.T
    clean = ridge.clean.numpy()[0]
    rng = np.random.default_rng(0)
    y = clean + ridge.noise_std * rng.standard_normal((4000, 20))
    error = ((y @ influence.T - clean) ** 2).sum(1).mean() / (20 * ridge.noise_std**2)
    estimate = monte_carlo_sure(
        ridge.model, torch.from_numpy(y[:40]), ridge.operator, [weight / 1.0001, weight, weight * 1.0001],
        ridge.noise_std, num_probes=50,
    )  # fmt: skip
    mean = np.mean([c[len(c) // 2].item() for c in estimate.criterion])
    assert mean == pytest.approx(error, abs=0.15)
    assert a.shape == (20, 12)


def test_the_l_curve_has_its_corner_where_the_singular_values_put_it() -> None:
    ridge = Ridge(noise_std=0.01)
    found = l_curve(ridge.model, ridge.y, ridge.operator, np.logspace(-6, 2, 25).tolist())
    s = ridge.singular.numpy()
    for i in range(3):
        grid = np.logspace(-6, 2, 25)
        logs = []
        for weight in grid:
            x = s / (s**2 + weight) * ridge.components[i][:12]
            logs.append((np.log(ridge.misfit(i, weight)), np.log(0.5 * (x**2).sum())))
        points = np.array(logs)
        # Curvature by finite differences of the parametrised curve: another formula than the circle's.
        d1, d2 = np.gradient(points, axis=0), np.gradient(np.gradient(points, axis=0), axis=0)
        bend = (d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]) / (d1**2).sum(1) ** 1.5
        corner = grid[2:-2][np.argmax(bend[2:-2])]
        assert abs(np.log10(float(found.weight[i]) / corner)) < 0.7
        # and it serves: the error is not far from the best there is on the list.
        images = [ridge.model.with_weight(w)(ridge.y[i : i + 1], ridge.operator) for w in grid.tolist()]
        best = min(float(torch.linalg.vector_norm(image - ridge.truth)) for image in images)
        assert float(torch.linalg.vector_norm(found.x[i] - ridge.truth)) <= 2 * best


def phantom(n: int = 24) -> torch.Tensor:
    """A disc in a frame: piecewise constant."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
    inside = (x**2 + y**2 < 0.5).double() - 0.5 * (((x - 0.2).abs() < 0.2) & ((y + 0.1).abs() < 0.3)).double()
    return (0.2 + inside)[None, None]


TV = Variational(total_variation, 1.0, solver=PDHG(balance=0.3), stopping=Stopping(rtol=1e-5, max_steps=500))


@pytest.fixture(scope="module")
def denoising():
    truth = phantom()
    noisy = truth + 0.1 * noise(tuple(truth.shape), seed=8)
    operator = Identity((24, 24), dtype=torch.float64)
    grid = np.logspace(-2.5, 0, 6).tolist()
    errors = [float((TV.with_weight(w)(noisy, operator) - truth).square().mean()) for w in np.logspace(-2, -0.5, 16)]
    return truth, noisy, operator, grid, min(errors)


def decibels(ratio: float) -> float:
    return 10 * float(np.log10(ratio))


def test_sure_for_total_variation_comes_within_half_a_decibel_of_the_best_weight(denoising) -> None:
    truth, noisy, operator, grid, best = denoising
    found = monte_carlo_sure(TV, noisy, operator, grid, 0.1)
    error = float((found.x - truth).square().mean())
    assert decibels(error / best) < 0.5
    # The estimate itself is the error, not only its minimiser.
    at = found.weights[0].tolist().index(float(found.weight[0]))
    assert 0.01 * (found.criterion[0][at].item()) == pytest.approx(error, rel=0.25)


def test_the_discrepancy_principle_for_total_variation_oversmooths_by_little(denoising) -> None:
    truth, noisy, operator, _, best = denoising
    found = discrepancy_principle(TV, noisy, operator, 0.1 * 24, bounds=(1e-3, 1.0))
    assert float((found.x - noisy).square().mean().sqrt()) == pytest.approx(0.1, rel=0.02)
    assert decibels(float((found.x - truth).square().mean()) / best) < 2.0


def test_unsampled_kspace_is_left_out_of_the_estimate() -> None:
    truth = phantom(24).to(torch.complex128)
    pattern = (torch.rand(24, 24, generator=torch.Generator().manual_seed(3)) < 0.5).double()
    operator = Fourier((24, 24), pattern, dtype=torch.complex128)
    y = operator.forward(truth) + pattern * 0.05 * noise((1, 1, 24, 24), torch.complex128, seed=9)
    model = functools.partial(Variational, total_variation, solver=PDHG(balance=0.5), stopping=TV.stopping)
    found = monte_carlo_sure(model(1.0), y, operator, np.logspace(-3, -1, 4).tolist(), 0.05, observed=pattern)
    clean = operator.forward(truth)
    risk = float((operator.forward(found.x) - clean).abs().square().sum()) / (float(pattern.sum()) * 0.05**2)
    at = found.weights[0].tolist().index(float(found.weight[0]))
    assert found.criterion[0][at].item() == pytest.approx(risk, abs=0.25)


def test_bad_settings_are_refused_with_the_way_out() -> None:
    ridge = Ridge()
    args = (ridge.model, ridge.y, ridge.operator)
    with pytest.raises(ShapeError, match=r"noise_norm has shape \(2,\), expected one number or \(3,\)"):
        discrepancy_principle(*args, torch.ones(2))
    with pytest.raises(ConfigError, match="noise_norm is -1"):
        discrepancy_principle(*args, -1)
    with pytest.raises(ConvergenceError, match="Check the noise level, or widen the bounds"):
        discrepancy_principle(*args, 1e6)
    with pytest.raises(ConfigError, match="expected at least 3 different positive numbers"):
        monte_carlo_sure(*args, [1.0, -2.0], 0.1)
    with pytest.raises(ConfigError, match="expected at least 5 different"):
        l_curve(*args, [1, 2, 3])
    with pytest.raises(ConfigError, match=r"is not quadratic.*\. Use monte_carlo_sure"):
        generalised_cross_validation(TV, noise((1, 1, 4, 4)), Identity((4, 4), dtype=torch.float64), WEIGHTS)
    with pytest.raises(ConfigError, match="model is Adjoint without a regulariser"):
        monte_carlo_sure(Adjoint(), ridge.y, ridge.operator, WEIGHTS, 0.1)
    with pytest.raises(ConfigError, match="model is Variational without a regulariser"):
        l_curve(Variational(None), ridge.y, ridge.operator, WEIGHTS)
    bad = ridge.y.clone()
    bad[0, 0] = torch.nan
    with pytest.raises(DataError, match="NaN"):
        monte_carlo_sure(ridge.model, bad, ridge.operator, WEIGHTS, 0.1)


def test_an_empty_batch_has_no_weights() -> None:
    ridge = Ridge()
    found = monte_carlo_sure(ridge.model, ridge.y[:0], ridge.operator, WEIGHTS, 0.1)
    assert found.weight.shape == (0,)
    assert found.x.shape == (0, 12)


RULES = {
    "discrepancy": functools.partial(discrepancy_principle, noise_norm=0.3, bounds=(1e-4, 1e2)),
    "l-curve": functools.partial(l_curve, weights=WEIGHTS),
    "cross-validation": functools.partial(generalised_cross_validation, weights=WEIGHTS),
    "sure": functools.partial(monte_carlo_sure, weights=WEIGHTS, noise_std=0.05, step=1e-2),
}


@pytest.mark.parametrize("name", RULES)
def test_reconstructions_that_did_not_converge_are_counted_and_logged(name: str, caplog) -> None:
    ridge = Ridge()
    assert RULES[name](ridge.model, ridge.y, ridge.operator).unconverged == (0, 0, 0)
    assert not caplog.records
    late = Variational(
        squared_l2, 1.0, solver=ConjugateGradient(), stopping=Stopping(rtol=1e-12, max_steps=6, check_every=1)
    )
    choice = RULES[name](late, ridge.y, ridge.operator)
    assert min(choice.unconverged) > 0
    (record,) = caplog.records
    assert f"{sum(choice.unconverged)} reconstructions of 3 images did not converge (worst rel" in record.getMessage()


@pytest.mark.parametrize("rule", ["cross-validation", "sure"])
@pytest.mark.parametrize("shape", [(2, 20), (3, 20), (3, 1), (1, 1, 20), (7,)])
def test_a_pattern_of_samples_that_fits_no_measurement_is_refused(rule: str, shape: tuple[int, ...]) -> None:
    ridge = Ridge()
    with pytest.raises(ShapeError, match=r"observed has shape .*, expected \(20,\) or axes of length 1"):
        RULES[rule](ridge.model, ridge.y, ridge.operator, observed=torch.ones(shape))


@pytest.mark.parametrize("rule", ["cross-validation", "sure"])
def test_a_pattern_of_samples_may_have_a_batch_axis_of_one(rule: str) -> None:
    ridge = Ridge()
    seen = (torch.arange(20) % 5 > 0).double()
    a, b = (RULES[rule](ridge.model, ridge.y, ridge.operator, observed=m) for m in (seen, seen[None]))
    torch.testing.assert_close(a.weight, b.weight, rtol=1e-12, atol=0)
