"""Nonlinear operators: derivatives against differences, in pairs, through algebra and to second order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from invkit.claims import ASSUMED, find_claim
from invkit.errors import ConfigError, ShapeError
from invkit.measures import adjoint_mismatch, jvp_error, norm_interval_error, vjp_error
from invkit.operators import (
    BeerLambert,
    Dense,
    Exp,
    Fourier,
    FromFunction,
    Identity,
    Interval,
    Linearisation,
    LinearOperator,
    Log,
    NonlinearComposition,
    NonlinearScaled,
    NonlinearSum,
    Operator,
    Sigmoid,
    Softplus,
    Space,
    Square,
)
from invkit.testing import check

REAL, COMPLEX = torch.float64, torch.complex128
SPACE, CSPACE = Space((1, 3, 5), REAL), Space((1, 3, 5), COMPLEX)


def matrix(rows: int = 4, dtype: torch.dtype = REAL) -> Dense:
    g = torch.Generator().manual_seed(3)
    return Dense(0.3 * torch.randn(rows, 15, dtype=dtype, generator=g), (1, 3, 5))


def neighbours(x: torch.Tensor) -> torch.Tensor:
    return x.sin() * x.roll(1, -1)


def specimens() -> dict[str, Operator]:
    dense = matrix()
    flat = torch.tensor([2.0, 0.5, 1.0, 3.0], dtype=REAL)
    return {
        "exp": Exp(SPACE),
        "complex-exp": Exp(CSPACE),
        "log": Log(SPACE, 0.05),
        "softplus": Softplus(SPACE, 3.0),
        "sigmoid": Sigmoid(SPACE, -1.0, 2.0),
        "square": Square(SPACE),
        "complex-square": Square(CSPACE),
        "beer-lambert": BeerLambert(dense, flat),
        "function": FromFunction(neighbours, SPACE, SPACE),
        "complex-function": FromFunction(lambda x: x * x.abs() + x.conj() * x.roll(1, -1), CSPACE, CSPACE),
        "magnitude": FromFunction(lambda x: x.abs(), CSPACE, SPACE),
        "composition": BeerLambert(dense, flat) @ Exp(SPACE),
        "linear-after": dense @ Square(SPACE),
        "linear-before": Exp(CSPACE) @ Fourier((3, 5), dtype=COMPLEX),
        "sum": Exp(SPACE) + Identity((3, 5), 1, REAL),
        "difference": Square(SPACE) - Exp(SPACE),
        "scaled": (0.5 - 2j) * Square(CSPACE),
        "learned": torch.tensor(0.7, dtype=REAL) * Exp(SPACE),
        "minus": -Exp(SPACE),
    }


@pytest.fixture(params=specimens())
def op(request) -> Operator:
    return specimens()[request.param]


def images(space: Space, batch: int, seed: int = 0) -> torch.Tensor:
    return space.randn(batch, generator=torch.Generator().manual_seed(seed))


def test_the_jvp_is_the_central_difference(op: Operator) -> None:
    x, v, h = images(op.domain, 3), images(op.domain, 3, 1), 1e-5
    want = (op.forward(x + h * v) - op.forward(x - h * v)) / (2 * h)
    got = op.jvp(x, v)
    assert got.shape == (3, *op.codomain.shape)
    assert float((got - want).abs().max()) <= 1e-7 * max(1.0, float(want.abs().max()))
    wrong = op.jvp(x + 0.1, v)
    assert float((wrong - want).abs().max()) > 1e-3  # the derivative at another point is rejected


def test_jvp_and_vjp_are_transposes(op: Operator) -> None:
    x, v, z = images(op.domain, 3), images(op.domain, 3, 1), images(op.codomain, 3, 2)
    left = (op.jvp(x, v) * z.conj()).real.flatten(1).sum(1)
    right = (v * op.vjp(x, z).conj()).real.flatten(1).sum(1)
    scale = op.jvp(x, v).abs().square().flatten(1).sum(1).sqrt() * z.abs().square().flatten(1).sum(1).sqrt()
    assert ((left - right).abs() <= 1e-12 * scale).all()


def test_the_measures_agree_with_torch_in_both_precisions(op: Operator) -> None:
    for case in (op, op.to(dtype=torch.float32)):
        for measure in (jvp_error, vjp_error):
            assert measure(case, generator=torch.Generator().manual_seed(0)).passed


def test_images_do_not_meet_and_a_batch_may_be_empty(op: Operator) -> None:
    x, v, z = images(op.domain, 3), images(op.domain, 3, 1), images(op.codomain, 3, 2)
    kept = x.clone(), v.clone(), z.clone()
    for call in (lambda s: op.forward(x[s]), lambda s: op.jvp(x[s], v[s]), lambda s: op.vjp(x[s], z[s])):
        torch.testing.assert_close(call(slice(1, 2)), call(slice(0, 3))[1:2], rtol=1e-13, atol=1e-13)
        assert call(slice(0, 0)).shape[0] == 0
        assert not call(slice(0, 3)).requires_grad
    for tensor, copy in zip((x, v, z), kept, strict=True):
        assert torch.equal(tensor, copy)


def test_derivatives_can_be_differentiated_again(op: Operator) -> None:
    x, v, z = (t.requires_grad_() for t in (images(op.domain, 1), images(op.domain, 1, 1), images(op.codomain, 1, 2)))
    assert torch.autograd.gradcheck(op.vjp, (x, z), fast_mode=True, atol=1e-4)
    assert torch.autograd.gradcheck(op.jvp, (x, v), fast_mode=True, atol=1e-4)


def test_nothing_is_kept_for_autograd_where_it_is_off(op: Operator) -> None:
    x, v, z = images(op.domain, 2), images(op.domain, 2, 1), images(op.codomain, 2, 2)
    with torch.no_grad():
        for result in (op.forward(x), op.jvp(x, v), op.vjp(x, z)):
            assert not result.requires_grad


def test_they_claim_to_be_differentiable_and_not_to_be_linear(op: Operator) -> None:
    assert find_claim(op.claims(), "differentiable") is not None
    assert find_claim(op.claims(), "linear") is None
    assert find_claim(FromFunction(torch.sin, SPACE, SPACE).claims(), "differentiable").basis == ASSUMED


def test_the_values_are_those_of_numpy() -> None:
    x = images(SPACE, 2)
    n = x.numpy()
    np.testing.assert_allclose(Exp(SPACE).forward(x).numpy(), np.exp(n), rtol=1e-14)
    np.testing.assert_allclose(Log(SPACE, 0.05).forward(x).numpy(), np.log(np.maximum(n, 0.05)), rtol=1e-14)
    np.testing.assert_allclose(Softplus(SPACE, 3.0).forward(x).numpy(), np.log1p(np.exp(3 * n)) / 3, rtol=1e-12)
    np.testing.assert_allclose(Sigmoid(SPACE, -1, 2).forward(x).numpy(), -1 + 3 / (1 + np.exp(-n)), rtol=1e-13)
    np.testing.assert_allclose(Square(SPACE).forward(x).numpy(), n**2, rtol=1e-14)
    a, flat = matrix(), torch.tensor([2.0, 0.5, 1.0, 3.0], dtype=REAL)
    want = flat.numpy() * np.exp(-n.reshape(2, 15) @ a.matrix.numpy().T)
    np.testing.assert_allclose(BeerLambert(a, flat).forward(x).numpy(), want, rtol=1e-13)
    np.testing.assert_allclose((BeerLambert(a, 2.0) @ Exp(SPACE)).forward(x).numpy(),
                               2 * np.exp(-np.exp(n).reshape(2, 15) @ a.matrix.numpy().T), rtol=1e-12)  # fmt: skip


def test_large_arguments_are_neither_infinite_nor_nan() -> None:
    x = torch.tensor([-800.0, -30.0, 0.0, 30.0, 800.0], dtype=REAL).expand(1, 1, 3, 5).clone().requires_grad_()
    for op in (Softplus(SPACE), Sigmoid(SPACE), Log(SPACE)):
        value, slope = op.forward(x), op.jvp(x, torch.ones_like(x))
        assert torch.isfinite(value).all()
        assert torch.isfinite(slope).all()
        torch.testing.assert_close(slope, torch.autograd.grad(value.sum(), x)[0], rtol=1e-12, atol=1e-14)
    assert Softplus(SPACE).forward(x)[0, 0, 0, 3].item() == 30.0 + np.log1p(np.exp(-30.0))


def test_gradients_reach_what_an_operator_was_built_from() -> None:
    x, z = images(SPACE, 2), images(matrix().codomain, 2)
    flat = torch.full((4,), 1.5, dtype=REAL, requires_grad=True)
    factor = torch.tensor(0.7, dtype=REAL, requires_grad=True)
    scale = torch.tensor(1.3, dtype=REAL, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda i, c: ((c * BeerLambert(matrix(), i)).forward(x), (c * BeerLambert(matrix(), i)).vjp(x, z)),
        (flat, factor),
    )
    assert torch.autograd.gradcheck(
        lambda s: (
            FromFunction(lambda x: (s * x).sin(), SPACE, SPACE).jvp(x, x),
            FromFunction(lambda x: (s * x).sin(), SPACE, SPACE).vjp(x, x),
        ),
        (scale,),
    )


def test_linear_parts_stay_linear_and_mixed_ones_do_not() -> None:
    a, i = matrix(), Identity((3, 5), 1, REAL)
    for linear in (a @ i, i + i, i - i, 2.0 * a, -a):
        assert isinstance(linear, LinearOperator)
    assert isinstance(a @ Exp(SPACE), NonlinearComposition)
    assert isinstance(i + Exp(SPACE), NonlinearSum)
    assert isinstance(2.0 * Exp(SPACE), NonlinearScaled)
    assert not isinstance(a @ Exp(SPACE), LinearOperator)
    with pytest.raises(TypeError, match="unsupported operand"):
        a @ 3.0
    with pytest.raises(ShapeError, match="codomain of the right operator"):
        Exp(SPACE) @ a
    with pytest.raises(ShapeError, match="factor is 1j, expected a real one"):
        1j * Exp(SPACE)
    with pytest.raises(ConfigError, match="expected a finite number"):
        float("nan") * Exp(SPACE)


def test_the_linearisation_is_the_jacobian(op: Operator) -> None:
    x = images(op.domain, 2)
    jacobian = Linearisation(op, x)
    v = images(op.domain, 2, 1)
    torch.testing.assert_close(jacobian.forward(v), op.jvp(x, v))
    torch.testing.assert_close(jacobian.adjoint(op.forward(x)), op.vjp(x, op.forward(x)))
    with pytest.raises(ShapeError, match="there are 3 images, expected 2, as x has"):
        jacobian.forward(images(op.domain, 3))
    if not (op.domain.is_complex ^ op.codomain.is_complex) and not isinstance(op, FromFunction):
        assert adjoint_mismatch(Linearisation(op, x[:1]), generator=torch.Generator().manual_seed(0)).passed


def test_its_norm_holds_and_is_not_guessed() -> None:
    g = torch.Generator().manual_seed(0)
    for name in ("exp", "log", "softplus", "sigmoid", "square", "complex-square", "beer-lambert", "composition",
                 "linear-after", "linear-before", "sum", "difference", "scaled", "learned"):  # fmt: skip
        op = specimens()[name]
        jacobian = Linearisation(op, images(op.domain, 1))
        assert norm_interval_error(jacobian, generator=g).passed, name
        assert not norm_interval_error(
            Linearisation(op, images(op.domain, 1), Interval(0.0, 0.1 * jacobian.norm().upper / 15, "")), generator=g
        ).passed
    exact = Linearisation(Exp(SPACE), images(SPACE, 2)).norm()
    assert exact.lower <= float(images(SPACE, 2).exp().max()) <= exact.upper
    unknown = Linearisation(specimens()["function"], images(SPACE, 1))
    with pytest.raises(ConfigError, match="bound is None for FromFunction, expected an Interval"):
        unknown.norm()
    assert Linearisation(specimens()["function"], images(SPACE, 1), Interval(0, 3.0, "given")).norm().upper >= 3.0


def test_gauss_newton_solves_a_small_problem_by_linearisations() -> None:
    """x <- x + (J*J)^-1 J* (y - F(x)) with the Jacobian built column by column."""
    op = BeerLambert(Dense(torch.rand(9, 4, dtype=REAL, generator=torch.Generator().manual_seed(1))))
    truth = torch.tensor([[0.2, 1.0, 0.5, 0.3]], dtype=REAL)
    y, x = op.forward(truth), torch.zeros(1, 4, dtype=REAL)
    for _ in range(12):
        jacobian = Linearisation(op, x)
        columns = jacobian.forward(torch.eye(4, dtype=REAL)).T
        x = x + torch.linalg.lstsq(columns, (y - op.forward(x)).T).solution.T
    torch.testing.assert_close(x, truth, rtol=1e-10, atol=1e-10)


class WrongJvp(Exp):
    """The derivative of exp is taken for 1 + x."""

    def _jvp(self, x, v):  # type: ignore[misc]
        return (1 + x) * v


class SignForgotten(BeerLambert):
    def _jvp(self, x, v):
        return self._forward(x) * self.operator.forward(v)


def test_the_measure_refutes_a_wrong_jvp() -> None:
    for wrong in (WrongJvp(SPACE), SignForgotten(matrix())):
        assert not jvp_error(wrong, generator=torch.Generator().manual_seed(0)).passed
        assert vjp_error(wrong, generator=torch.Generator().manual_seed(0)).passed


def test_check_refutes_an_operator_with_a_wrong_jvp_and_no_right_one() -> None:
    wrong = check(WrongJvp(SPACE))
    assert {result.check for result in wrong.refuted} == {"jacobian-product"}
    assert not wrong.failed
    for right in (Exp(SPACE), Square(CSPACE), BeerLambert(matrix(), 2.0), specimens()["function"]):
        report = check(right)
        assert not report.refuted
        assert not report.failed


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Log: floor is 0.0, expected a positive number"):
        Log(SPACE, 0.0)
    with pytest.raises(ConfigError, match=r"Softplus: sharpness is -1.0"):
        Softplus(SPACE, -1.0)
    with pytest.raises(ConfigError, match=r"Sigmoid: bounds are \[1.0, 0.0\], expected finite low < high"):
        Sigmoid(SPACE, 1.0, 0.0)
    for kind in (Log, Softplus, Sigmoid):
        with pytest.raises(ShapeError, match=r"space is torch.complex128, expected a real one"):
            kind(CSPACE)
    with pytest.raises(ShapeError, match=r"BeerLambert: operator has dtype torch.complex128, expected a real one"):
        BeerLambert(matrix(dtype=COMPLEX))
    with pytest.raises(ShapeError, match=r"intensity has shape \(1, 4\) .* broadcasts to \(4,\)"):
        BeerLambert(matrix(), torch.ones(1, 4))
    with pytest.raises(ConfigError, match=r"intensity is between 0.0 and 1.0, expected positive finite numbers"):
        BeerLambert(matrix(), torch.tensor([0.0, 1.0, 1.0, 1.0]))
    with pytest.raises(ShapeError, match=r"FromFunction: result of the function: tensor has shape \(1, 3\)"):
        FromFunction(lambda x: x[:, 0, :, 0], SPACE, SPACE).forward(images(SPACE, 1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("floor", [1e-12, 1e-50, 1e-320])
def test_a_logarithm_is_finite_in_every_precision_whatever_its_floor(floor, dtype) -> None:
    operator = Log(Space((3,), dtype), floor)
    x = torch.tensor([[0.0, -1.0, 1.0]], dtype=dtype)
    lowest = max(floor, float(np.finfo(str(dtype).split(".")[1]).tiny))
    want = torch.tensor([[np.log(lowest), np.log(lowest), 0.0]], dtype=dtype)
    torch.testing.assert_close(operator.forward(x), want)
    torch.testing.assert_close(operator.vjp(x, torch.ones_like(x)), torch.tensor([[0.0, 0.0, 1.0]], dtype=dtype))
    assert torch.isfinite(operator.vjp(torch.full_like(x, lowest), torch.ones_like(x))).all()


def test_the_bound_of_the_slope_holds_where_line_integrals_cancel(draw) -> None:
    """Numbers of a thousand that cancel leave an error of 1e-4 in A x, and so a relative one in exp(-A x)."""
    for seed in range(20):
        row = draw((1, 64), torch.float32, seed)
        x = 300 * draw((1, 64), torch.float32, 100 + seed)
        x -= row * (row @ x.mT) / row.square().sum()  # A x = 0 but for rounding
        bound = Linearisation(BeerLambert(Dense(row)), x).norm()
        wide = row.double()
        truth = float((-(wide @ x.double().mT)).exp() * wide.norm())
        assert truth <= bound.upper
