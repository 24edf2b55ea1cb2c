from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ShapeError
from invkit.operators import Dense
from invkit.operators.weighted_normal import WeightedNormal


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_the_matrix_product(dtype, draw, agrees) -> None:
    m, w = draw((5, 3), dtype), draw((5,), torch.float64, 1).abs()
    agrees(WeightedNormal(Dense(m), w), m.numpy().conj().T @ np.diag(w.numpy()) @ m.numpy())


def test_weights_of_zero_leave_zero_and_gradients_reach_them(draw) -> None:
    m, w = draw((5, 3), torch.float64), torch.zeros(2, 5, dtype=torch.float64, requires_grad=True)
    op, x = WeightedNormal(Dense(m), w), draw((2, 3), torch.float64, 1)
    assert (op.forward(x) == 0).all()
    assert op.norm().upper == 0
    assert torch.autograd.gradcheck(lambda w: WeightedNormal(Dense(m), w).forward(x), (w,))


def test_weights_of_both_signs_are_not_semidefinite_and_may_cancel() -> None:
    m = torch.tensor([[1.0], [1.0]], dtype=torch.float64)
    cancelled = WeightedNormal(Dense(m), torch.tensor([1.0, -1.0], dtype=torch.float64))
    assert cancelled.structure == {"self_adjoint"}
    assert cancelled.norm().lower == 0.0
    negative = WeightedNormal(Dense(m), torch.tensor([-3.0, -2.0], dtype=torch.float64))
    assert negative.norm().lower <= 5.0 <= negative.norm().upper
    positive = WeightedNormal(Dense(m), torch.tensor([3.0, 2.0], dtype=torch.float64))
    assert positive.structure == {"self_adjoint", "positive_semidefinite"}
    with pytest.raises(ShapeError, match="weights have dtype torch.complex64, expected a real one"):
        WeightedNormal(Dense(m), torch.ones(2, dtype=torch.complex64))
