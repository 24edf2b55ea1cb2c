from __future__ import annotations

import warnings
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
import torch
from tensor_derivatives import tgv_expression

from invkit.claims import BY_CONSTRUCTION
from invkit.errors import ConfigError, ConvergenceError, DataError, ShapeError
from invkit.functionals import TGV, Box, SquaredL2, least_squares, lifted, tgv, total_variation
from invkit.functionals.base import Functional
from invkit.guarantees import explain
from invkit.models import Stopping, Variational
from invkit.operators import Dense, Identity, Space
from invkit.solvers import PDHG, solve

SHAPE = (5, 4)
DOMAIN = Space((1, *SHAPE), torch.float64)
CASES = [
    ((5, 4), (1.7, 0.9), "neumann", (1.0, 1.0), torch.float64),
    ((5, 4), (2.1, 1.4, 0.8), "neumann", (0.5, 2.0), torch.float64),
    ((4, 3), (1.7, 0.9), "periodic", (0.5, 2.0), torch.float64),
    ((4, 3), (1.7, 0.9), "neumann", (1.0, 1.0), torch.complex128),
    ((3, 3, 4), (1.7, 0.9), "neumann", (1.0, 0.5, 1.5), torch.float64),
    ((7,), (1.5, 1.2, 0.8, 0.6), "neumann", (1.0,), torch.float64),
]


def minimum(objective, constraints=()) -> float:
    """cvxpy's minimum; asked for more than it can always reach, it warns and returns the best it found."""
    problem = cp.Problem(cp.Minimize(objective), list(constraints))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10)
    assert problem.status in ("optimal", "optimal_inaccurate")
    return problem.value


@pytest.mark.parametrize(("shape", "weights", "boundary", "spacing", "dtype"), CASES)
def test_its_value_is_the_minimum_over_the_tensor_fields(shape, weights, boundary, spacing, dtype, draw) -> None:
    x = draw((2, 2, *shape), dtype)
    f = tgv(Space((2, *shape), dtype), order=len(weights), weights=weights, boundary=boundary, spacing=spacing)
    values = f.value(x)
    assert values.dtype == torch.float64
    for image, value in zip(x.numpy(), values.tolist(), strict=True):
        total = 0.0
        for channel in image:
            fixed = cp.Constant(channel.reshape(-1))
            expression = tgv_expression(fixed, shape, weights, boundary == "periodic", spacing)
            total += minimum(expression)
        assert value == pytest.approx(total, rel=3e-6)
    # Each image has the value that it has alone, and in single precision.
    torch.testing.assert_close(f.value(x[1:]), values[1:], rtol=2e-6, atol=0)
    single = f.to(dtype=torch.float32)
    torch.testing.assert_close(single.value(x.to(single.space.dtype)), values.float(), rtol=3e-6, atol=0)
    assert f.value(x[:0]).shape == (0,)


@pytest.mark.parametrize("order", [2, 3])
def test_it_is_zero_for_polynomials_of_less_than_its_order_and_for_no_others(order) -> None:
    shape, generator = (7, 6), np.random.default_rng(0)
    i, j = np.meshgrid(np.arange(7.0), np.arange(6.0), indexing="ij")
    monomials = [i**a * j**b for a in range(order + 1) for b in range(order + 1 - a)]
    f = tgv(Space((1, *shape), torch.float64), order=order)
    for a in range(order + 1):
        for b in range(order + 1 - a):
            x = torch.as_tensor(100 + 3 * i**a * j**b)[None, None]
            variation = total_variation(f.space).value(x).item()
            if a + b < order:
                assert f.value(x).item() <= 1e-12 * variation + 1e-12
            else:
                assert f.value(x).item() > 0.05 * variation
    kernel = sum(generator.normal() * m for m in monomials if m.max() < 6.5 ** (order - 1) * 1.2)
    assert f.value(torch.as_tensor(kernel + 0 * i)[None, None]).item() < 1e-9


def test_a_huge_weight_of_the_highest_derivative_leaves_total_variation_of_the_rest_of_a_slope(draw) -> None:
    # E w = 0 forces w to be constant but for rotations; without a slope to follow, w = 0 is the best.
    x = draw((2, 1, *SHAPE)).sign()
    x = torch.cat((x, -x, x), -1).repeat(1, 1, 3, 1)
    domain = Space(tuple(x.shape[1:]), torch.float64)
    huge = tgv(domain, weights=(1e4, 0.9)).value(x)
    variation = 0.9 * total_variation(domain).value(x)
    assert bool((huge <= variation * (1 + 1e-9)).all())
    assert bool((huge >= 0.9 * variation).all())
    tiny = tgv(domain, weights=(1e-9, 0.9)).value(x)
    assert bool((tiny < 1e-6 * variation).all())


