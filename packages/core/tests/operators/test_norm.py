from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED
from invkit.errors import ConfigError
from invkit.operators import Coils, Dense, FiniteDifference, Fourier, Haar, Identity, Interval, Space, norm, stack
from invkit.operators.norm import dense_norm, nonnegative_norm, product_down, product_up, schur_norm_bound, stacked


def sparse(seed: int, m: int, n: int, density: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(size=(m, n)) * (rng.uniform(size=(m, n)) < density)


def bound_of(matrix: np.ndarray, dtype: torch.dtype = torch.float64, num_steps: int = 20) -> Interval:
    a = torch.from_numpy(matrix).to(dtype)
    terms = sum(a.shape)
    return nonnegative_norm(
        lambda x: x @ a.mT, lambda y: y @ a, torch.ones(1, a.shape[1], dtype=dtype), terms, num_steps
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000), m=st.integers(1, 12), n=st.integers(1, 12),
    density=st.sampled_from([0.05, 0.2, 0.5, 1.0]), num_steps=st.sampled_from([1, 3, 40]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]), dtype=st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_the_bound_holds_for_random_nonnegative_matrices(seed, m, n, density, num_steps, scale, dtype) -> None:
    matrix = scale * sparse(seed, m, n, density)
    matrix = torch.from_numpy(matrix).to(dtype).double().numpy()
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    bound = bound_of(matrix, dtype, num_steps)
    assert bound.lower <= largest * (1 + 1e-13)
    assert largest <= bound.upper * (1 + 1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", [1, -1])
def test_the_bound_holds_for_reducible_matrices_with_empty_rows_and_columns(dtype, order) -> None:
    blocks = [sparse(1, 4, 3, 1.0), 7 * sparse(2, 3, 3, 1.0), 1e-3 * sparse(3, 2, 4, 1.0)][::order]
    m, n = sum(len(b) for b in blocks) + 2, sum(len(b[0]) for b in blocks) + 2
    matrix = np.zeros((m, n))
    row = column = 1
    for block in blocks:
        matrix[row : row + len(block), column : column + len(block[0])] = block
        row, column = row + len(block), column + len(block[0])
    matrix = torch.from_numpy(matrix).to(dtype).double().numpy()
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    for num_steps in (1, 2, 5, 20, 200):
        bound = bound_of(matrix, dtype, num_steps)
        assert bound.lower <= largest * (1 + 1e-13)
        assert largest <= bound.upper * (1 + 1e-13)


def test_the_bound_is_tight_for_a_dense_matrix_and_zero_for_the_zero_matrix() -> None:
    bound = bound_of(sparse(0, 30, 20, 1.0))
    assert bound.upper / bound.lower < 1 + 1e-10
    zero = bound_of(np.zeros((3, 2)))
    assert (zero.lower, zero.upper) == (0.0, 0.0)


def test_the_rigorous_bound_rejects_what_power_iteration_says() -> None:
    """Two blocks of nearly the same norm: after few steps power iteration stays below, the bound does not."""
    matrix = np.diag([1.0, 0.9999])
    x = np.array([1e-3, 1.0])
    for _ in range(5):
        x = matrix.T @ matrix @ x
        x /= np.linalg.norm(x)
    assert np.linalg.norm(matrix @ x) < 1.0 - 1e-5
    assert bound_of(matrix, num_steps=5).upper >= 1.0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 9), n=st.integers(1, 9), complex_=st.booleans())
def test_schurs_bound_and_the_dense_norm_hold(seed: int, m: int, n: int, complex_: bool) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(m, n)) + (1j * rng.normal(size=(m, n)) if complex_ else 0)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    absolute = torch.from_numpy(np.abs(matrix))
    assert schur_norm_bound(absolute.sum(0), absolute.sum(1), max(m, n)) >= largest * (1 - 1e-14)
    bound = dense_norm(torch.from_numpy(matrix))
    assert bound.lower <= largest <= bound.upper
    assert bound.upper - bound.lower < 1e-11 * largest


def test_schurs_bound_is_attained_by_a_permutation() -> None:
    ones = torch.ones(4, dtype=torch.float64)
    assert schur_norm_bound(ones, ones, 1) == pytest.approx(1.0, abs=1e-14)


def some_floats():
    sizes = st.floats(0, 1e300) | st.floats(0, 1e-290) | st.floats(1e-170, 1e-140) | st.floats(0.1, 10.0)
    return sizes | st.sampled_from([0.0, 5e-324, 1e-308, 1.0, 1.7e308])


@settings(max_examples=500, deadline=None, derandomize=True)
@given(a=some_floats(), b=some_floats(), c=some_floats())
def test_products_and_sums_are_rounded_to_the_side_they_say(a: float, b: float, c: float) -> None:
    exact = Fraction(a) * Fraction(b) * Fraction(c)
    upper = product_up(a, b, c)
    assert upper == math.inf or Fraction(upper) >= exact
    assert Fraction(product_down(a, b, c)) <= exact
    assert (upper == 0.0) == (exact == 0)
    one, two = Interval.exact(a / 2), Interval.exact(b / 4)
    assert Fraction(one.lower) <= Fraction(a / 2) <= Fraction(one.upper)
    if one.upper + two.upper < 1e308:
        assert Fraction((one + two).upper) >= Fraction(a / 2) + Fraction(b / 4)
        assert Fraction((one + two).lower) <= abs(Fraction(a / 2) - Fraction(b / 4))
    wider = one.rounded(torch.float32)
    assert wider.lower <= one.lower <= one.upper <= wider.upper


