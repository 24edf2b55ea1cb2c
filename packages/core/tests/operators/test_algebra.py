from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.errors import ConfigError, ShapeError
from invkit.operators import (
    Adjoint,
    Dense,
    Fourier,
    Identity,
    LinearOperator,
    Normal,
    Scaled,
    Stack,
    Sum,
    stack,
)

EVERYTHING = {"self_adjoint", "positive_semidefinite", "isometric", "unitary"}


class Isometry(Dense):
    """A matrix with orthonormal columns that says so."""

    @property
    def structure(self) -> frozenset[str]:
        return frozenset({"isometric"})


@pytest.fixture
def isometry(draw) -> Isometry:
    return Isometry(torch.linalg.qr(draw((5, 3), torch.complex128))[0])


@pytest.fixture
def identity() -> Identity:
    return Identity((3,), 1, torch.complex128)


def test_scaling_by_minus_one_drops_positive_semidefinite(identity) -> None:
    assert (-identity).structure == EVERYTHING - {"positive_semidefinite"}
    assert ((-1) * identity).structure == EVERYTHING - {"positive_semidefinite"}


def test_scaling_by_two_drops_unitary_and_isometric(identity) -> None:
    assert (2 * identity).structure == {"self_adjoint", "positive_semidefinite"}
    assert (2 * Fourier((3,))).structure == frozenset()


def test_complex_scaling_drops_self_adjoint(identity) -> None:
    assert (1j * identity).structure == {"isometric", "unitary"}
    assert ((0.6 + 0.8j) * identity).structure == {"isometric", "unitary"}
    assert ((1 + 1j) * identity).structure == frozenset()


def test_the_adjoint_of_an_isometry_that_is_not_onto_is_not_isometric(isometry) -> None:
    assert isometry.H.structure == frozenset()
    assert Fourier((3,)).H.structure == {"isometric", "unitary"}


def test_the_sum_of_unitary_operators_is_not_unitary(identity) -> None:
    assert (identity + identity).structure == {"self_adjoint", "positive_semidefinite"}
    assert (identity - identity).structure == {"self_adjoint"}


def test_the_product_of_self_adjoint_operators_is_not_self_adjoint(draw) -> None:
    a, b = Dense(draw((3, 3), torch.float64)).normal(), Dense(draw((3, 3), torch.float64, 1)).normal()
    assert (a @ b).structure == frozenset()


def test_a_star_a_is_the_normal_operator(isometry) -> None:
    assert isinstance(isometry.H @ isometry, Normal)
    assert (isometry.H @ isometry).structure == EVERYTHING
    assert (isometry @ isometry.H).structure == {"self_adjoint", "positive_semidefinite"}
    gram = Dense(isometry.matrix).normal()
    assert gram.structure == {"self_adjoint", "positive_semidefinite"}
    assert gram.H is gram
    assert isinstance(gram.H @ gram, Normal)


def test_the_adjoint_of_the_adjoint_is_the_operator(isometry) -> None:
    assert isinstance(isometry.H, Adjoint)
    assert isometry.H.H is isometry


def holds(op: LinearOperator, matrix: np.ndarray) -> None:
    """Fails unless the stated structure is that of the matrix."""
    small = 1e-12 * max(1.0, np.abs(matrix).max())
    if "self_adjoint" in op.structure:
        assert np.abs(matrix - matrix.conj().T).max() <= small
    if "positive_semidefinite" in op.structure:
        assert np.linalg.eigvalsh((matrix + matrix.conj().T) / 2).min() >= -small
    if "isometric" in op.structure:
        assert np.abs(matrix.conj().T @ matrix - np.eye(len(matrix[0]))).max() <= small
    if "unitary" in op.structure:
        assert np.abs(matrix @ matrix.conj().T - np.eye(len(matrix))).max() <= small


def test_the_structure_check_rejects_a_wrong_statement() -> None:
    with pytest.raises(AssertionError):  # noqa: PT011
        holds(Isometry(torch.full((2, 2), 1.0, dtype=torch.float64)), np.ones((2, 2)))


def leaves() -> list[tuple[LinearOperator, np.ndarray]]:
    rng = np.random.default_rng(0)
    general = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    low = np.outer(general[0], general[1])
    k = np.arange(3)
    transform = np.exp(-2j * np.pi * np.outer(k, k) / 3) / np.sqrt(3)
    masked = np.array([1.0, 0.0, 0.5])
    orthogonal = np.linalg.qr(general)[0]

    def dense(m: np.ndarray, kind: type[Dense] = Dense) -> LinearOperator:
        return kind(torch.from_numpy(m), (1, 3), (1, 3))

    return [
        (dense(general), general),
        (dense(low), low),
        (Identity((3,), 1, torch.complex128), np.eye(3)),
        (Fourier((3,), dtype=torch.complex128), transform),
        (Fourier((3,), torch.from_numpy(masked), dtype=torch.complex128), masked[:, None] * transform),
        (dense(orthogonal, Isometry), orthogonal),
    ]