def test_scaling_and_sums_keep_the_value(draw) -> None:
    x, f = draw((2, 1, *SHAPE)), tgv(DOMAIN, weights=(1.7, 0.9))
    torch.testing.assert_close((0.3 * f).value(x), 0.3 * f.value(x))
    torch.testing.assert_close(tgv(DOMAIN, weights=(17.0, 9.0)).value(x), 10 * f.value(x), rtol=3e-6, atol=0)
    torch.testing.assert_close(f.value(-2.5 * x), 2.5 * f.value(x), rtol=3e-6, atol=0)
    torch.testing.assert_close((f + SquaredL2()).value(x), f.value(x) + 0.5 * x.square().sum((1, 2, 3)))
    assert repr(0.3 * f) == "0.3 * TGV(weights=(1.7, 0.9))"


def test_gradients_reach_the_weights_and_the_image(draw) -> None:
    weights = torch.tensor([1.7, 0.9], dtype=torch.float64, requires_grad=True)
    x = draw((2, 1, *SHAPE)).requires_grad_()

    def value(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return TGV(DOMAIN, (a[0], a[1]), rtol=1e-9).value(x).sum()

    found = torch.autograd.grad(value(weights, x), (weights, x))
    with torch.no_grad():
        for at, grad in zip((weights, x), found, strict=True):
            direction = torch.randn(at.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
            h = 1e-5 * direction
            ends = [(weights + s * h, x) if at is weights else (weights, x + s * h) for s in (1, -1)]
            slope = (value(*ends[0]) - value(*ends[1])).item() / 2e-5
            assert (grad * direction).sum().item() == pytest.approx(slope, rel=1e-4)


SOLVED = [
    ((5, 4), (1.7, 0.9), "neumann", (1.0, 1.0), torch.float64),
    ((4, 3), (1.7, 0.9), "periodic", (0.7, 1.5), torch.float64),
    ((4, 3), (1.7, 0.9), "neumann", (1.0, 1.0), torch.complex128),
    ((3, 2, 3), (1.7, 0.9), "neumann", (1.0, 0.8, 1.5), torch.float64),
    ((4, 4), (2.1, 1.4, 0.8), "neumann", (1.0, 1.0), torch.float64),
]


@pytest.mark.parametrize(("shape", "weights", "boundary", "spacing", "dtype"), SOLVED)
def test_pdhg_reaches_the_minimum_of_cvxpy_in_both_orders(shape, weights, boundary, spacing, dtype, draw) -> None:
    size = int(np.prod(shape))
    y = 2 * draw((2, 1, *shape), dtype)
    f = tgv(Space((1, *shape), dtype), order=len(weights), weights=weights, boundary=boundary, spacing=spacing)
    minima, minimisers = [], []
    for image in y.numpy():
        x = cp.Variable(size, complex=dtype.is_complex)
        penalty = tgv_expression(x, shape, weights, boundary == "periodic", spacing)
        minima.append(minimum(0.7 * cp.sum_squares(x - image.reshape(-1)) + 0.3 * penalty))
        minimisers.append(x.value)
    for terms in ([1.4 * SquaredL2(y), 0.3 * f], [0.3 * f, 1.4 * SquaredL2(y)]):
        objective = terms[0] + terms[1]
        solution = solve(objective, PDHG(balance=0.3), rtol=1e-6, max_steps=2500, check_every=100)
        assert solution.x.shape == y.shape
        exact = replace(f, rtol=1e-8)
        reached = (1.4 * SquaredL2(y) + 0.3 * exact).value(solution.x).numpy()
        assert (reached <= np.array(minima) + 1e-6 * (1 + np.abs(minima))).all()
        np.testing.assert_allclose(solution.x.flatten(1).numpy(), np.stack(minimisers), atol=1e-3)


def test_least_squares_with_a_constraint_reaches_the_minimum_of_cvxpy_in_every_order(draw) -> None:
    shape = (4, 3)
    matrix, y = draw((14, 12), seed=1), 2 * draw((2, 14), seed=2)
    op = Dense(matrix, (1, *shape))
    f = TGV(op.domain, (1.7, 0.9), rtol=1e-8)
    minima, minimisers = [], []
    for data in y.numpy():
        x = cp.Variable(12)
        fit = 0.4 * cp.sum_squares(matrix.numpy() @ x - data)
        minima.append(minimum(fit + 0.6 * tgv_expression(x, shape, (1.7, 0.9)), [x >= 0]))
        minimisers.append(x.value)
    parts: list[Functional] = [0.8 * least_squares(op, y), 0.6 * f, Box(0.0)]
    for shift in range(3):
        terms = parts[shift:] + parts[:shift]
        start = draw((2, 1, *shape), seed=3)
        objective = terms[0] + terms[1] + terms[2]
        solution = solve(objective, PDHG(), start, rtol=1e-6, max_steps=3000, check_every=100)
        reached = objective.value(solution.x).numpy()  # infinite unless every pixel is >= 0
        assert (reached <= np.array(minima) + 1e-6 * (1 + np.abs(minima))).all()
        np.testing.assert_allclose(solution.x.flatten(1).numpy(), np.stack(minimisers), atol=1e-3)


def test_the_lifted_objective_is_the_joint_one_over_image_and_fields(draw) -> None:
    op, y = Dense(draw((24, 20)), (1, *SHAPE)), draw((2, 24))
    f = tgv(op.domain, order=3)
    joint, restriction = lifted(least_squares(op, y) + 0.3 * f)
    assert restriction is not None
    u = draw((2, 1 + 2 + 3, *SHAPE))
    assert restriction.domain.shape == u.shape[1:]
    torch.testing.assert_close(restriction.forward(u), u[:, :1])
    image = least_squares(op, y).value(u[:, :1])
    torch.testing.assert_close(joint.value(u), image + 0.3 * f.joint.value(u))
    # Whatever the fields are, the value is not below the minimum over them.
    assert bool((f.joint.value(u) >= f.value(u[:, :1])).all())
    plain = least_squares(op, y) + 0.3 * total_variation(op.domain)
    assert lifted(plain) == (plain, None)


def test_objectives_that_cannot_be_lifted_are_refused(draw) -> None:
    f = tgv(DOMAIN)
    with pytest.raises(ConfigError, match="there are 2 terms with unknowns of their own"):
        lifted(f + 0.5 * f)
    with pytest.raises(ConfigError, match="stands behind an operator"):
        lifted(SquaredL2() + f @ Dense(draw((20, 20)), DOMAIN.shape, DOMAIN.shape))


def test_settings_that_are_not_possible_are_refused(draw) -> None:
    with pytest.raises(ConfigError, match="order is 1, expected a whole number >= 2. Use total_variation"):
        tgv(DOMAIN, order=1)
    with pytest.raises(ConfigError, match="there are 2 weights, expected 3"):
        tgv(DOMAIN, order=3, weights=(1.0, 2.0))
    with pytest.raises(ConfigError, match="weight is -1.0"):
        tgv(DOMAIN, weights=(1.0, -1.0))
    with pytest.raises(ConfigError, match="there are 1 weights, expected at least 2"):
        TGV(DOMAIN, (1.0,))
    with pytest.raises(ConfigError, match="boundary is 'zero'"):
        tgv(DOMAIN, boundary="zero")  # type: ignore[arg-type]
    with pytest.raises(ConvergenceError, match="the duality gap is .* of the value after 2 steps"):
        TGV(DOMAIN, max_steps=2).value(draw((1, 1, *SHAPE)))
    with pytest.raises(ShapeError, match="have 8192 numbers, expected at most 6000"):
        tgv(Space((1, 64, 64))).value(torch.zeros(1, 1, 64, 64))


def test_slopes_are_not_turned_into_stairs() -> None:
    """A ramp that ends in a step, with noise: TGV keeps it, TV makes stairs of it."""
    i, j = torch.meshgrid(torch.linspace(0, 1, 24), torch.linspace(0, 1, 24), indexing="ij")
    truth = torch.where(j < 0.6, i + 2 * j, 0.5 - 0.5 * i).double()[None, None]
    y = truth + 0.1 * torch.randn(truth.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    identity = Identity((24, 24), 1, torch.float64)
    stopping = Stopping(rtol=1e-3, max_steps=1500, check_every=50)
    errors, flat = {}, {}
    for name, regulariser in (("tv", total_variation), ("tgv", tgv)):
        errors[name] = np.inf
        for weight in (0.05, 0.08, 0.12):
            x = Variational(regulariser, weight, stopping=stopping)(y, identity)
            error = (x - truth).square().mean().sqrt().item()
            if error < errors[name]:
                # How much of the ramp is flat along its slope, where the truth rises by 2 / 23 a pixel.
                steps = x[..., 2:-2, 2:12].diff(dim=-1).abs()
                errors[name], flat[name] = error, (steps < 0.25 * 2 / 23).double().mean().item()
    assert errors["tgv"] < 0.75 * errors["tv"]
    assert flat["tv"] > 0.15
    assert flat["tgv"] < 0.02


def test_pdhg_is_known_to_converge_and_the_tree_names_the_blocks() -> None:
    for nonnegative in (False, True):
        tree = explain(Variational(tgv, 0.1, nonnegative=nonnegative), Identity(SHAPE, 1, torch.float64))
        theorem = tree.theorem("adaptive-pdhg-convergence")
        assert tree.holds
        assert tree.basis is BY_CONSTRUCTION
        assert "PDHG: the iterates converge" in theorem.statement
        assert sum("TensorResidual" in node.statement for node in theorem.children) >= 2


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_the_value_names_the_image_that_is_not_finite(wrong) -> None:
    x = torch.ones(3, 2, 4, 3, dtype=torch.float64)
    x[2, 1, 0, 0] = wrong
    with pytest.raises(DataError, match=r"TGV\.value: image 2 has 1 values that are NaN or inf"):
        tgv(Space((2, 4, 3), torch.float64)).value(x)
