"""Each measure gives the number that follows from a known defect, in both precisions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from invkit.errors import ConfigError
from invkit.functionals import L1, Ball, GroupL1, SquaredL2
from invkit.measures import (
    Measurement,
    adjoint_mismatch,
    batch_invariance,
    conjugate_gap,
    convexity_gap,
    gradient_error,
    hessian_error,
    input_mutation,
    lanczos_lower_bound,
    linearity_error,
    norm_interval_error,
    normal_error,
    prox_gap,
    pseudo_inverse_error,
    shared_results,
    smoothness_ratio,
    tolerance,
)
from invkit.measures.operator_norm import dense_matrix, lanczos_upper_estimate
from invkit.operators import Coils, Dense, FiniteDifference, Fourier, Space

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=seeded(seed))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dense_matrix_passes_adjoint_linearity_and_norm(dtype: torch.dtype) -> None:
    operator = Dense(noise(7, 5, dtype=dtype))
    assert adjoint_mismatch(operator, generator=seeded()).passed
    assert linearity_error(operator.forward, operator.domain, generator=seeded()).passed
    assert norm_interval_error(operator, generator=seeded()).passed


def test_the_lanczos_bound_is_attained_and_never_above_the_norm() -> None:
    for seed in range(20):
        matrix = noise(30, 20, seed=seed)
        bound, x = lanczos_lower_bound(Dense(matrix), generator=seeded(seed))
        exact = float(torch.linalg.matrix_norm(matrix, 2))
        assert exact * (1 - 1e-6) <= bound <= exact * (1 + 1e-14)
        assert math.isclose(float((matrix @ x.flatten()).norm() / x.norm()), bound, rel_tol=1e-12)


def test_the_lanczos_bound_of_zero_is_zero() -> None:
    assert lanczos_lower_bound(Dense(torch.zeros(3, 4)), generator=seeded())[0] == 0


def test_the_dense_matrix_of_an_operator_is_its_matrix() -> None:
    matrix = noise(6, 4, dtype=torch.complex128)
    assert torch.equal(dense_matrix(Dense(matrix, domain_shape=(1, 2, 2))), matrix)


def test_an_offset_shows_as_large_as_it_is_among_small_images() -> None:
    space = Space((1, 4), torch.float64)
    assert linearity_error(lambda x: x + 1e-9, space, generator=seeded()).value > 1e-8


def test_batch_invariance_compares_infinite_values() -> None:
    ball = Ball(1.0, None)
    images = torch.cat([noise(1, 1, 3), torch.zeros(1, 1, 3, dtype=torch.float64)])
    assert batch_invariance(ball.value, images).value == 0
    coupled = batch_invariance(lambda x: x - x.mean(0, keepdim=True), images)
    assert not coupled.passed


def test_input_mutation_counts_the_arguments_that_changed() -> None:
    x, y = noise(2, 3), noise(2, 3)
    assert input_mutation(lambda a, b: a + b, x, y).value == 0
    changed = input_mutation(lambda a, b: a.add_(b), x, y)
    assert changed.value == 1
    assert list(changed.counterexample) == ["argument_0", "argument_1"]


def test_a_true_modulus_passes_and_a_larger_one_does_not() -> None:
    space = Space((2, 3), torch.float64)
    assert convexity_gap(SquaredL2(), space, generator=seeded(), modulus=1.0).passed
    assert not convexity_gap(SquaredL2(), space, generator=seeded(), modulus=1.01).passed


def test_the_smoothness_of_a_composition_is_found_by_power_iteration() -> None:
    operator = FiniteDifference((6, 5), dtype=torch.float64)
    functional = 0.3 * (SquaredL2() @ operator)
    constant = functional.smoothness().upper
    found = smoothness_ratio(functional, operator.domain, constant, generator=seeded())
    assert found.passed
    assert found.value > 0.98


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_and_hessian_of_a_composition_agree_with_differences(dtype: torch.dtype) -> None:
    operator = Dense(noise(4, 6, dtype=dtype), domain_shape=(1, 2, 3))
    functional = 0.7 * (SquaredL2(noise(1, 4, dtype=dtype, seed=5)) @ operator)
    assert gradient_error(functional, operator.domain, generator=seeded()).passed
    assert hessian_error(functional, operator.domain, generator=seeded()).passed


@pytest.mark.parametrize("dtype", DTYPES)
def test_prox_and_conjugate_of_norms_and_balls_pass(dtype: torch.dtype) -> None:
    space = Space((2, 3, 2), dtype)
    for functional in (0.7 * L1(), GroupL1((0,)), Ball(0.6, (0, 2)), 1.7 * SquaredL2(noise(1, 2, 3, 2, dtype=dtype))):
        assert prox_gap(functional, space, generator=seeded()).passed
        assert conjugate_gap(functional, space, generator=seeded()).passed


def test_shortcuts_agree_with_the_operator() -> None:
    coils = Coils(noise(3, 4, 5, dtype=torch.complex128))
    pattern = torch.tensor([1.0, 0.0, 0.5, 1.0], dtype=torch.float64).reshape(4, 1)
    for operator in (coils, Fourier((4, 5), pattern, dtype=torch.complex128)):
        assert normal_error(operator, generator=seeded()).passed
        assert pseudo_inverse_error(operator, generator=seeded()).passed


def test_a_wrong_shortcut_is_seen() -> None:
    class HalfGram(Coils):
        def _gram(self, x: Tensor) -> Tensor:
            return 0.5 * super()._gram(x)

    class AdjointAsInverse(Coils):
        def _pseudo_inverse(self, y: Tensor) -> Tensor:
            return self._adjoint(y)

    c = noise(3, 4, 5, dtype=torch.complex128)
    assert math.isclose(normal_error(HalfGram(c), generator=seeded()).value, 0.5)
    assert not pseudo_inverse_error(AdjointAsInverse(c), generator=seeded()).passed


def test_not_a_number_never_passes() -> None:
    assert not Measurement(math.nan, 1.0, 1).passed
    assert Measurement(math.nan, 1.0, 1).as_dict()["value"] is None


def test_a_dtype_without_a_tolerance_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tolerance: dtype is torch.float16, expected one of torch.float64"):
        tolerance(torch.float16)


def test_a_lower_bound_of_a_large_operator_is_compared_with_what_lanczos_leaves_possible() -> None:
    operator = Dense(noise(20, 700))
    attained, _ = lanczos_lower_bound(operator, generator=seeded(), num_steps=60)
    most = lanczos_upper_estimate(attained, operator, 60)
    assert operator.norm().upper < most < 1.05 * operator.norm().upper
    assert lanczos_upper_estimate(attained, operator, 5) == math.inf  # too few steps to say anything


def test_results_that_share_memory_are_counted() -> None:
    buffer = torch.zeros(2, 3)
    x, z = noise(2, 3), noise(2, 3, seed=2)
    assert shared_results(torch.clone, x, z).passed
    assert "memory of the argument" in shared_results(lambda x: x.view(3, 2), x, z).where
    assert not shared_results(buffer.copy_, x, z).passed


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
def test_own_tensors_that_a_call_changes_are_counted() -> None:
    sparse = torch.eye(3).to_sparse_csr()
    own = (torch.zeros(2), sparse, torch.tensor([math.nan]))
    assert input_mutation(lambda x: x + 1, torch.ones(2), own=own).value == 0
    found = input_mutation(own[0].add_, torch.ones(2), own=own)
    assert found.where == "the object's own tensor 0 was changed"
    assert input_mutation(lambda x: sparse.values().mul_(2), torch.ones(2), own=own).value == 1
