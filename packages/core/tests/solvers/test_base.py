from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from invkit.solvers import Optimality
from invkit.solvers.base import select


def test_the_relative_residual_is_zero_only_where_the_residual_is() -> None:
    found = Optimality(torch.tensor([0.0, 1.0, 0.0, 1.0]), torch.tensor([0.0, 2.0, 5.0, 0.0])).relative
    assert found[:3].tolist() == [0.0, 0.5, 0.0]
    assert found[3] > 1e30


@dataclass(frozen=True)
class Inner:
    x: Tensor
    number: float


@dataclass(frozen=True)
class State:
    parts: tuple[Tensor, ...]
    inner: Inner
    nothing: None = None


def test_select_takes_each_image_from_its_state() -> None:
    new = State((torch.ones(3, 2), torch.ones(3)), Inner(torch.ones(3, 1, 2), 2.0))
    old = State((torch.zeros(3, 2), torch.zeros(3)), Inner(torch.zeros(3, 1, 2), 1.0))
    got = select(torch.tensor([True, False, True]), new, old)
    assert got.parts[0].tolist() == [[1, 1], [0, 0], [1, 1]]
    assert got.parts[1].tolist() == [1, 0, 1]
    assert got.inner.x[:, 0, 0].tolist() == [1, 0, 1]
    assert got.inner.number == 2.0
    assert got.nothing is None
