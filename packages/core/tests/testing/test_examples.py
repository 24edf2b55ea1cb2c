from __future__ import annotations

import pytest
import torch

from invkit.plugins import Registry
from invkit.solvers.problems import CompositeProblem
from invkit.testing import Example, Outcome, check
from invkit.testing.cases import as_examples
from invkit.testing.examples import models, solvers
from invkit.testing.suite import CHECKED_KINDS

REGISTRY = Registry([], environ={})
ENTRIES = [entry for kind in CHECKED_KINDS for entry in REGISTRY.entries(kind)]


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.kind} {entry.id}" for entry in ENTRIES])
def test_no_check_refutes_what_the_core_registers(entry) -> None:
    report = check(entry.id, registry=REGISTRY)
    assert not [f"{r.check} {r.dtype}: {r.measurement} {r.reason}" for r in report.results if r.is_bad]
    assert {r.dtype for r in report.results} - {""} == set(entry.spec.dtypes)


@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.kind} {entry.id}" for entry in ENTRIES])
def test_every_example_is_made_in_the_dtype_asked_for(entry) -> None:
    for name in entry.spec.dtypes:
        for made in as_examples(REGISTRY.load_example(entry)("cpu", getattr(torch, name))):
            assert isinstance(made, Example)
            if entry.kind == "operator":
                assert made.subject.domain.dtype == getattr(torch, name)
            elif made.y is not None:
                assert made.y.dtype == getattr(torch, name)


def test_the_lasso_reference_satisfies_the_optimality_condition() -> None:
    example = solvers.fista("cpu", torch.float64)
    problem = example.subject.prepare(example.objective(example.y))
    assert isinstance(problem, CompositeProblem)
    x = example.expected
    gradient = problem.smooth.gradient(x)
    inside = gradient.abs() <= 0.4 + 1e-12
    assert bool(inside.all())
    assert torch.allclose(gradient[x != 0], -0.4 * x[x != 0].sign(), atol=1e-12)
    assert 0 < int((x == 0).sum()) < x.numel()


def test_an_example_of_a_model_without_a_measurement_is_refused() -> None:
    subject = models.adjoint("cpu", torch.float64).subject
    with pytest.raises(ValueError, match="Example of Adjoint: operator and y is None, expected a value"):
        Example(subject=subject)


def test_claims_that_no_check_measures_are_listed_with_their_basis() -> None:
    report = check("core/tv", registry=REGISTRY, dtype="float64", checks=())
    assert {(r.concerns, r.outcome) for r in report.results if r.check == "claim"} == {
        ("convex", Outcome.BY_CONSTRUCTION)
    }
