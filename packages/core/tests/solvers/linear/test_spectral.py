from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, ShapeError
from invkit.functionals import least_squares
from invkit.operators import Blur, Dense, Fourier, Identity, Interval, LinearOperator, Space
from invkit.solvers import (
    Landweber,
    landweber_factors,
    singular_system,
    solve,
    tikhonov_factors,
    truncated_factors,
)


@dataclass(frozen=True, eq=False, repr=False)
class OnRealImages(LinearOperator):
    """A complex operator that is given real images only: its adjoint takes the real part."""

    operator: LinearOperator

    @property
    def domain(self) -> Space:
        return Space(self.operator.domain.shape, torch.float64)

    @property
    def codomain(self) -> Space:
        return self.operator.codomain

    def _forward(self, x):
        return self.operator.forward(x.to(torch.complex128))

    def _adjoint(self, y):
        return self.operator.adjoint(y).real

    def _norm(self) -> Interval:
        return self.operator.norm().without_lower()


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("shape", [(7, 6), (5, 12)])
def test_the_system_is_that_of_the_matrix(shape: tuple[int, int], dtype: torch.dtype, draw) -> None:
    m = draw(shape, dtype)
    system = singular_system(Dense(m), "test")
    torch.testing.assert_close((system.u * system.s) @ system.vh, m, rtol=0, atol=1e-13)
    np.testing.assert_allclose(system.s, np.linalg.svd(m.numpy(), compute_uv=False), rtol=1e-12)


def test_all_factors_one_are_the_pseudo_inverse_and_k_steps_of_landweber_theirs(draw) -> None:
    m, y = draw((7, 5), torch.complex128), draw((3, 7), torch.complex128, 1)
    system = singular_system(Dense(m), "test")
    want = y.numpy() @ np.linalg.pinv(m.numpy()).T
    np.testing.assert_allclose(system.reconstruct(y, torch.ones(5)), want, atol=1e-12)
    tau = 1.1 / float(system.s[0]) ** 2
    stepped = solve(least_squares(Dense(m), y), Landweber(step_size=tau), rtol=0.0, max_steps=13).x
    torch.testing.assert_close(system.reconstruct(y, landweber_factors(system.s, tau, 13)), stepped, atol=1e-12, rtol=0)
    other = system.reconstruct(y, landweber_factors(system.s, tau, 12))
    assert not torch.allclose(other, stepped, atol=1e-6)


def test_an_operator_from_real_to_complex_images_is_inverted_over_the_real_ones() -> None:
    """Half of the spectrum of a real image determines it; over complex images it would not."""
    pattern = torch.zeros(3, 5, dtype=torch.float64)
    pattern[:2] = 1
    complex_operator = Fourier((3, 5), pattern, dtype=torch.complex128)
    real = OnRealImages(complex_operator)
    x = torch.randn(2, 1, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = real.forward(x)
    system = singular_system(real, "test")
    assert system.s.shape == (15,)
    torch.testing.assert_close(system.reconstruct(y, torch.ones(15)), x, atol=1e-12, rtol=0)
    over_complex = singular_system(complex_operator, "test")
    kept = truncated_factors(over_complex.s, threshold=1e-10)
    assert not torch.allclose(over_complex.reconstruct(y, kept).real, x, atol=1e-2)


def test_an_operator_from_complex_to_real_images_has_its_adjoint_inverted() -> None:
    adjoint = OnRealImages(Identity((2, 3), 1, torch.complex128)).H
    y = torch.randn(2, 1, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    system = singular_system(adjoint, "test")
    got = system.reconstruct(y, truncated_factors(system.s, threshold=1e-10))
    assert got.is_complex()
    torch.testing.assert_close(got.real, y, atol=1e-13, rtol=0)
    assert float(got.imag.abs().max()) < 1e-13


def test_the_matrix_of_many_columns_is_made_in_parts(draw) -> None:
    operator = Blur(draw((3, 3)), (17, 19))  # 323 unit images: more than are applied at once
    system = singular_system(operator, "test")
    x = draw((2, 1, 17, 19), seed=1)
    applied = ((system.u * system.s) @ system.vh @ x.flatten(1).mT).mT.reshape(2, 1, 17, 19)
    torch.testing.assert_close(applied, operator.forward(x), atol=1e-12, rtol=0)


def test_each_image_may_have_its_own_factors(draw) -> None:
    m, y = draw((7, 5)), draw((2, 7), seed=1)
    system = singular_system(Dense(m), "test")
    weights = torch.tensor([0.1, 3.0], dtype=torch.float64)
    got = system.reconstruct(y, tikhonov_factors(system.s, weights))
    for i, weight in enumerate(weights):
        want = torch.linalg.solve(m.mT @ m + weight * torch.eye(5).double(), m.mT @ y[i])
        torch.testing.assert_close(got[i], want, atol=1e-12, rtol=0)
    with pytest.raises(ShapeError, match=r"factors have shape \(4,\), expected \(5,\) or \(2, 5\)"):
        system.reconstruct(y, torch.ones(4))


def test_an_operator_that_is_too_large_is_refused_with_both_numbers() -> None:
    with pytest.raises(ConfigError, match="matrix of 10000 x 10000 = 100000000 entries, expected at most 16777216"):
        singular_system(Identity((100, 100)), "test")
    assert len(singular_system(Identity((3, 4)), "test").s) == 12
