from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError
from invkit.operators import FiniteDifference, subsets


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
