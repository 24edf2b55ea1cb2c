from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError, MissingDependencyError
from invkit.functionals import L1, Box, SquaredL2, total_variation
from invkit.operators import Dense, Fourier, Identity, Interval, LinearOperator, Space, stack
from invkit.operators.moving import tensors_of


def test_every_tensor_of_a_tree_is_found() -> None:
    m, pattern, factor = torch.eye(3, dtype=torch.complex64), torch.ones(3), torch.tensor(2.0)
    tree = stack([factor * Dense(m, (1, 3)), Fourier((3,), pattern).normal()])
    assert {id(t) for t in tensors_of(tree)} == {id(m), id(pattern), id(factor)}
    centre, weight = torch.ones(1, 3), torch.tensor(0.5)
    objective = SquaredL2(centre) @ Dense(torch.eye(3)) + weight * L1() + Box(0.0)
    assert {id(centre), id(weight)} <= {id(t) for t in tensors_of(objective)}


def test_a_functional_moves_with_its_operator_and_measurement() -> None:
    objective = SquaredL2(torch.ones(1, 3)) @ Dense(torch.eye(3)) + torch.tensor(0.5) * L1() + Box(0.0)
    moved = objective.to(dtype=torch.float64)
    assert {t.dtype for t in tensors_of(moved)} == {torch.float64}
    x = torch.full((1, 3), 2.0)
    assert moved.value(x.double()).item() == objective.value(x).item() == 1.5 + 3.0
    assert type(moved) is type(objective)


def test_moving_nowhere_shares_the_tensors_and_keeps_gradients() -> None:
    m = torch.eye(2, requires_grad=True)
    assert Dense(m).to().matrix is m
    single = Dense(m).to(dtype=torch.float64)
    single.forward(torch.ones(1, 2, dtype=torch.float64)).sum().backward()
    assert m.grad is not None
    assert torch.equal(m.grad, torch.ones(2, 2))


def test_masks_and_whole_numbers_keep_their_dtype() -> None:
    op = Fourier((2, 2), torch.eye(2)).to(dtype=torch.float64)
    assert op.image_shape == (2, 2)
    assert op.sampling_pattern is not None
    assert op.sampling_pattern.dtype is torch.float64
    assert op.domain.dtype is torch.complex128


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
@pytest.mark.parametrize(
    "thing", [Identity((3, 4)), Dense(torch.eye(3)), total_variation(Identity((3, 4)).domain)], ids=repr
)
def test_moving_to_a_missing_device_names_it(thing, device):
    with pytest.raises(MissingDependencyError, match=device):
        thing.to(device)


def test_an_operator_that_is_no_dataclass_is_told_how_to_become_one() -> None:
    class Forgot(Identity):
        pass

    class Bare(LinearOperator):
        domain = codomain = Space((1, 2))

        def _forward(self, x):
            return x

        _adjoint = _forward

        def _norm(self):
            return Interval.exact(1.0)

    assert Forgot((2, 2)).to(dtype=torch.float64).dtype is torch.float64
    with pytest.raises(ConfigError, match="Bare: the class is no dataclass, expected one whose"):
        Bare().to(dtype=torch.float64)
    with pytest.raises(ConfigError, match="Decorate it with @dataclass"):
        Bare().norm()
    assert torch.equal((Identity((1, 2)) * 2.0).forward(torch.ones(1, 1, 1, 2)), 2 * torch.ones(1, 1, 1, 2))
