from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import DataError, ShapeError
from invkit.operators import Diagonal

CASES = [((2, 3, 4), (2, 3, 4)), ((3, 1), (2, 3, 4)), ((2, 1, 1), (2, 3, 4)), ((5,), (5,)), ((), (2, 3))]


def matrix(weights: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    return np.diag(np.broadcast_to(weights.detach().numpy(), shape).ravel())


@pytest.mark.parametrize(("weights_shape", "shape"), CASES, ids=str)
@pytest.mark.parametrize("kinds", ["real", "real weights, complex image", "complex"])
def test_it_is_the_diagonal_matrix(weights_shape, shape, kinds, draw, agrees) -> None:
    weights = draw(weights_shape, torch.complex128 if kinds == "complex" else torch.float64)
    dtype = torch.float64 if kinds == "real" else torch.complex128
    op = Diagonal(weights, shape, dtype)
    agrees(op, matrix(weights, shape))
    x = draw((2, *shape), dtype, 5)
    m = matrix(weights, shape)
    normal = op.normal().forward(x).flatten(1).numpy()
    np.testing.assert_allclose(normal, x.flatten(1).numpy() @ (m.conj().T @ m).T, atol=1e-13)


def test_the_reference_rejects_an_adjoint_without_conjugation(draw, agrees) -> None:
    weights = draw((3, 2), torch.complex128)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(Diagonal(weights), matrix(weights.conj().resolve_conj(), (3, 2)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_pseudo_inverse_leaves_zero_weights_at_zero(dtype, draw) -> None:
    weights = draw((2, 3), dtype)
    weights[0, 1] = 0
    y = draw((2, 2, 3), dtype, 1)
    want = y.flatten(1).numpy() @ np.linalg.pinv(matrix(weights, (2, 3))).T
    np.testing.assert_allclose(Diagonal(weights).pseudo_inverse(y).flatten(1).numpy(), want, atol=1e-12)
    tiny = Diagonal(torch.full((3,), 1e-40)).pseudo_inverse(torch.ones(1, 3))
    assert bool((tiny == 0).all())


def test_the_norm_is_the_largest_weight(draw) -> None:
    weights = draw((3, 4), torch.complex128)
    bound = Diagonal(weights).norm()
    largest = np.abs(weights.numpy()).max()
    assert bound.lower <= largest <= bound.upper
    assert bound.upper - bound.lower < 1e-13
    assert Diagonal(torch.zeros(3)).norm().upper == 0.0


def test_structure_is_what_the_weights_say() -> None:
    real, symmetric = {"self_adjoint"}, {"self_adjoint", "positive_semidefinite"}
    isometry = {"isometric", "unitary"}
    assert Diagonal(torch.tensor([0.0, 2.0])).structure == symmetric
    assert Diagonal(torch.tensor([-1.0, 2.0])).structure == real
    assert Diagonal(torch.tensor([-1.0, 1.0])).structure == real | isometry
    assert Diagonal(torch.tensor([1.0, 1.0])).structure == symmetric | isometry
    assert Diagonal(torch.tensor([1.0, 1j])).structure == isometry
    assert Diagonal(torch.tensor([1.0 + 0j, 2.0])).structure == frozenset()


def test_gradients_reach_the_image_and_the_weights(draw) -> None:
    for dtype in (torch.float64, torch.complex128):
        w, x = draw((3, 1), dtype).requires_grad_(), draw((2, 2, 3, 2), dtype, 1).requires_grad_()

        def every(w, x):
            op = Diagonal(w, (2, 3, 2))
            return op.forward(x), op.adjoint(x), op.normal().forward(x), op.pseudo_inverse(x)

        assert torch.autograd.gradcheck(every, (w, x))
        assert torch.autograd.gradgradcheck(lambda w, x: Diagonal(w, (2, 3, 2)).normal().forward(x), (w, x))


def test_a_learned_weight_that_changes_changes_the_norm() -> None:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    op = Diagonal(w)
    assert op.norm().upper == pytest.approx(2.0)
    with torch.no_grad():
        w.mul_(3.0)
    assert op.norm().upper == pytest.approx(6.0)


def test_weights_that_do_not_fit_are_refused() -> None:
    for weights in (torch.ones(4), torch.ones(3, 1), torch.ones(1, 2, 3)):
        with pytest.raises(ShapeError, match=r"expected one that broadcasts to \(2, 3\)"):
            Diagonal(weights, (2, 3))
    with pytest.raises(ShapeError, match="weights are complex, expected real ones for torch.float32 images"):
        Diagonal(torch.ones(2, dtype=torch.complex64), dtype=torch.float32)
    with pytest.raises(ShapeError, match="weights have dtype torch.bool"):
        Diagonal(torch.ones(2, dtype=torch.bool))
    with pytest.raises(ShapeError, match="expected positive sizes"):
        Diagonal(torch.tensor(2.0)).norm()
    with pytest.raises(DataError, match="weights contain NaN or inf"):
        Diagonal(torch.tensor([1.0, torch.inf]))


def test_weights_below_one_do_not_keep_lengths() -> None:
    assert Diagonal(torch.tensor([1.0, 0.5])).structure == {"self_adjoint", "positive_semidefinite"}
    assert Diagonal(torch.tensor([1.0, -1.0])).structure == {"self_adjoint", "isometric", "unitary"}
