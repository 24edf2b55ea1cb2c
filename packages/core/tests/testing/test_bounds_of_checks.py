"""The bounds of the checks are those that the pages state, and no attack or case is left out in silence."""

from __future__ import annotations

import importlib
import inspect

import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import Huber, SquaredL2
from invkit.measures import (
    adjoint_mismatch,
    batch_invariance,
    conjugate_gap,
    equivariance_error,
    hessian_error,
    lipschitz_ratio,
    norm_interval_error,
    pseudo_inverse_error,
    semidefiniteness_gap,
    tolerance,
)
from invkit.measures.attacks import ATTACKS
from invkit.operators import Diagonal, Identity, Interval, Space
from invkit.testing import Context, Example, check, functional_checks, map_checks, solver_checks
from invkit.testing.checks import CHECKS
from invkit.testing.examples import solvers

from .specimens.networks import Layers

SPACE = Space((1, 4, 4), torch.float64)
TOLERANCE = tolerance(torch.float64)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("measure", "most"),
    [
        (lambda: batch_invariance(lambda x: x, SPACE.randn(3, generator=generator())), TOLERANCE),
        (lambda: adjoint_mismatch(Identity((4, 4), dtype=torch.float64), generator=generator()), TOLERANCE),
        (
            lambda: pseudo_inverse_error(Diagonal(2 * torch.ones(1, 4, 4, dtype=torch.float64)), generator=generator()),
            1e3 * TOLERANCE,
        ),
        (lambda: conjugate_gap(SquaredL2(), SPACE, generator=generator()), 100 * TOLERANCE),
        (lambda: hessian_error(SquaredL2(), SPACE, generator=generator()), 1e-4),
        (lambda: lipschitz_ratio(lambda x: x, SPACE, 1.0, generator=generator()), 1 + 100 * TOLERANCE),
    ],
    ids=["batch", "adjoint", "pseudo-inverse", "conjugate", "hessian", "lipschitz"],
)
def test_a_bound_is_no_larger_than_stated(measure, most: float) -> None:
    found = measure()
    assert found.passed
    assert found.bound <= most * (1 + 1e-9)


def test_a_fault_of_ten_times_the_bound_is_refuted() -> None:
    operator = Identity((4, 4), dtype=torch.float64)
    first = SPACE.randn(4, generator=generator())
    off = torch.ones(4, 1, 1, 1, dtype=torch.float64)
    off[1:] += 10 * TOLERANCE
    assert not batch_invariance(lambda x: x * off[: len(x)], first).passed
    assert not lipschitz_ratio(lambda x: (1 + 1e3 * TOLERANCE) * x, SPACE, 1.0, generator=generator()).passed
    assert adjoint_mismatch(operator, generator=generator()).passed


def test_the_bounds_of_descent_and_of_the_distance_to_the_solution() -> None:
    example = solvers.gradient_descent("cpu", torch.float64)
    for measure in (solver_checks._descent, solver_checks._fejer):
        assert measure(example, Context()).bound <= 10 * TOLERANCE
    assert [name for name, _ in solver_checks._starts(example, Context())] == ["zero", "far away"]


def test_every_attack_is_made() -> None:
    names = [attack.__name__ for attack in ATTACKS]
    assert names == [
        "random_pairs",
        "local_pairs",
        "structured_pairs",
        "neighbours",
        "jacobian_power",
        "secant_ascent",
    ]


def test_power_iteration_for_semidefiniteness_takes_its_steps() -> None:
    assert inspect.signature(semidefiniteness_gap).parameters["num_steps"].default >= 20


def _asked(name: str) -> object:
    return next(one for one in CHECKS if one.name == name).measure


def test_gradients_are_asked_of_a_scaled_functional_and_proximal_maps_of_conjugates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    for name in ("gradient_error", "prox_gap"):
        measure = getattr(functional_checks, name)

        def spy(functional, space, *, generator, measure=measure, name=name):
            seen.append(name)
            return measure(functional, space, generator=generator)

        monkeypatch.setattr(functional_checks, name, spy)
    example = Example(subject=Huber(0.1), space=SPACE)
    for name in ("gradient", "prox"):
        _asked(name)(example, Context())
    assert (seen.count("gradient_error"), seen.count("prox_gap")) == (2, 4)


@pytest.mark.parametrize("accuracy", [0.0, -1.0, 0.2, float("inf"), float("nan")])
def test_an_accuracy_with_which_anything_passes_is_refused(accuracy: float) -> None:
    with pytest.raises(ConfigError, match=r"Example of Identity: accuracy is .*, expected above 0 and at most 0\.1"):
        Example(subject=Identity((2, 2)), accuracy=accuracy)


def test_the_core_checks_of_one_kind_have_different_names() -> None:
    for kind in ("operator", "regulariser", "solver", "model", "denoiser"):
        names = [one.name for one in CHECKS if kind in one.kinds]
        assert len(set(names)) == len(names)
    assert check(Identity((3, 2), dtype=torch.float64)).passed


def test_a_map_that_turns_with_images_around_zero_alone_is_refuted() -> None:
    corner = torch.zeros(4, 4, dtype=torch.float64)
    corner[0, 0] = 1.0
    assert equivariance_error(lambda x: x, SPACE, "C4", generator=generator()).passed
    assert not equivariance_error(lambda x: x + corner * (x.mean() > 2), SPACE, "C4", generator=generator()).passed


def test_the_minimum_is_also_searched_by_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("invkit.measures.prox_gap")
    search, seen = module._minimisers, []
    monkeypatch.setattr(module, "_minimisers", lambda *settings: seen.append(1) or search(*settings))
    assert module.prox_gap(SquaredL2(), SPACE, generator=generator()).passed
    assert seen


def test_blocks_are_measured_on_large_images_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    ratio = map_checks.block_ratio

    def spy(blocks, **settings):
        names.extend(block.name for block in blocks)
        return ratio(blocks, **{**settings, "num_steps": 2})

    monkeypatch.setattr(map_checks, "block_ratio", spy)
    map_checks._blocks(Example(subject=Layers(), space=SPACE), Context())
    assert any("64, 64" in name for name in names)


class Understated(Identity):
    """The identity, whose norm is said to be 0.9."""

    def _norm(self) -> Interval:
        return Interval(0.5, 0.9, "a guess")


@pytest.mark.parametrize("size", [4, 24])
def test_an_upper_bound_that_is_too_small_is_refuted_with_and_without_the_matrix(size: int) -> None:
    operator = Understated((size, size), dtype=torch.float64)
    found = norm_interval_error(operator, generator=generator())
    assert not found.passed
    assert found.value == pytest.approx(1 / 0.9, rel=1e-6)
