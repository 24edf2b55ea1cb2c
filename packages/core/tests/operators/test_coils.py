from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import DataError, ShapeError
from invkit.operators import Coils


def matrix(c: np.ndarray) -> np.ndarray:
    return np.concatenate([np.diag(coil.ravel()) for coil in c])


@pytest.mark.parametrize("shape", [(1, 5), (3, 4, 3), (2, 2, 3, 2), (4, 1, 1)], ids=str)
def test_it_is_the_stack_of_diagonal_matrices(shape, draw, agrees) -> None:
    c = draw(shape, torch.complex128)
    agrees(Coils(c), matrix(c.numpy()))


def test_the_norm_is_tight(draw) -> None:
    c = draw((3, 4, 3), torch.complex128)
    largest = np.sqrt((np.abs(c.numpy()) ** 2).sum(0).max())
    bound = Coils(c).norm()
    assert bound.lower <= largest <= bound.upper
    assert bound.upper - bound.lower < 1e-13


def test_the_normal_operator_and_the_pseudo_inverse_are_those_of_the_matrix(draw) -> None:
    c = draw((3, 2, 3), torch.complex128)
    c[:, 0, 1] = 0  # a pixel that no coil sees
    x, y = draw((2, 1, 2, 3), torch.complex128, 1), draw((2, 3, 2, 3), torch.complex128, 2)
    m = matrix(c.numpy())
    normal = Coils(c).normal().forward(x).flatten(1).numpy()
    np.testing.assert_allclose(normal, x.flatten(1).numpy() @ (m.conj().T @ m).T, atol=1e-13)
    inverse = Coils(c).pseudo_inverse(y).flatten(1).numpy()
    np.testing.assert_allclose(inverse, y.flatten(1).numpy() @ np.linalg.pinv(m).T, atol=1e-12)


def test_a_conjugate_view_of_the_sensitivities_is_like_a_copy(draw, agrees) -> None:
    c = draw((2, 3, 2), torch.complex128)
    agrees(Coils(c.conj()), matrix(c.numpy().conj()))


def test_the_reference_rejects_an_adjoint_without_conjugation(draw, agrees) -> None:
    c = draw((2, 3), torch.complex128)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Coils(c), matrix(c.numpy().conj()))


def test_gradients_reach_the_image_and_the_sensitivities(draw) -> None:
    c, x = draw((2, 3, 2), torch.complex128).requires_grad_(), draw((1, 1, 3, 2), torch.complex128, 1).requires_grad_()
    y = draw((1, 2, 3, 2), torch.complex128, 2).requires_grad_()

    def all_three(c, x, y):
        return Coils(c).forward(x), Coils(c).adjoint(y), Coils(c).normal().forward(x)

    assert torch.autograd.gradcheck(all_three, (c, x, y))
    assert torch.autograd.gradgradcheck(lambda c, x: Coils(c).normal().forward(x), (c, x))


def test_sensitivities_that_are_not_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected complex \(coil, \*spatial\)"):
        Coils(torch.ones(2, 3, 3))
    with pytest.raises(ShapeError, match=r"expected complex \(coil, \*spatial\)"):
        Coils(torch.ones(3, dtype=torch.complex64))
    with pytest.raises(DataError, match="sensitivities contain NaN or inf"):
        Coils(torch.full((2, 3), torch.nan, dtype=torch.complex64))


def test_sensitivities_too_small_for_a_reciprocal_count_as_unseen() -> None:
    coils = Coils(torch.full((2, 3), 1e-21, dtype=torch.complex64))
    x = coils.pseudo_inverse(torch.ones(1, 2, 3, dtype=torch.complex64))
    assert bool((x == 0).all())
