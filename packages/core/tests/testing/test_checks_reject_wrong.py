"""Every check beside wrong specimens that it must reject, and the right ones beside them that it must not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import torch

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.functionals import L1, SquaredL2
from invkit.functionals.indicators import Box
from invkit.functionals.norms import QuadraticConjugate
from invkit.models import Adjoint, Reconstructor
from invkit.operators import Blur, Dense, Fourier, Interval, Space
from invkit.solvers import GradientDescent
from invkit.testing import Example, Outcome, check
from invkit.testing.examples import models, solvers


def _load_specimens() -> Any:
    # Test folders are no packages, so that files of the same name in two of them do not meet.
    spec = util.spec_from_file_location("specimens", Path(__file__).with_name("specimens.py"))
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules["specimens"] = module
    spec.loader.exec_module(module)
    return module


s = _load_specimens()
SPACE = Space((1, 5, 4), torch.float64)


def refuted(report: Any) -> set[str]:
    """The names of the checks that refuted; none may have failed to run."""
    assert not report.failed, [f"{r.check}: {r.reason}" for r in report.failed]
    return {result.check for result in report.refuted}


def complex_blur() -> Blur:
    kernel = torch.randn(3, 2, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    return Blur(kernel, (5, 4))


def _float32_detour(x: torch.Tensor) -> torch.Tensor:
    return (3 * x).float().double() / 3


OPERATORS: dict[str, tuple[Callable[[], Any], str]] = {
    "adjoint scaled by 1.01": (lambda: s.Forward(lambda x: x, lambda y: 1.01 * y, Interval(0.0, 1.0, "")), "adjoint"),
    "adjoint with another boundary": (
        lambda: s.Forward(s.forward_difference, s.periodic_difference_adjoint, Interval(0.0, 2.0, "")),
        "adjoint",
    ),
    "conjugate forgotten": (
        lambda: s.Forward(
            complex_blur().forward, complex_blur().forward, complex_blur().norm(), dtype=torch.complex128
        ),
        "adjoint",
    ),
    "affine map called linear": (
        lambda: s.Forward(lambda x: x + 1e-6, lambda y: y, Interval(0.0, 2.0, "")),
        "linearity",
    ),
    "absolute value called linear": (
        lambda: s.Forward(torch.abs, lambda y: y, Interval(0.0, 2.0, "")),
        "linearity",
    ),
    "conjugation called complex linear": (
        lambda: s.Forward(torch.conj_physical, torch.conj_physical, Interval.exact(1.0), dtype=torch.complex128),
        "linearity",
    ),
    "upper bound 1 % too small": (
        lambda: s.Forward(lambda x: x, lambda y: y, Interval(0.0, 0.99, "")),
        "norm-interval",
    ),
    "power iteration stopped early as an upper bound": (
        lambda: s.Forward(
            s.forward_difference,
            s.forward_difference_adjoint,
            Interval.exact(0.98 * 2 * torch.cos(torch.tensor(torch.pi / 8, dtype=torch.float64)).item()),
        ),
        "norm-interval",
    ),
    "lower bound too large": (lambda: s.Forward(lambda x: x, lambda y: y, Interval(1.5, 2.0, "")), "norm-interval"),
    "lower bound too large for a larger operator": (
        lambda: s.Forward(torch.clone, torch.clone, Interval(1.5, 2.0, ""), shape=(1, 30, 20)),
        "norm-interval",
    ),
    "its own buffer returned": (
        lambda: s.KeepsABuffer(torch.clone, torch.clone, buffer=torch.zeros(7, 1, 5, 4, dtype=torch.float64)),
        "fresh-result",
    ),
    "its argument returned": (lambda: s.Forward(lambda x: x, lambda y: y.clone()), "fresh-result"),
    "a view of its argument returned": (lambda: s.Forward(torch.clone, lambda y: y.view_as(y)), "fresh-result"),
    "its own tensors changed": (
        lambda: s.CountsItsCalls(torch.clone, torch.clone, calls=torch.zeros(())),
        "no-input-mutation",
    ),
    "float32 inside float64": (lambda: s.Forward(_float32_detour, _float32_detour), "linearity"),
    "mean over the batch": (
        lambda: s.Forward(lambda x: x + x.mean(0, keepdim=True), lambda y: y, Interval(0.0, 2.0, "")),
        "batch-invariance",
    ),
    "argument changed": (lambda: s.Forward(s.doubled_in_place, lambda y: y), "no-input-mutation"),
    "result in another precision": (lambda: s.Forward(lambda x: x.float(), lambda y: y), "placement"),
    "memory read in storage order": (
        lambda: s.Forward(
            lambda x: x.as_strided(x.shape, (20, 20, 4, 1), 0) if len(x) else x, lambda y: y, Interval(0.0, 2.0, "")
        ),
        "non-contiguous",
    ),
    "empty batch refilled": (
        lambda: s.Forward(lambda x: x if len(x) else x.new_zeros(1, *x.shape[1:]), lambda y: y),
        "empty-batch",
    ),
    "detached from autograd": (lambda: s.Forward(lambda x: x.detach().clone(), lambda y: y), "derivative"),
    "shift called self-adjoint": (
        lambda: s.Forward(lambda x: x.roll(1, -1), lambda y: y.roll(-1, -1), stated=frozenset({"self_adjoint"})),
        "self-adjoint",
    ),
    "negative called positive semidefinite": (
        lambda: s.Forward(lambda x: -x, lambda y: -y, stated=frozenset({"positive_semidefinite"})),
        "positive-semidefinite",
    ),
    "2 id called isometric": (
        lambda: s.Forward(lambda x: 2 * x, lambda y: 2 * y, Interval.exact(2.0), stated=frozenset({"isometric"})),
        "isometric",
    ),
    "2 id called unitary": (
        lambda: s.Forward(lambda x: 2 * x, lambda y: 2 * y, Interval.exact(2.0), stated=frozenset({"unitary"})),
        "unitary",
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_a_wrong_operator_is_refuted(name: str) -> None:
    make, expected = OPERATORS[name]
    # Some are so wrong that another check cannot even run; this one must.
    assert expected in {result.check for result in check(make()).refuted}


def test_the_differences_are_right_beside_their_own_adjoint() -> None:
    norm = 2 * torch.cos(torch.tensor(torch.pi / 8, dtype=torch.float64)).item()
    right = s.Forward(s.forward_difference, s.forward_difference_adjoint, Interval.exact(norm))
    assert not refuted(check(right))


FUNCTIONALS: dict[str, tuple[Callable[[], Any], str]] = {
    "l0 with the threshold of l1": (lambda: s.L0(lambda tau: tau), "prox"),
    "l0 with sqrt(tau)": (lambda: s.L0(lambda tau: torch.as_tensor(tau).sqrt()), "prox"),
    "soft thresholding without tau": (lambda: s.SoftThresholding(lambda v, tau: s.soft(v, 1.0)), "prox"),
    "soft thresholding by 2 tau": (lambda: s.SoftThresholding(lambda v, tau: s.soft(v, 2 * tau)), "prox"),
    "soft thresholding by 1.01 tau": (lambda: s.SoftThresholding(lambda v, tau: s.soft(v, 1.01 * tau)), "prox"),
    "tau sin": (lambda: s.SoftThresholding(lambda v, tau: tau * torch.sin(v)), "prox"),
    "the identity as a proximal map": (lambda: s.SoftThresholding(lambda v, tau: v.clone()), "prox"),
    "sphere instead of ball": (lambda: s.UnitBall(lambda v, size: v / size), "prox"),
    "ball of radius 0.99": (lambda: s.UnitBall(lambda v, size: 0.99 * v / size.clamp_min(0.99)), "prox"),
    "no projection": (lambda: s.UnitBall(lambda v, size: v.clone()), "prox"),
    "value without the weight": (s.ForgetsItsWeight, "prox"),
    "tau of the first image for all": (
        lambda: s.SoftThresholding(lambda v, tau: s.soft(v, tau if isinstance(tau, float) else tau.flatten()[0])),
        "prox",
    ),
    "gradient x 1.01": (lambda: s.Smooth(slope=lambda x: 1.01 * torch.tanh(x)), "gradient"),
    "gradient of another function": (lambda: s.Smooth(slope=torch.sin), "gradient"),
    "Hessian of another function": (lambda: s.Smooth(curvature=lambda x: 1 - torch.tanh(x)), "hessian"),
    "smoothness 0.98 L": (lambda: s.Smooth(constant=0.98), "smoothness"),
    "log cosh called strongly convex": (lambda: s.Smooth(modulus=0.1), "strong-convexity"),
    "a concave function called convex": (
        lambda: s.Smooth(sign=-1.0, slope=lambda x: -torch.tanh(x), curvature=lambda x: torch.tanh(x) ** 2 - 1),
        "convexity",
    ),
    "conjugate with the wrong sign": (
        lambda: s.SoftThresholding(s.soft, dual=_NegativeConjugate(0.5)),
        "conjugate",
    ),
    "conjugate of 2 f": (lambda: s.SoftThresholding(s.soft, dual=(2 * L1()).conjugate), "conjugate"),
    "conjugate of f / 2": (lambda: s.SoftThresholding(s.soft, dual=(0.5 * L1()).conjugate), "conjugate"),
    "mean over the batch": (s.BatchMean, "batch-invariance"),
    "argument changed": (
        lambda: s.SoftThresholding(lambda v, tau: s.soft(v, tau) + 0 * v.mul_(2)),
        "no-input-mutation",
    ),
}


class _NegativeConjugate(QuadraticConjugate):
    """-|z|^2 / (2c)."""

    def _value(self, z: torch.Tensor) -> torch.Tensor:
        return -super()._value(z)


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_a_wrong_functional_is_refuted(name: str) -> None:
    make, expected = FUNCTIONALS[name]
    report = check(make(), space=SPACE)
    assert expected in {result.check for result in report.refuted}


@pytest.mark.parametrize(
    "functional",
    [lambda: s.SoftThresholding(s.soft), s.Smooth, lambda: Box(-0.5, 1.0), lambda: 0.3 * SquaredL2()],
    ids=["l1", "log cosh", "box", "scaled square"],
)
def test_the_right_functional_is_not_refuted(functional: Callable[[], Any]) -> None:
    assert not refuted(check(functional(), space=SPACE))


def test_the_right_l0_prox_passes_although_l0_is_not_convex() -> None:
    report = check(s.L0(lambda tau: (2 * torch.as_tensor(tau)).sqrt()), space=SPACE)
    prox = next(result for result in report.results if result.check == "prox")
    # Its biconjugate is zero, so only its own proximal map is asked about.
    assert prox.measurement is not None
    assert "f = L0" in prox.reason


SOLVERS: dict[str, tuple[Callable[[], Any], str]] = {
    "stops when the mean of the batch does": (s.StopsTogether, "batch-invariance"),
    "steps by the largest gradient of the batch": (s.StepsTogether, "batch-invariance"),
    "never stops": (s.NeverSatisfied, "minimiser"),
    "returns another point": (s.FindsAnotherPoint, "minimiser"),
}


@pytest.mark.parametrize("name", SOLVERS)
def test_a_wrong_solver_is_refuted(name: str) -> None:
    make, expected = SOLVERS[name]
    example = solvers.gradient_descent("cpu", torch.float64)
    wrong = Example(
        subject=make(),
        objective=example.objective,
        y=example.y,
        expected=example.expected,
        accuracy=example.accuracy,
    )
    assert expected in refuted(check(wrong))


def test_a_solver_whose_minimiser_nobody_knows_fails_the_check() -> None:
    report = check(replace(solvers.gradient_descent("cpu", torch.float64), expected=None))
    reasons = {result.check: result.reason for result in report.failed}
    assert "expected is None, expected the minimiser for y" in reasons["minimiser"]


class _Model(Reconstructor):
    """A reconstruction out of a function, which claims to be linear."""

    def __init__(self, run: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.run = run

    def forward(self, y: torch.Tensor, operator: Any) -> torch.Tensor:
        return self.run(y, operator)

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="linear", basis=BY_CONSTRUCTION),)


MODELS: dict[str, tuple[Callable[..., torch.Tensor], str]] = {
    "scaled by 1.01": (lambda y, a: 1.01 * a.adjoint(y), "reconstruction"),
    "clamped": (lambda y, a: a.adjoint(y).clamp_min(0), "linearity"),
    "normalised by the batch": (
        lambda y, a: a.adjoint(y) / y.abs().max() if len(y) else a.adjoint(y),
        "batch-invariance",
    ),
    "measurement changed": (lambda y, a: a.adjoint(y.mul_(2)) / 2, "no-input-mutation"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_model_is_refuted(name: str) -> None:
    run, expected = MODELS[name]
    example = models.adjoint("cpu", torch.float64)
    assert expected in refuted(check(replace(example, subject=_Model(run))))


def test_the_right_model_and_solver_are_not_refuted() -> None:
    assert not refuted(check(models.adjoint("cpu", torch.float64)))
    assert not refuted(check(replace(solvers.gradient_descent("cpu", torch.float64), subject=GradientDescent())))


def test_a_refutation_carries_tensors_that_reproduce_it() -> None:
    operator = OPERATORS["adjoint scaled by 1.01"][0]()
    result = next(r for r in check(operator).refuted if r.check == "adjoint")
    x, y = result.counterexample["x"], result.counterexample["y"]
    assert not torch.isclose((operator.forward(x) * y).sum(), (x * operator.adjoint(y)).sum(), rtol=1e-6)


def test_a_check_that_crashes_is_a_failure_of_that_check_alone() -> None:
    def explode(y: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("no adjoint today")

    report = check(s.Forward(lambda x: x, explode))
    failed = {result.check: result.reason for result in report.failed}
    assert failed["adjoint"] == "ZeroDivisionError: no adjoint today"
    outcomes = {result.check: result.outcome for result in report.results}
    assert outcomes["linearity"] is Outcome.NOT_REFUTED


def test_not_a_number_is_refuted() -> None:
    assert "linearity" in refuted_or_failed(check(s.Forward(lambda x: x / 0 * 0, lambda y: y)))


def refuted_or_failed(report: Any) -> set[str]:
    return {result.check for result in report.results if result.is_bad}


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128])
def test_a_true_lower_bound_of_a_larger_operator_is_not_refuted(dtype: torch.dtype) -> None:
    matrix = torch.randn(20, 600, dtype=dtype, generator=torch.Generator().manual_seed(4))
    assert not refuted(check(Dense(matrix)))


def test_real_operators_of_the_core_are_not_refuted_at_other_sizes() -> None:
    generator = torch.Generator().manual_seed(3)
    matrix = torch.randn(4, 6, dtype=torch.complex64, generator=generator)
    assert not refuted(check(Dense(matrix)))
    assert not refuted(check(Fourier((7, 3, 2), dtype=torch.complex128)))
    assert Adjoint().claims()