def combine(parts):
    pair = st.tuples(parts, parts)
    factor = st.sampled_from([2.0, -1.0, 0.0, 1j, -0.5 + 1j, 0.6 + 0.8j])
    return st.one_of(
        pair.map(lambda p: (p[0][0] @ p[1][0], p[0][1] @ p[1][1])),
        pair.map(lambda p: (p[0][0] + p[1][0], p[0][1] + p[1][1])),
        pair.map(lambda p: (p[0][0] - p[1][0], p[0][1] - p[1][1])),
        st.tuples(factor, parts).map(lambda p: (p[0] * p[1][0], p[0] * p[1][1])),
        parts.map(lambda p: (p[0].H, p[1].conj().T)),
        parts.map(lambda p: (p[0].normal(), p[1].conj().T @ p[1])),
        parts.map(lambda p: (p[0].H @ p[0], p[1].conj().T @ p[1])),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(tree=st.recursive(st.integers(0, 5).map(lambda i: leaves()[i]), combine, max_leaves=6))
def test_random_expressions_are_their_matrices(tree: tuple[LinearOperator, np.ndarray]) -> None:
    op, matrix = tree
    scale = 1e-12 * max(1.0, op.norm().upper)
    basis = torch.eye(3, dtype=torch.complex128).unsqueeze(1)
    np.testing.assert_allclose(op.forward(basis).flatten(1).numpy().T, matrix, rtol=0, atol=scale)
    np.testing.assert_allclose(op.adjoint(basis).flatten(1).numpy().T, matrix.conj().T, rtol=0, atol=scale)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    assert op.norm().lower <= largest + scale
    assert largest <= op.norm().upper + scale
    holds(op, matrix)


def test_a_stack_is_the_matrices_on_top_of_each_other(draw, agrees) -> None:
    a, b = draw((4, 3), torch.float64), draw((2, 3), torch.float64, 1)
    op = stack([Dense(a, (), (2, 2)), 2.0 * Dense(b)])
    agrees(op, np.concatenate([a.numpy(), 2 * b.numpy()]))
    x = draw((2, 3), torch.float64, 2)
    first, second = op.split(op.forward(x))
    assert torch.equal(first, Dense(a, (), (2, 2)).forward(x))
    assert torch.equal(second, 2 * Dense(b).forward(x))


def test_the_norm_of_a_stack_lies_between_its_largest_part_and_the_root_of_squares() -> None:
    same = stack([Dense(torch.eye(2))] * 3).norm()  # |A| = sqrt(3), the upper bound
    assert same.upper == pytest.approx(np.sqrt(3))
    apart = stack([Dense(torch.diag(torch.tensor([1.0, 0.0]))), Dense(torch.diag(torch.tensor([0.0, 1.0])))]).norm()
    assert apart.lower == pytest.approx(1.0)  # |A| = 1, the lower bound


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_reach_the_scale_factor(dtype, draw) -> None:
    factor = draw((), dtype).requires_grad_()
    m, x = draw((3, 2), dtype, 1), draw((2, 2), dtype, 2).requires_grad_()
    y = draw((2, 3), dtype, 3)

    def both(factor, x):
        op = factor * Dense(m)
        return op.forward(x), op.adjoint(y), op.normal().forward(x)

    assert torch.autograd.gradcheck(both, (factor, x))
    assert torch.autograd.gradgradcheck(lambda c, x: (c * Dense(m)).normal().forward(x), (factor, x))


def test_a_learned_factor_has_a_norm_without_a_warning() -> None:
    factor = torch.tensor(-2.0, requires_grad=True)
    assert (factor * Dense(torch.eye(2))).norm().upper == pytest.approx(2.0)
    assert (factor * Identity((2,))).structure == {"self_adjoint"}


def test_factors_that_are_not_one_fitting_number_are_refused() -> None:
    real = Identity((2,))
    for factor in (1j, 2 + 0j, torch.tensor(2 + 0j)):
        with pytest.raises(ShapeError, match="expected a real one for a real operator"):
            factor * real
    for factor in (float("nan"), float("inf"), torch.tensor(torch.nan)):
        with pytest.raises(ConfigError, match="expected a finite number"):
            factor * real
    with pytest.raises(ConfigError, match=r"factor has shape \(2,\), expected one number"):
        Scaled(torch.ones(2), real)


def test_operators_between_other_spaces_are_refused() -> None:
    a, b = Identity((2,)), Identity((3,))
    with pytest.raises(ShapeError, match="Composition: codomain of the right operator"):
        a @ b
    with pytest.raises(ShapeError, match="Sum: domain of a term"):
        a + b
    with pytest.raises(ShapeError, match="Stack: domain of a part"):
        stack([a, b])
    with pytest.raises(ConfigError, match="there are 0 operators"):
        stack([])
    with pytest.raises(TypeError, match="unsupported operand"):
        a @ torch.eye(2)


def test_the_structure_of_a_learned_factor_holds_whatever_it_is_worth() -> None:
    """adjoint() decides once, by the structure; the factor changes afterwards."""
    factor = torch.tensor(1 + 0j, dtype=torch.complex64, requires_grad=True)
    a = factor * Identity((3,), 1, torch.complex64)
    adjoint, squared, x = a.H, a @ a, torch.ones(1, 1, 3, dtype=torch.complex64)
    with torch.no_grad():
        factor.copy_(torch.tensor(1 + 1j))
    torch.testing.assert_close(adjoint.forward(x), (1 - 1j) * x)
    torch.testing.assert_close(squared.forward(x), 2j * x)
    assert a.structure == frozenset()


@pytest.mark.parametrize("value", [1.0, -1.0, 2.0])
def test_a_learned_real_factor_may_change_its_sign_and_its_size(value) -> None:
    learned = torch.tensor(value, requires_grad=True)
    assert (learned * Identity((2,))).structure == {"self_adjoint"}
    assert "positive_semidefinite" in (learned.detach().abs() * Identity((2,))).structure
    fixed = torch.tensor(1 + 0j)
    assert (fixed * Identity((2,), 1, torch.complex64)).structure == {"isometric", "unitary"}
    assert "self_adjoint" in ((2 + 0j) * Identity((2,), 1, torch.complex64)).structure  # a number stays what it is


def test_the_upper_bound_of_a_product_that_underflows_is_not_zero() -> None:
    tiny = 1e-200 * (1e-200 * Identity((2,), dtype=torch.float64))
    assert float(tiny.forward(torch.full((1, 1, 2), 1e300, dtype=torch.float64)).max()) > 0
    assert tiny.norm().lower == 0.0 < tiny.norm().upper
    assert tiny.normal().norm().upper > 0.0
    assert (tiny @ tiny).norm().upper > 0.0
    assert (0.0 * tiny).norm().upper == 0.0


def test_a_factor_that_the_precision_cannot_hold_has_no_lower_bound_or_is_refused() -> None:
    """float32 has nothing between 0 and 1e-45, nor beyond 3e38."""
    lost = 1e-60 * Identity((2,))
    assert not lost.forward(torch.ones(1, 1, 2)).any()
    assert lost.norm().lower == 0.0
    coarse = 1.5e-45 * Identity((2,))
    computed = float(coarse.forward(torch.ones(1, 1, 2)).max())
    assert computed != 1.5e-45
    assert coarse.norm().lower <= computed <= coarse.norm().upper
    assert (1e-60 * Identity((2,), dtype=torch.float64)).norm().lower > 0.0
    with pytest.raises(ConfigError, match=r"factor is \(1e\+39\+0j\), expected a finite number, at most 3.4"):
        1e39 * Identity((2,))
    with pytest.raises(ConfigError, match="expected a finite number"):
        complex(1.5e308, 1.5e308) * Identity((2,), 1, torch.complex128)


def test_the_norm_of_a_sum_of_many_terms_includes_their_rounding() -> None:
    for factor in (0.1, 1 / 3, 0.7):
        op = Sum(tuple(factor * Identity((1,)) for _ in range(500)))
        computed = float(op.forward(torch.ones(1, 1, 1)))
        assert abs(computed - 500 * factor) > 1e-7 * computed  # float32 does not add up to it
        assert op.norm().lower <= computed <= op.norm().upper


def test_sums_and_stacks_of_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="Sum: there are 0 terms"):
        Sum(())
    with pytest.raises(ConfigError, match="there are 0 operators"):
        Stack(())


def test_what_is_decided_once_holds_when_a_learned_factor_has_changed() -> None:
    factor = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    gram = Dense(torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)).normal()
    learned, before = factor * gram, (factor * gram).norm().upper
    adjoint, squared = learned.H, learned @ learned
    with torch.no_grad():
        factor.copy_(torch.tensor(-5.0))
    x = torch.ones(1, 2, dtype=torch.float64)
    torch.testing.assert_close(adjoint.forward(x), -5 * gram.forward(x))
    torch.testing.assert_close(squared.forward(x), 25 * gram.forward(gram.forward(x)))
    assert learned.structure == {"self_adjoint"}
    assert "positive_semidefinite" in squared.structure
    assert learned.norm().lower > before
