from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.operators import Identity


@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 2, 3)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_the_identity_matrix(shape, dtype, agrees) -> None:
    agrees(Identity(shape, 2, dtype), np.eye(2 * int(np.prod(shape))))


def test_changing_the_result_never_changes_the_argument() -> None:
    x = torch.ones(1, 1, 3)
    op = Identity((3,))
    op.forward(x).zero_()
    op.adjoint(x).zero_()
    assert torch.equal(x, torch.ones(1, 1, 3))


def test_it_has_every_structure_and_is_its_own_adjoint() -> None:
    op = Identity((3,))
    assert op.structure == {"self_adjoint", "positive_semidefinite", "isometric", "unitary"}
    assert op.H is op


def test_the_reference_rejects_twice_the_identity(agrees) -> None:
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Identity((3,), 1, torch.float64), 2 * np.eye(3))
