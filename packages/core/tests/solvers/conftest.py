from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from invkit.operators import Dense, Interval, LinearOperator, Space


def noise(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True, eq=False, repr=False)
class Counting(LinearOperator):
    """An operator that counts its calls."""

    operator: LinearOperator
    calls: dict[str, int] = field(default_factory=lambda: {"forward": 0, "adjoint": 0})

    @property
    def domain(self) -> Space:
        return self.operator.domain

    @property
    def codomain(self) -> Space:
        return self.operator.codomain

    def _forward(self, x: Tensor) -> Tensor:
        self.calls["forward"] += 1
        return self.operator.forward(x)

    def _adjoint(self, y: Tensor) -> Tensor:
        self.calls["adjoint"] += 1
        return self.operator.adjoint(y)

    def _norm(self) -> Interval:
        return self.operator.norm()


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for the device: reading a number, or a shape that depends on the data."""

    names = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::is_nonzero", "aten::equal")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.name().split(".")[0] in self.names
        return func(*args, **(kwargs or {}))


class Lists(TorchFunctionMode):
    """Counts ``tolist``, ``numpy`` and ``cpu``, which reach no kernel on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += getattr(func, "__name__", "") in ("tolist", "numpy", "cpu")
        return func(*args, **(kwargs or {}))


@contextmanager
def waiting() -> Iterator[Callable[[], int]]:
    with Waits() as kernels, Lists() as lists:
        yield lambda: kernels.count + lists.count


@pytest.fixture(scope="session")
def host_waits():
    return waiting


@pytest.fixture(scope="session")
def draw() -> Callable[..., Tensor]:
    return noise


@pytest.fixture
def counting() -> Callable[..., Counting]:
    def build(shape: tuple[int, int] = (6, 4), dtype: torch.dtype = torch.float64) -> Counting:
        return Counting(Dense(noise(shape, dtype), (1, shape[1]), (1, shape[0])))

    return build
