from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.operators import Dense, Diagonal, FiniteDifference, Fourier, Identity, Restriction, sense, stack, subsets


def sound(operator, num_subsets: int, axis: int | None, draw) -> list[int]:
    """Fails unless every part is R A and the R partition the measurement; the sizes of the parts."""
    dtype = operator.domain.dtype
    x, y = draw((2, *operator.domain.shape), dtype), draw((2, *operator.codomain.shape), dtype, 1)
    parts = subsets(operator, num_subsets, axis)
    assert len(parts) == num_subsets
    for part, restriction in parts:
        assert restriction.domain == operator.codomain
        torch.testing.assert_close(part.forward(x), restriction.forward(operator.forward(x)))
        z = restriction.forward(y)
        torch.testing.assert_close(part.adjoint(z), operator.adjoint(restriction.adjoint(z)))
    back = sum(restriction.adjoint(restriction.forward(y)) for _, restriction in parts)
    assert torch.equal(back, y)
    return [restriction.codomain.size for _, restriction in parts]


def test_any_operator_has_the_subsets_of_its_measurement(draw) -> None:
    operator = FiniteDifference((5, 4), dtype=torch.float64)
    assert sound(operator, 3, 2, draw) == [16, 16, 8]
    assert sound(operator, 1, -1, draw) == [40]


def test_a_matrix_computes_only_the_rows_of_its_subset(draw) -> None:
    operator = Dense(draw((30, 4), torch.complex128), (1, 2, 2), (2, 5, 3))
    assert sound(operator, 2, 1, draw) == [18, 12]
    assert sound(operator, 3, 2, draw) == [10, 10, 10]
    assert sound(operator, 2, None, draw) == [15, 15]  # by default along the first axis
    assert [part.matrix.shape for part, _ in subsets(operator, 2, 1)] == [(18, 4), (12, 4)]


def test_the_views_of_a_stack_are_its_parts(draw) -> None:
    parts = [Identity((3, 2), 1, torch.float64), FiniteDifference((3, 2), dtype=torch.float64)]
    operator = stack([*parts, Dense(draw((5, 6), torch.float64), (1, 3, 2))])
    assert sound(operator, 2, None, draw) == [11, 12]
    (first, _), (second, _) = subsets(operator, 2)
    assert first.operators == (operator.operators[0], operator.operators[2])
    assert second.operators == (operator.operators[1],)


def test_the_views_of_parallel_mri_are_the_coils(draw) -> None:
    operator = sense(draw((5, 4, 3), torch.complex128), draw((4, 3), torch.float64, 1))
    assert sound(operator, 2, None, draw) == [36, 24]
    part, _ = subsets(operator, 2)[0]
    assert part.left.channels == 3  # three transforms, not five
    assert part.right.sensitivities.shape == (3, 4, 3)
    assert sound(operator, 2, 1, draw) == [30, 30]  # lines of k-space cost the whole transform
    weighted = Diagonal(draw((5, 1, 1), torch.complex128), (5, 4, 3)) @ (2j * operator)
    assert sound(weighted, 2, None, draw) == [36, 24]


@pytest.mark.parametrize("weights_shape", [(2, 5, 3), (5, 1), (2, 1, 1), (3,), ()], ids=str)
def test_factors_and_weights_are_divided_with_what_they_stand_before(weights_shape, draw) -> None:
    matrix = Dense(draw((30, 4), torch.float64), (1, 2, 2), (2, 5, 3))
    weighted = Diagonal(draw(weights_shape, torch.float64, 1), (2, 5, 3)) @ (0.5 * matrix)
    assert sound(weighted, 2, 1, draw) == [18, 12]
    part, _ = subsets(weighted, 2, 1)[0]
    assert part.right.operator.matrix.shape == (18, 4)
    smoothed = matrix @ Identity((2, 2), 1, torch.float64)
    assert sound(smoothed, 5, 1, draw) == [6] * 5
    assert subsets(smoothed, 5, 1)[0][0].left.matrix.shape == (6, 4)


def test_a_scaled_stack_has_the_parts_of_the_stack(draw) -> None:
    parts = [Identity((3, 2), 1, torch.float64), FiniteDifference((3, 2), dtype=torch.float64)]
    assert sound(-2.0 * stack(parts), 2, None, draw) == [6, 12]
    assert sound(stack(parts) @ Identity((3, 2), 1, torch.float64), 2, None, draw) == [6, 12]
    assert sound(Diagonal(draw((18,), torch.float64)) @ stack(parts), 2, None, draw) == [6, 12]


def test_gradients_reach_the_matrix_through_a_subset(draw) -> None:
    matrix, x = draw((5, 4), torch.float64).requires_grad_(), draw((2, 4), torch.float64, 1)
    assert torch.autograd.gradcheck(lambda m: subsets(Dense(m), 2)[1][0].forward(x), (matrix,))


def test_an_operator_without_views_of_its_own_costs_all_of_them() -> None:
    part, restriction = subsets(FiniteDifference((5, 4)), 2, 2)[0]
    assert part.left is restriction
    assert isinstance(restriction, Restriction)


def test_views_are_interleaved() -> None:
    parts = subsets(FiniteDifference((5, 4)), 2, 2)
    assert [restriction.indices.tolist() for _, restriction in parts] == [[0, 2, 4], [1, 3]]


def test_subsets_that_cannot_be_are_refused(draw) -> None:
    operator = FiniteDifference((5, 4))
    with pytest.raises(ConfigError, match="axis is None, expected 0 to 3, because FiniteDifference names no axis"):
        subsets(operator, 2)
    with pytest.raises(ConfigError, match="axis is 4, expected 0 to 3"):
        subsets(operator, 2, 4)
    for wrong in (0, 6):
        with pytest.raises(ConfigError, match=f"num_subsets is {wrong}, expected 1 to 5"):
            subsets(operator, wrong, 2)


def test_a_transform_along_the_views_is_not_divided(draw) -> None:
    """The frequencies of a Fourier transform are no views of what stands before it."""
    before = Dense(draw((12, 5), torch.complex128), (5,), (3, 4))
    operator = Fourier((4,), channels=3, dtype=torch.complex128) @ before
    x = draw((2, 5), torch.complex128, 1)
    spectrum = np.fft.fft((x.numpy() @ before.matrix.numpy().T).reshape(2, 3, 4), norm="ortho")
    for i, (part, _) in enumerate(subsets(operator, 2, axis=1)):
        np.testing.assert_allclose(part.forward(x).numpy(), spectrum[:, :, i::2], atol=1e-12)
    for i, (part, _) in enumerate(subsets(operator, 3, axis=0)):
        np.testing.assert_allclose(part.forward(x).numpy(), spectrum[:, i::3], atol=1e-12)
