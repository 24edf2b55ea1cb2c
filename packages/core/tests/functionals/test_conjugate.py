from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import L1, SquaredL2
from invkit.functionals.conjugate import ScaledConjugate, moreau


def test_the_scaled_conjugate_is_the_special_one(draw) -> None:
    """(c |.|_1)* is the ball of radius c, and (c/2 |.|^2)* is |.|^2 / (2c): both derived by hand."""
    v, c = draw((2, 3)), 0.4
    general = ScaledConjugate(c, L1().conjugate)
    torch.testing.assert_close(general.prox(v, 0.7), v.clamp(-c, c))
    square = ScaledConjugate(c, SquaredL2().conjugate)
    torch.testing.assert_close(square.value(v), v.square().sum(1) / (2 * c))
    torch.testing.assert_close(square.prox(v, 0.7), v * c / (c + 0.7))
    torch.testing.assert_close(square.conjugate.value(v), c * v.square().sum(1) / 2)


def test_moreau_gives_the_prox_of_the_conjugate_and_not_of_the_functional(draw) -> None:
    v = 3 * draw((2, 3))
    torch.testing.assert_close(moreau(L1(), v, 0.3), v.clamp(-1, 1))
    assert not torch.allclose(moreau(L1(), v, 0.3), L1().prox(v, 0.3))


def test_weight_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="weight is 0.0, expected a positive number"):
        ScaledConjugate(0.0, L1().conjugate)


def test_a_scaled_conjugate_is_less_convex_by_its_factor() -> None:
    """3 * 0.5 |z / 3|^2 = |z|^2 / 6."""
    assert ScaledConjugate(3.0, SquaredL2()).convexity() == pytest.approx(1 / 3)
