from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError
from invkit.functionals import h1, total_variation
from invkit.operators import Space


def differences(x: np.ndarray, periodic: bool, spacing: tuple[float, ...]) -> np.ndarray:
    """(d, *spatial) of one channel."""
    parts = []
    for axis, h in enumerate(spacing):
        ahead = np.roll(x, -1, axis) - x
        if not periodic:
            last = [slice(None)] * x.ndim
            last[axis] = slice(-1, None)
            ahead[tuple(last)] = 0
        parts.append(ahead / h)
    return np.stack(parts)


@pytest.mark.parametrize("shape", [(7,), (4, 5), (1, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_penalties_are_sums_over_numpys_differences(shape, boundary, dtype, draw) -> None:
    spacing = (0.5, 2.0, 1.0)[: len(shape)]
    x = draw((2, 3, *shape), dtype)
    domain = Space((3, *shape), dtype)
    settings = {"boundary": boundary, "spacing": spacing}
    fields = [[differences(c.numpy(), boundary == "periodic", spacing) for c in image] for image in x]
    isotropic = [sum(np.sqrt((np.abs(d) ** 2).sum(0)).sum() for d in image) for image in fields]
    np.testing.assert_allclose(total_variation(domain, **settings).value(x).numpy(), isotropic)
    taxicab = [sum(np.abs(d).sum() for d in image) for image in fields]
    np.testing.assert_allclose(total_variation(domain, isotropic=False, **settings).value(x).numpy(), taxicab)
    squares = [0.5 * sum((np.abs(d) ** 2).sum() for d in image) for image in fields]
    np.testing.assert_allclose(h1(domain, **settings).value(x).numpy(), squares)
    # The check rejects the other kind, and the spacing left out.
    if len(shape) > 1 and 1 not in shape:
        assert not np.allclose(isotropic, taxicab)
        assert not np.allclose(total_variation(domain, boundary=boundary).value(x).numpy(), isotropic)


def test_the_variation_of_a_square_is_its_perimeter() -> None:
    x = torch.zeros(1, 1, 20, 20, dtype=torch.float64)
    x[..., 5:11, 3:15] = 2.0
    domain = Space((1, 20, 20), torch.float64)
    assert total_variation(domain, isotropic=False).value(x).item() == pytest.approx(2.0 * 2 * (6 + 12))


def test_the_gradient_of_h1_is_that_of_autograd_and_its_smoothness_the_squared_norm(draw) -> None:
    domain = Space((1, 4, 5), torch.float64)
    f, x = h1(domain), draw((2, 1, 4, 5)).requires_grad_()
    (want,) = torch.autograd.grad(f.value(x).sum(), x)
    torch.testing.assert_close(f.gradient(x), want)
    bound = f.smoothness()
    assert bound is not None
    assert bound.upper == pytest.approx(4 * (np.cos(np.pi / 8) ** 2 + np.cos(np.pi / 10) ** 2))


def test_an_unknown_boundary_is_refused() -> None:
    with pytest.raises(ConfigError, match="boundary is 'zero'"):
        total_variation(Space((1, 4)), boundary="zero")  # type: ignore[arg-type]
