from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.errors import ShapeError
from invkit.operators import (
    Blur,
    Coils,
    Dense,
    Diagonal,
    Downsampling,
    FiniteDifference,
    Fourier,
    Haar,
    Identity,
    LinearOperator,
    Restriction,
    Space,
    inpainting,
    sense,
    stack,
)
from invkit.operators.capabilities.gram_diagonal import gram_diagonal

REAL, COMPLEX = torch.float64, torch.complex128


def noise(*shape: int, dtype: torch.dtype = REAL, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def expected(operator: LinearOperator, weights: torch.Tensor) -> np.ndarray:
    """(|M|^2)^T w from the columns of M."""
    n = operator.domain.size
    units = torch.eye(n, dtype=operator.domain.dtype).reshape(n, *operator.domain.shape)
    squares = np.abs(operator.forward(units).flatten(1).numpy()) ** 2  # row i is column i of M
    return (weights.flatten(1).numpy() @ squares.T).reshape(-1, *operator.domain.shape)


def blur(boundary: str, dtype: torch.dtype, kernel: torch.Tensor | None = None) -> Blur:
    return Blur(noise(3, 2, dtype=dtype) if kernel is None else kernel, (5, 4), 2, dtype, boundary)


SINGLE = {
    "identity": Identity((3, 2), 2, REAL),
    "dense": Dense(noise(6, 4), (2, 2), (3, 2)),
    "complex dense": Dense(noise(6, 4, dtype=COMPLEX)),
    "neumann": FiniteDifference((4, 1, 3), 2, "neumann", (1.0, 3.0, 0.5), REAL),
    "periodic": FiniteDifference((4, 1, 2), 1, "periodic", (2.0, 1.0, 0.5), COMPLEX),
    "fourier": Fourier((3, 4), noise(3, 4), 2, COMPLEX),
    "fourier lines": Fourier((2, 3, 2), noise(1, 3, 1), 1, COMPLEX),
    "full fourier": Fourier((3, 4), None, 2, COMPLEX),
    "coils": Coils(noise(3, 4, 2, dtype=COMPLEX)),
    "diagonal": Diagonal(noise(3, 1), (2, 3, 2)),
    "complex diagonal": Diagonal(noise(3, 2, dtype=COMPLEX)),
    "restriction": Restriction(Space((2, 4), REAL), 1, torch.tensor([3, 1])),
    "mean": Downsampling((4, 6), (2, 3), 2, "mean", COMPLEX),
    "decimate": Downsampling((4, 6), (2, 3), 2, "decimate", REAL),
    "haar": Haar((4, 12), 2, 2, COMPLEX),
    "haar in three dimensions": Haar((2, 4, 6), 1, 1, REAL),
    "periodic blur": blur("periodic", REAL),
    "complex periodic blur": blur("periodic", COMPLEX),
    "zero blur": blur("zero", REAL),
    "complex zero blur": blur("zero", COMPLEX),
    "valid blur": blur("valid", COMPLEX),
    "real kernel, complex image": Blur(noise(2, 3), (4, 3), 1, COMPLEX, "valid"),
    "a kernel as large as the image": blur("periodic", REAL, noise(5, 4)),
}

_coils = Coils(noise(3, 4, 2, dtype=COMPLEX, seed=3))
_fourier = Fourier((4, 2), noise(4, 2, seed=1), 3, COMPLEX)
_coil = Restriction(_coils.codomain, 0, torch.tensor([2, 0]))
_phase = Diagonal(noise(1, 4, 2, dtype=COMPLEX, seed=4))
_line = Restriction(_fourier.codomain, 1, torch.tensor([3, 0, 1]))
_matrix = Dense(noise(8, 8, seed=5), (1, 4, 2), (1, 4, 2))
_coarse = Dense(noise(5, 2, seed=6), (1, 2, 1))

BUILT = {
    "scaled": (2 - 1j) * Dense(noise(6, 4, dtype=COMPLEX)),
    "stack": stack([Identity((2, 2), 1, REAL), 0.5 * FiniteDifference((2, 2), dtype=REAL)]),
    "stack of stacks": stack([stack([Identity((2, 2), 1, REAL)] * 2), Dense(noise(3, 4), (1, 2, 2))]),
    "sense": sense(noise(3, 4, 2, dtype=COMPLEX), noise(4, 2)),
    "sense in three dimensions": sense(noise(2, 3, 2, 2, dtype=COMPLEX), noise(3, 1, 2)),
    "lines of sense": _line @ (_fourier @ _coils),
    "lines of fourier, then coils": (_line @ _fourier) @ _coils,
    "phase, then sense": _fourier @ (_coils @ _phase),
    "some coils": Fourier((4, 2), None, 2, COMPLEX) @ (_coil @ _coils),
    "blurred coils": Blur(noise(2, 2), (4, 2), 3, COMPLEX, "zero") @ _coils,
    "weighted coils": _fourier @ (1j * (Diagonal(noise(3, 4, 2), dtype=COMPLEX) @ _coils)),
    "weights left": Diagonal(noise(1, 4, 2)) @ _matrix,
    "weights right": _matrix @ Diagonal(noise(1, 4, 2)),
    "rows": Restriction(_matrix.codomain, 1, torch.tensor([2, 0])) @ _matrix,
    "columns": Dense(noise(5, 4), (1, 2, 2)) @ Restriction(Space((1, 4, 2), REAL), 1, torch.tensor([2, 0])),
    "mean right": _coarse @ Downsampling((4, 2), 2, dtype=REAL),
    "decimated blur": Downsampling((4, 4), 2, 2, "decimate", REAL) @ Blur(noise(3, 2), (4, 4), 2),
    "coils left": _coils @ Fourier((4, 2), noise(4, 2), 1, COMPLEX),
    "inpainting of coefficients": inpainting(noise(4, 4).sigmoid(), channels=2) @ Haar((4, 4), 2, 2, REAL),
    "stacked weights of a matrix": stack([Diagonal(noise(1, 4, 2)), Identity((4, 2), 1, REAL)]) @ _matrix,
}


@pytest.mark.parametrize("name", [*SINGLE, *BUILT])
def test_it_is_the_weighted_sum_of_the_squares_of_each_column(name) -> None:
    operator = {**SINGLE, **BUILT}[name]
    weights = noise(2, *operator.codomain.shape, seed=9).square()
    before = weights.clone()
    got = gram_diagonal(operator, weights)
    assert got is not None
    assert got.dtype == REAL
    np.testing.assert_allclose(got.numpy(), expected(operator, weights), rtol=1e-12, atol=1e-13)
    assert bool((got >= 0).all())
    assert torch.equal(weights, before)
    alone = gram_diagonal(operator)
    np.testing.assert_allclose(alone.numpy(), expected(operator, torch.ones_like(weights[:1])), rtol=1e-12, atol=1e-13)
    assert gram_diagonal(operator, weights[:0]).shape == (0, *operator.domain.shape)
    got.add_(1.0)  # the result is its own memory
    assert torch.equal(weights, before)


def test_the_reference_rejects_the_sum_of_unsquared_entries() -> None:
    operator = SINGLE["dense"]
    weights = torch.ones(1, 3, 2, dtype=REAL)
    wrong = (weights.flatten(1) @ operator.matrix.abs()).unflatten(1, (2, 2)).numpy()
    assert not np.allclose(wrong, expected(operator, weights))


def test_what_is_not_cheap_is_not_known() -> None:
    a, b = Dense(noise(3, 3)), Dense(noise(3, 3, seed=1))
    for operator in (
        a @ b,
        a + b,
        a.normal(),
        a.H,
        stack([a, a @ b]),
        2 * (a @ b),
        FiniteDifference((2, 4), dtype=REAL) @ Haar((2, 4), 1, 1, REAL),
        Downsampling((2, 4), 2, dtype=REAL) @ FiniteDifference((2, 4), dtype=REAL).normal(),
        Dense(noise(2, 24, dtype=COMPLEX), (3, 4, 2)) @ _coils,
        Downsampling((4, 2), 2, 3, dtype=COMPLEX) @ (_fourier @ _coils),
    ):
        assert gram_diagonal(operator) is None


def test_the_sum_of_squares_would_be_wrong_where_it_is_refused() -> None:
    a, b = Dense(noise(3, 3)), Dense(noise(3, 3, seed=1))
    weights = torch.ones(1, 3, dtype=REAL)
    chained = b._gram_diagonal(a._gram_diagonal(weights)).numpy()
    assert not np.allclose(chained, expected(a @ b, weights), rtol=0.05)


def test_single_precision_is_kept() -> None:
    for operator in (*SINGLE.values(), *BUILT.values()):
        single = gram_diagonal(operator.to(dtype=torch.float32))
        assert single.dtype is torch.float32
        double = gram_diagonal(operator)
        assert float((single - double).abs().max()) <= 1e-5 * float(double.max())


def test_gradients_reach_the_weights_and_what_the_operator_was_built_from() -> None:
    weights, pattern = noise(2, 3, 3, 2).square().requires_grad_(), noise(3, 2, seed=1).requires_grad_()
    coils, kernel = noise(3, 3, 2, dtype=COMPLEX).requires_grad_(), noise(2, 2, seed=2).requires_grad_()

    def both(weights, pattern, coils, kernel):
        blurred = Blur(kernel, (3, 2), 3)
        return gram_diagonal(sense(coils, pattern), weights), gram_diagonal(blurred, weights)

    assert torch.autograd.gradcheck(both, (weights, pattern, coils, kernel))


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match="gram_diagonal of Dense: weights: tensor has shape"):
        gram_diagonal(Dense(noise(3, 2)), noise(1, 2))
    with pytest.raises(ShapeError, match=r"dtype is torch.complex128, expected torch.float64"):
        gram_diagonal(Coils(noise(3, 4, 2, dtype=COMPLEX)), noise(1, 3, 4, 2, dtype=COMPLEX))
