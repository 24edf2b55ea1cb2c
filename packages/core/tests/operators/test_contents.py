from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from invkit.functionals import AffineSet
from invkit.operators import Dense, Fourier, LinearOperator
from invkit.operators.contents import contents_of


def spectral(matrix: torch.Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix.detach().double(), 2))


OPTIMISERS = {
    "sgd": lambda w: torch.optim.SGD([w], lr=8.0),
    "fused sgd": lambda w: torch.optim.SGD([w], lr=8.0, fused=True),
    "fused adam": lambda w: torch.optim.Adam([w], lr=8.0, fused=True),
    "fused adagrad": lambda w: torch.optim.Adagrad([w], lr=8.0, fused=True),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("kind", [torch.nn.Parameter, lambda m: m.requires_grad_()], ids=["parameter", "leaf"])
def test_the_norm_follows_every_optimiser_also_when_the_training_is_over(name, kind):
    weights = kind(torch.eye(3))
    operator = Dense(weights)
    assert operator.norm().upper == pytest.approx(1)
    optimiser = OPTIMISERS[name](weights)
    (-weights.sum()).backward()
    optimiser.step()
    optimiser.zero_grad()
    weights.requires_grad_(False)
    norm = operator.norm()
    assert norm.lower <= spectral(weights) <= norm.upper


def test_the_norm_follows_a_change_through_data() -> None:
    weights = torch.nn.Parameter(torch.eye(3))
    operator = 2.0 * (Dense(weights) @ Dense(torch.eye(3)))
    assert operator.norm().upper == pytest.approx(2)
    weights.data.mul_(10)
    assert operator.norm().lower <= 20 <= operator.norm().upper


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_the_norm_follows_memory_shared_with_numpy(dtype):
    shared = np.eye(4, dtype=dtype)
    operator = Dense(torch.from_numpy(shared))
    assert operator.norm().upper == pytest.approx(1)
    shared[1, 1] = -7
    assert operator.norm().lower <= 7 <= operator.norm().upper


def test_the_projection_onto_an_affine_set_follows_memory_shared_with_numpy() -> None:
    shared = np.array([[1.0, 0.0]])
    both = AffineSet(Dense(torch.from_numpy(shared)), torch.ones(1, 1, dtype=torch.float64))
    start = torch.zeros(1, 2, dtype=torch.float64)
    assert both.prox(start, 1.0).tolist() == [[1, 0]]
    shared *= 2
    assert both.prox(start, 1.0).tolist() == [[0.5, 0]]


def test_the_gram_operator_of_a_trained_pattern_follows_a_fused_optimiser() -> None:
    pattern = torch.nn.Parameter(torch.ones(4))
    pattern.requires_grad_(False)
    operator, x = Fourier((4,), pattern), torch.randn(1, 1, 4, dtype=torch.complex64)
    operator.normal().forward(x)
    pattern.requires_grad_(True)
    optimiser = torch.optim.Adam([pattern], lr=1.0, fused=True)
    (-pattern.sum()).backward()
    optimiser.step()
    pattern.requires_grad_(False)
    torch.testing.assert_close(operator.normal().forward(x), operator.adjoint(operator.forward(x)))


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex64, torch.int64, torch.bool]
)
def test_every_entry_and_every_order_counts(dtype):
    base = torch.zeros(6, dtype=dtype)
    keys = {contents_of(base)[1:]}
    for i in range(6):
        one = base.clone()
        one[i] = 1
        keys.add(contents_of(one)[1:])
    assert len(keys) == 7


def test_an_exchange_of_far_entries_counts() -> None:
    long = torch.arange(600_000, dtype=torch.float32)
    before = contents_of(long)
    long.data[:262_144], long.data[262_144:524_288] = long[262_144:524_288].clone(), long[:262_144].clone()
    assert contents_of(long) != before


def test_a_single_number_with_the_stride_of_another_place_is_read() -> None:
    whole = torch.arange(4).reshape(2, 2)
    assert contents_of(whole[:1, 1])[1:] == contents_of(torch.tensor([1]))[1:]
    assert contents_of(torch.tensor(2.0, dtype=torch.complex64)) is not None


def test_a_view_with_strides_is_read_as_it_is_seen() -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    assert contents_of(whole.mT)[1:] == contents_of(whole.mT.clone())[1:]
    assert contents_of(whole.mT)[1:] != contents_of(whole)[1:]


def test_a_large_constant_is_sampled_and_its_versions_count() -> None:
    large = torch.zeros(2**20 + 1)
    before = contents_of(large)
    large.data.fill_(1)
    assert contents_of(large) != before
    before = contents_of(large)
    large[1] = 5  # between the samples, but torch counts it
    assert contents_of(large) != before
    trained = torch.nn.Parameter(torch.zeros(2**20 + 1))
    before = contents_of(trained)
    trained.data[1] = 5
    assert contents_of(trained) != before


def test_nothing_is_kept_of_what_cannot_be_read() -> None:
    with torch.inference_mode():
        inside = torch.ones(2)
    assert contents_of(inside) is None
    assert contents_of(torch.ones(2, device="meta")) is None
    assert contents_of(torch.ones(0)) is not None
    assert contents_of(torch.eye(2).to_sparse()) != contents_of((2 * torch.eye(2)).to_sparse())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda op: pickle.loads(pickle.dumps(op))], ids=["copy", "pickle"])
def test_a_copy_that_is_changed_has_its_own_norm(copied):
    operator: LinearOperator = Dense(torch.nn.Parameter(torch.eye(3)))
    operator.norm()
    other = copied(operator)
    other.matrix.data.mul_(3)
    assert other.norm().upper == pytest.approx(3)
    assert operator.norm().upper == pytest.approx(1)
