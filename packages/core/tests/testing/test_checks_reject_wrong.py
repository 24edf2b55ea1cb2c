"""Every check beside wrong specimens that it must reject, and the right ones beside them that it must not."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import wrong_specimens

from invkit.functionals import SquaredL2
from invkit.functionals.indicators import Box
from invkit.operators import Dense, Fourier
from invkit.testing import CHECKS, Outcome, check, reproduce
from invkit.testing.examples import solvers

specimens = wrong_specimens.load()
s = sys.modules["specimens.parts"]
SPACE, as_checked = specimens.SPACE, specimens.as_checked
OBJECTS = {one.name: one for one in specimens.SPECIMENS if one.kind != "rule"}
HONEST = {one.honest: one.name for one in OBJECTS.values() if one.honest is not None}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_wrong_object_is_refuted_by_what_can_be_evaluated_again(name: str, tmp_path: Path) -> None:
    specimen = OBJECTS[name]
    # Some are so wrong that another check cannot even run; this one must.
    report = check(as_checked(specimen.make()))
    caught = [result for result in report.refuted if result.check == specimen.caught_by]
    assert caught, [f"{r.check}: {r.outcome} {r.reason}" for r in report.results if r.check == specimen.caught_by]
    again = reproduce(caught[0].save(tmp_path), as_checked(specimen.make()))
    assert again.refutes
    assert "the check at the saved" in again.how
    if caught[0].check != "determinism":  # an error that nobody seeded is another one each time
        then = caught[0].measurement.value
        assert math.isclose(again.value, then, rel_tol=1e-6) or (math.isnan(again.value) and math.isnan(then))


@pytest.mark.parametrize("honest", HONEST, ids=[f"beside {name}" for name in HONEST.values()])
def test_the_honest_object_beside_it_is_not(honest: Any) -> None:
    assert not refuted(check(as_checked(honest())))


@pytest.mark.parametrize("wrong", ["steps-h-x-1-02", "norms-x-1-01"])
def test_what_a_layer_shows_alone_hides_from_end_to_end(wrong: str) -> None:
    (end_to_end,) = (one for one in CHECKS if one.name == "nonexpansive")
    assert check(OBJECTS[f"network-{wrong}"].make(), checks=[end_to_end]).passed


def test_every_check_has_a_specimen_that_it_must_catch() -> None:
    assert {one.name for one in CHECKS} <= {one.caught_by for one in OBJECTS.values()}


def refuted(report: Any) -> set[str]:
    """The names of the checks that refuted; none may have failed to run."""
    assert not report.failed, [f"{r.check}: {r.reason}" for r in report.failed]
    return {result.check for result in report.refuted}


@pytest.mark.parametrize(
    "functional",
    [lambda: s.SoftThresholding(s.soft), s.Smooth, lambda: Box(-0.5, 1.0), lambda: 0.3 * SquaredL2()],
    ids=["l1", "log cosh", "box", "scaled square"],
)
def test_the_right_functional_is_not_refuted(functional: Any) -> None:
    assert not refuted(check(functional(), space=SPACE))


def test_the_right_l0_prox_passes_although_l0_is_not_convex() -> None:
    report = check(s.L0(lambda tau: (2 * torch.as_tensor(tau)).sqrt()), space=SPACE)
    prox = next(result for result in report.results if result.check == "prox")
    # Its biconjugate is zero, so only its own proximal map is asked about.
    assert prox.measurement is not None
    assert "f = L0" in prox.reason


def test_a_solver_whose_minimiser_nobody_knows_fails_the_check() -> None:
    report = check(replace(solvers.gradient_descent("cpu", torch.float64), expected=None))
    reasons = {result.check: result.reason for result in report.failed}
    assert "expected is None, expected the minimiser for y" in reasons["minimiser"]


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
