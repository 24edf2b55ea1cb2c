from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, DataError
from invkit.operators import Restriction, Space

CASES = [((4,), 0, [2, 0]), ((2, 3, 4), 1, [2]), ((2, 3, 4), -1, [3, 0, 1]), ((3, 2), 0, [2, 0, 1])]


def matrix(shape: tuple[int, ...], axis: int, indices: list[int]) -> np.ndarray:
    """The rows of the identity that a table of the entries' numbers names."""
    return np.eye(np.prod(shape))[np.arange(np.prod(shape)).reshape(shape).take(indices, axis).ravel()]


@pytest.mark.parametrize(("shape", "axis", "indices"), CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_some_rows_of_the_identity(shape, axis, indices, dtype, agrees) -> None:
    agrees(Restriction(Space(shape, dtype), axis, torch.tensor(indices)), matrix(shape, axis, indices))


def test_the_reference_rejects_another_order(agrees) -> None:
    op = Restriction(Space((4,), torch.float64), 0, torch.tensor([0, 2]))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(op, matrix((4,), 0, [2, 0]))


def test_the_adjoint_is_the_right_inverse_and_the_pseudo_inverse(draw) -> None:
    op = Restriction(Space((2, 3, 4), torch.float64), 1, torch.tensor([2, 0]))
    y = draw((2, 2, 2, 4), torch.float64)
    assert torch.equal(op.forward(op.adjoint(y)), y)
    want = y.flatten(1).numpy() @ np.linalg.pinv(matrix((2, 3, 4), 1, [2, 0])).T
    np.testing.assert_allclose(op.pseudo_inverse(y).flatten(1).numpy(), want, atol=1e-13)
    assert op.norm().upper - op.norm().lower < 1e-13


def test_only_a_permutation_is_unitary() -> None:
    space = Space((3, 2))
    assert Restriction(space, 0, torch.tensor([2, 0, 1])).structure == {"isometric", "unitary"}
    assert Restriction(space, 0, torch.tensor([2, 0])).structure == frozenset()


def test_gradients_reach_the_image(draw) -> None:
    op = Restriction(Space((2, 3), torch.float64), 1, torch.tensor([2, 0]))
    x, y = draw((2, 2, 3), torch.float64).requires_grad_(), draw((2, 2, 2), torch.float64, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: (op.forward(x), op.adjoint(y)), (x, y))


def test_indices_that_select_nothing_sound_are_refused() -> None:
    space = Space((3, 4))
    with pytest.raises(ConfigError, match="axis is 2, expected -2 to 1"):
        Restriction(space, 2, torch.tensor([0]))
    with pytest.raises(DataError, match="there are 3 indices, 2 of them distinct"):
        Restriction(space, 0, torch.tensor([0, 1, 0]))
    with pytest.raises(DataError, match="indices are 0 to 3, expected 0 to 2"):
        Restriction(space, 0, torch.tensor([0, 3]))
    with pytest.raises(DataError, match="indices are -1 to 0, expected 0 to 2"):
        Restriction(space, 0, torch.tensor([0, -1]))
    for wrong in (torch.tensor([0.0]), torch.tensor([[0]]), torch.tensor([], dtype=torch.int64), torch.ones(3) > 0):
        with pytest.raises(DataError, match="expected at least one whole number in one dimension"):
            Restriction(space, 0, wrong)


def test_indices_that_the_caller_changes_later_are_not_its_own() -> None:
    indices = torch.tensor([1, 0])
    restriction = Restriction(Space((2,), torch.float64), 0, indices)
    indices.fill_(0)
    assert restriction.forward(torch.tensor([[3.0, 4.0]], dtype=torch.float64)).tolist() == [[4, 3]]
    again = pickle.loads(pickle.dumps(restriction.to(dtype=torch.float32)))
    assert again.forward(torch.tensor([[3.0, 4.0]])).tolist() == [[4, 3]]
    assert "unitary" in again.structure