def test_norms_of_matrices_near_the_smallest_numbers_are_not_zero() -> None:
    for size in (5e-324, 1e-310, 1e-295, 1e-280):
        bound = dense_norm(torch.full((2, 2), size, dtype=torch.float64))
        assert bound.lower <= 2 * size <= bound.upper
    assert dense_norm(torch.zeros(2, 2)).upper == 0.0
    tiny = torch.full((1,), 1e-200, dtype=torch.float64)
    assert schur_norm_bound(tiny, tiny, 1) >= 1e-200


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_interval_arithmetic_contains_what_it_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 3, 3))
    one, two = dense_norm(torch.from_numpy(a)), dense_norm(torch.from_numpy(b))
    for interval, matrix in (
        (one + two, a + b), ((one * two).without_lower(), a @ b), (one * one, a.T @ a), (one.scaled(-3.0), 3 * a),
        (stacked([one, two]), np.concatenate([a, b])),
    ):  # fmt: skip
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        assert interval.lower <= largest * (1 + 1e-14)
        assert largest <= interval.upper * (1 + 1e-14)


def test_the_basis_of_a_conclusion_is_the_weakest_of_its_premises() -> None:
    exact, certified = Interval.exact(1.0), Interval(1.0, 1.0, "svd", CERTIFIED)
    user = Interval(1.0, 1.0, "given")
    assert user.basis is ASSUMED
    assert exact.basis is BY_CONSTRUCTION
    assert (exact * certified).basis is CERTIFIED
    assert (exact + user).basis is ASSUMED
    assert stacked([exact, user, certified]).basis is ASSUMED


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (-1.0, 1.0), (0.0, math.inf), (math.nan, 1.0), (0.0, math.nan)])
def test_bounds_that_are_not_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="expected 0 <= lower <= upper < inf"):
        Interval(*bounds, "made up")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bounds_hold_for_the_numbers_an_operator_really_computes(dtype) -> None:
    complex_dtype = torch.complex64 if dtype is torch.float32 else torch.complex128
    operators = [
        0.1 * Identity((4,), dtype=dtype),
        FiniteDifference((9,), spacing=0.7, dtype=dtype),
        Fourier((64,), dtype=complex_dtype),
        0.1 * Dense(torch.randn(6, 5, dtype=dtype, generator=torch.Generator().manual_seed(0))),
    ]
    for op in operators:
        columns = torch.eye(op.domain.size, dtype=op.domain.dtype).reshape(-1, *op.domain.shape)
        wide = torch.complex128 if op.codomain.is_complex else torch.float64
        dense = op.forward(columns).flatten(1).to(wide)
        largest = float(torch.linalg.svdvals(dense)[0])
        assert op.norm().lower <= largest <= op.norm().upper
        assert op.norm().upper - op.norm().lower < (96 + 32 * sum(columns.shape)) * torch.finfo(dtype).eps * largest


def test_norms_survive_tiny_and_huge_numbers() -> None:
    tiny = Coils(torch.full((2, 3), 1e-170, dtype=torch.complex128))
    assert tiny.norm().lower == pytest.approx(math.sqrt(2) * 1e-170, rel=1e-12)
    both = stack([1e-200 * Identity((3,), dtype=torch.float64), 1e-200 * Identity((3,), dtype=torch.float64)])
    assert both.norm().upper == pytest.approx(math.sqrt(2) * 1e-200, rel=1e-12)


def test_a_complex_factor_on_an_operator_from_real_to_complex_keeps_its_adjoint() -> None:
    class RealToComplex(Identity):
        codomain = property(lambda self: Space(self.domain.shape, torch.complex128))

        def _forward(self, x):
            return x.to(torch.complex128)

        def _adjoint(self, y):
            return y.real

    op = 1j * RealToComplex((3,), dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(1, generator=generator), op.codomain.randn(1, generator=generator)
    assert op.adjoint(y).dtype == torch.float64
    assert float((op(x) * y.conj()).real.sum()) == pytest.approx(float((x * op.adjoint(y)).sum()), rel=1e-12)


@pytest.mark.parametrize("n", [60, 64, 1000])
def test_no_image_grows_by_more_than_the_bound_of_a_transform(n: int, draw) -> None:
    """Random images, and those that single precision amplifies most among them: an upper bound holds for every one."""
    x = torch.cat([draw((200, 1, n), torch.complex64), torch.ones(1, 1, n) * draw((20, 1, 1), torch.complex64, 1)])
    for op in (Fourier((n,)), Haar((n,), 2, dtype=torch.complex64)):
        ratio = norm(op.forward(x)) / norm(x)
        assert op.norm().lower <= float(ratio.max()) <= op.norm().upper < 1 + 1e-5
        if n == 1000 and isinstance(op, Fourier):
            assert float(ratio.max()) > 1 + 1e-8  # beyond the bound of exact numbers
