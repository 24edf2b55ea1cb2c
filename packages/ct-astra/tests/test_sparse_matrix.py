from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random_array

from invkit.errors import ShapeError
from invkit.operators import subsets
from invkit.operators.capabilities.gram_diagonal import gram_diagonal
from invkit_ct_astra.sparse_matrix import SparseMatrix


@pytest.fixture
def entries() -> np.ndarray:
    """Nonnegative, neither square nor full, with an empty row and an empty column."""
    rng = np.random.default_rng(1)
    dense = random_array((12, 20), density=0.3, rng=rng, data_sampler=rng.uniform).toarray()
    dense[3], dense[:, 5] = 0, 0
    return dense


def stored(entries: np.ndarray, dtype: torch.dtype = torch.float64) -> SparseMatrix:
    return SparseMatrix.from_scipy(csr_matrix(entries), (1, 4, 5), (1, 3, 4), dtype=dtype)


@pytest.mark.parametrize("batch", [0, 1, 3, 8, 9, 17])
def test_it_is_the_matrix_and_its_transpose(batch, entries, generator) -> None:
    operator = stored(entries)
    x, y = operator.domain.randn(batch, generator=generator), operator.codomain.randn(batch, generator=generator)
    np.testing.assert_allclose(operator.forward(x).flatten(1), x.flatten(1).numpy() @ entries.T, atol=1e-13)
    np.testing.assert_allclose(operator.adjoint(y).flatten(1), y.flatten(1).numpy() @ entries, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_norm_interval_holds_the_largest_singular_value(dtype, entries) -> None:
    bound = stored(entries, dtype).norm()
    value = np.linalg.svd(entries.astype(np.float32) if dtype == torch.float32 else entries, compute_uv=False)[0]
    assert bound.lower <= value <= bound.upper < 1.01 * bound.lower


def test_power_iteration_alone_would_be_below_the_norm(entries, generator) -> None:
    operator = stored(entries)
    value = np.linalg.svd(entries, compute_uv=False)[0]
    x = operator.domain.randn(1, generator=generator)
    for _ in range(20):
        x = operator.adjoint(operator.forward(x))
        x = x / x.norm()
    estimate = float(operator.forward(x).norm())
    assert estimate < value * (1 - 1e-12)
    assert operator.norm().upper >= value


def test_the_gram_diagonal_is_the_sum_of_squared_weights(entries, generator) -> None:
    weights = torch.rand(3, 1, 3, 4, dtype=torch.float64, generator=generator)
    for dtype in (torch.float32, torch.float64):
        got = gram_diagonal(stored(entries, dtype), weights.to(dtype))
        want = (weights.flatten(1).numpy() @ entries**2).reshape(3, 1, 4, 5)
        np.testing.assert_allclose(got.numpy(), want, rtol=0, atol=1e-13 if dtype == torch.float64 else 1e-6)
        assert got.dtype is dtype
    operator = stored(entries)
    assert gram_diagonal(operator, weights[:0]).shape == (0, 1, 4, 5)
    assert torch.autograd.gradcheck(lambda w: gram_diagonal(operator, w), (weights.requires_grad_(),))


def test_the_squares_are_made_once_and_again_when_the_weights_change(entries) -> None:
    operator = stored(entries)
    before = gram_diagonal(operator)
    kept = operator.__dict__["_squares_memo"][1]["transpose"]
    torch.testing.assert_close(gram_diagonal(operator), before)
    assert operator.__dict__["_squares_memo"][1]["transpose"] is kept
    assert kept.col_indices().data_ptr() == operator.transpose.col_indices().data_ptr()
    operator.transpose.mul_(2.0)
    torch.testing.assert_close(gram_diagonal(operator), 4 * before)


@pytest.mark.parametrize(("axis", "num_subsets"), [(1, 2), (2, 3), (-1, 4)])
def test_a_subset_is_the_matrix_of_its_rows(axis, num_subsets, entries, generator) -> None:
    for dtype in (torch.float32, torch.float64):
        operator = stored(entries, dtype)
        x = operator.domain.randn(2, generator=generator)
        for part, restriction in subsets(operator, num_subsets, axis):
            assert isinstance(part, SparseMatrix)
            torch.testing.assert_close(part.forward(x), restriction.forward(operator.forward(x)))
            y = part.codomain.randn(2, generator=generator)
            torch.testing.assert_close(part.adjoint(y), operator.adjoint(restriction.adjoint(y)))


def test_indices_out_of_order_are_sorted(entries) -> None:
    turned = csr_matrix((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    operator = SparseMatrix.from_scipy(turned, (2,), (1,), dtype=torch.float64)
    assert operator.forward(torch.tensor([[10.0, 1.0]], dtype=torch.float64)).item() == 21.0


def test_its_memory_is_counted(entries) -> None:
    nonzero = np.count_nonzero(entries)
    assert stored(entries).num_bytes == 2 * nonzero * (8 + 4) + (13 + 21) * 4


@pytest.mark.parametrize("value", [-0.1, np.nan])
def test_a_negative_entry_is_refused_for_the_bound_needs_none(value, entries) -> None:
    entries[0, 0] = value
    with pytest.raises(ShapeError, match=f"the smallest entry is {value}, expected 0 or more"):
        stored(entries)


def test_matrices_that_do_not_fit_are_refused(entries) -> None:
    good = stored(entries)
    with pytest.raises(ShapeError, match=r"shapes \(12, 20\) and \(12, 20\), expected \(12, 20\) and \(20, 12\)"):
        SparseMatrix(good.matrix, good.matrix, good.domain_shape, good.codomain_shape)
    with pytest.raises(ShapeError, match=r"expected \(12, 21\) and \(21, 12\)"):
        SparseMatrix.from_scipy(csr_matrix(entries), (1, 3, 7), (1, 3, 4))
