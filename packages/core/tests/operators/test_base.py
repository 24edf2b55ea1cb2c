from __future__ import annotations

import copy
import pickle

import pytest
import torch

from invkit.claims import find_claim
from invkit.errors import ShapeError
from invkit.operators import Blur, Coils, Dense, FiniteDifference, Fourier, Identity, LinearOperator, sense, stack


def specimens(dtype: torch.dtype = torch.complex128) -> dict[str, LinearOperator]:
    g = torch.Generator().manual_seed(0)
    c = torch.randn(2, 3, 4, dtype=dtype, generator=g)
    pattern = torch.rand(3, 4, generator=g)
    dense = Dense(torch.randn(5, 12, dtype=dtype, generator=g), (1, 3, 4))
    return {
        "dense": dense,
        "identity": Identity((3, 4), 1, dtype),
        "difference": FiniteDifference((3, 4), 1, "neumann", 1.0, dtype),
        "fourier": Fourier((3, 4), pattern, dtype=dtype),
        "coils": Coils(c),
        "sense": sense(c, pattern),
        "blur": Blur(c[0, :2, :3], (3, 4)),
        "stack": stack([dense, 2j * Coils(c)]),
        "tree": dense.normal() + 2 * Blur(c[0, :2, :3], (3, 4)).H,
    }


@pytest.mark.parametrize("name", specimens())
def test_the_vjp_is_what_autograd_says(name: str, draw) -> None:
    op = specimens()[name]
    x = draw((2, *op.domain.shape), op.domain.dtype).requires_grad_()
    z = draw((2, *op.codomain.shape), op.codomain.dtype, 1)
    (want,) = torch.autograd.grad(op.forward(x), x, z)
    torch.testing.assert_close(op.vjp(x, z), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", specimens())
def test_moving_to_single_precision_and_back_keeps_the_operator(name: str, draw) -> None:
    op = specimens()[name]
    there = op.to(dtype=torch.float32)
    assert there.domain.dtype is torch.complex64
    back = there.to(dtype=torch.float64)
    assert back.domain == op.domain
    assert back.codomain == op.codomain
    x = draw((2, *op.domain.shape), op.domain.dtype)
    torch.testing.assert_close(back.forward(x), op.forward(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(there.forward(x.to(torch.complex64)).to(x.dtype), op.forward(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", specimens())
def test_images_of_a_batch_do_not_meet(name: str, draw) -> None:
    op = specimens()[name]
    x = draw((3, *op.domain.shape), op.domain.dtype)
    x[1] = torch.nan
    clean = op.forward(x)[[0, 2]]
    assert torch.isfinite(clean).all()
    torch.testing.assert_close(clean, op.forward(x[[0, 2]]), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", specimens())
def test_inputs_of_another_shape_or_dtype_are_refused(name: str) -> None:
    op = specimens()[name]
    for call, space in ((op.forward, op.domain), (op.adjoint, op.codomain)):
        with pytest.raises(ShapeError, match="tensor has shape"):
            call(space.zeros()[0])
        with pytest.raises(ShapeError, match="tensor has shape"):
            call(torch.cat([space.zeros(), space.zeros()], 1))
        with pytest.raises(ShapeError, match="dtype is"):
            call(space.zeros().real.clone())


@pytest.mark.parametrize("name", specimens())
def test_the_claims_carry_the_norm_and_the_structure(name: str) -> None:
    op = specimens()[name]
    claim = find_claim(op.claims(), "norm_bound")
    assert claim is not None
    assert claim.params == {"lower": op.norm().lower, "upper": op.norm().upper}
    assert claim.basis == op.norm().basis
    assert {"linear", "adjoint", "differentiable", *op.structure} <= {c.property for c in op.claims()}


def test_a_parameter_changed_in_place_changes_the_norm() -> None:
    parameter = torch.nn.Parameter(torch.eye(2))
    op = 2.0 * Dense(parameter).normal()
    assert op.norm().upper == pytest.approx(2.0)
    with torch.no_grad():
        parameter.mul_(3.0)
    assert op.norm().upper == pytest.approx(18.0)
    parameter.data = torch.eye(2)
    assert op.norm().upper == pytest.approx(2.0)


def test_the_norm_is_computed_once(monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(Dense, "_norm", lambda self, original=Dense._norm: calls.append(1) or original(self))
    op = Dense(torch.eye(3))
    assert op.norm() is op.norm()
    assert len(calls) == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda op: pickle.loads(pickle.dumps(op))], ids=["copy", "pickle"])
def test_a_copy_never_reads_the_norm_of_the_original(copied) -> None:
    op = Dense(torch.eye(2))
    op.matrix.mul_(1.0)
    op.matrix.mul_(1.0)
    op.norm()
    other = copied(op)
    other.matrix.mul_(3.0)
    other.matrix.mul_(3.0)
    assert other.norm().upper == pytest.approx(9.0)


def test_the_norm_is_known_in_inference_mode_and_follows_changes_there() -> None:
    with torch.inference_mode():
        op = Dense(torch.eye(2))
        assert op.norm().upper == pytest.approx(1.0)
        op.matrix.mul_(2.0)
        assert op.norm().upper == pytest.approx(2.0)


def test_the_adjoint_test_rejects_wrong_adjoints(gap) -> None:
    class Unconjugated(Dense):
        def _adjoint(self, y):
            return y @ self.matrix

    class Slightly(Dense):
        def _adjoint(self, y):
            return (1 + 1e-9) * super()._adjoint(y)

    m = torch.randn(4, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    assert gap(Dense(m)) < 1e-14
    assert gap(Unconjugated(m)) > 1e-2
    assert gap(Slightly(m)) > 1e-12


def test_an_operator_refuses_a_product_with_something_else() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        Identity((2,)) + 1
    with pytest.raises(TypeError, match="unsupported operand"):
        Identity((2,)) - 1
