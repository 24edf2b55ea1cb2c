"""Fixed points: of any map, and of the maps of nonsmooth problems."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch
from convex_problems import PROBLEMS
from learned_minimisers import noise
from torch import Tensor, nn

from invkit.differentiation import (
    Anderson,
    Broyden,
    Implicit,
    ImplicitFixedPoint,
    JacobianFree,
    differentiable_solve,
    fixed_point,
)
from invkit.errors import ConfigError, ConvergenceError, DataError
from invkit.functionals import L1, Box, SquaredL2, least_squares, tgv, total_variation
from invkit.operators import Dense
from invkit.solvers import FISTA, PDHG, ProximalGradient

SOLVERS = ["anderson", "broyden", "picard"]
LINEAR = ["neumann", "anderson", "broyden", "gmres"]
TIGHT = {"rtol": 1e-12, "max_steps": 500}


class Layer(nn.Module):
    """x -> tanh(x W + b) + y, a contraction."""

    def __init__(self, y: Tensor, size: int = 5, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.25 * noise((size, size), dtype, 1))
        self.bias = nn.Parameter(noise((size,), dtype, 2))
        self.y = y

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.weight + self.bias) + self.y


def loss(x: Tensor) -> Tensor:
    return (x.abs() ** 3).sum()


def differences(layer: Layer, tensor: Tensor, step: float = 1e-5) -> Tensor:
    """Every entry of the gradient, by fixed points that a plain loop finds."""

    def value() -> float:
        with torch.no_grad():
            x = layer.y.detach().clone()
            for _ in range(300):
                x = layer(x)
        return float(loss(x))

    flat, found = torch.view_as_real(tensor.data) if tensor.is_complex() else tensor.data, []
    flat = flat.view(-1)
    for i in range(len(flat)):
        flat[i] += step
        above = value()
        flat[i] -= 2 * step
        found.append((above - value()) / (2 * step))
        flat[i] += step
    out = torch.tensor(found, dtype=torch.float64)
    return torch.view_as_complex(out.reshape(*tensor.shape, 2)) if tensor.is_complex() else out.reshape(tensor.shape)


@pytest.fixture(scope="module", params=[torch.float64, torch.complex128], ids=["real", "complex"])
def case(request: pytest.FixtureRequest) -> tuple[Layer, list[Tensor], list[Tensor]]:
    size = 5 if request.param == torch.float64 else 3
    y = noise((2, size), request.param, 3).requires_grad_()
    layer = Layer(y, size, request.param)
    tensors = [layer.weight, layer.bias, y]
    return layer, tensors, [differences(layer, tensor) for tensor in tensors]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("linear_solver", LINEAR)
def test_gradients_of_a_network_agree_with_differences(case, solver: str, linear_solver: str) -> None:
    layer, tensors, wanted = case
    how = ImplicitFixedPoint(linear_solver=linear_solver, rtol=1e-11)
    found = fixed_point(layer, torch.zeros_like(layer.y), theta=(layer.y,), solver=solver, how=how, **TIGHT)
    assert bool(found.require_converged().converged.all())
    for gradient, reference in zip(torch.autograd.grad(loss(found.x), tensors), wanted, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-6, atol=1e-7)


def test_the_comparison_rejects_a_gradient_of_one_application(case) -> None:
    layer, tensors, wanted = case
    found = fixed_point(layer, torch.zeros_like(layer.y), theta=(layer.y,), how=JacobianFree(), **TIGHT)
    for gradient, reference in zip(torch.autograd.grad(loss(found.x), tensors), wanted, strict=True):
        assert float((gradient - reference).abs().max() / reference.abs().max()) > 1e-3


def test_second_derivatives_of_a_fixed_point_pass_torchs_check() -> None:
    def run(weight: Tensor, y: Tensor) -> Tensor:
        how = ImplicitFixedPoint(rtol=1e-13)
        x0 = torch.zeros_like(y)
        return fixed_point(lambda x: torch.tanh(x @ weight) + y, x0, theta=(weight, y), how=how, rtol=1e-14).x

    inputs = (0.3 * noise((3, 3), seed=1)).requires_grad_(), noise((2, 3), seed=2).requires_grad_()
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


def test_a_map_with_a_hidden_tensor_raises() -> None:
    weight = (0.3 * noise((3, 3), seed=1)).requires_grad_()
    with pytest.raises(ConfigError, match=r"fixed_point: the solution depends on a tensor of shape \(3, 3\)"):
        fixed_point(lambda x: torch.tanh(x @ weight), noise((2, 3)))
    layer = Layer(noise((2, 5)).requires_grad_())  # its parameters are found, its data is not
    with pytest.raises(ConfigError, match=r"tensor of shape \(2, 5\)"):
        fixed_point(layer, noise((2, 5)))


def test_an_affine_map_is_solved_in_as_many_steps_as_unknowns() -> None:
    # |J| is close to 1: the plain iteration needs hundreds of steps.
    q, _ = torch.linalg.qr(noise((4, 4), seed=1))
    matrix = q @ torch.diag(torch.tensor([0.99, 0.9, -0.5, 0.2], dtype=torch.float64)) @ q.mT
    b = noise((2, 4), seed=2)
    wanted = torch.linalg.solve(torch.eye(4, dtype=torch.float64) - matrix, b.mT).mT
    steps = {}
    for solver in SOLVERS:
        found = fixed_point(lambda x: x @ matrix + b, torch.zeros_like(b), solver=solver, rtol=1e-10, max_steps=5000)
        torch.testing.assert_close(found.x, wanted, rtol=1e-7, atol=1e-7)
        steps[solver] = int(found.steps.max())
    assert steps["anderson"] <= 8
    assert steps["broyden"] <= 12
    assert steps["picard"] > 1000


@pytest.mark.parametrize("solver", [Anderson(3), Broyden(4), "picard"])
def test_images_stop_by_themselves(solver) -> None:
    layer = Layer(noise((3, 5), seed=4))
    layer.y[1] = 0.0
    layer.requires_grad_(False)
    together = fixed_point(layer, torch.zeros(3, 5, dtype=torch.float64), solver=solver, **TIGHT)
    for i in range(3):
        alone = Layer(layer.y[i : i + 1]).requires_grad_(False)
        single = fixed_point(alone, torch.zeros(1, 5, dtype=torch.float64), solver=solver, **TIGHT)
        torch.testing.assert_close(single.x[0], together.x[i], rtol=1e-12, atol=1e-12)
        assert int(single.steps[0]) == int(together.steps[i])


def test_a_map_that_does_not_contract_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    with caplog.at_level(logging.WARNING, logger="invkit"):
        found = fixed_point(lambda x: w * x + 1, torch.zeros(2, 3), theta=(w,), solver="picard", max_steps=30)
    assert not found.converged.any()
    assert "2 of 2 images did not converge" in caplog.text
    with pytest.raises(ConvergenceError, match="2 of 2 images have relative residual"):
        found.require_converged()
    # The linear system of the same map is not a convergent series, and GMRES solves it.
    how = ImplicitFixedPoint(linear_solver="neumann", max_steps=50)
    exact = fixed_point(lambda x: w * x + 1, -torch.ones(2, 3), theta=(w,), how=how)
    with pytest.raises(ConvergenceError, match="50 steps of Affine"):
        exact.x.sum().backward(retain_graph=True)
    exact = fixed_point(lambda x: w * x + 1, -torch.ones(2, 3), theta=(w,))
    torch.testing.assert_close(torch.autograd.grad(exact.x.sum(), w)[0], torch.tensor(6.0))  # x = 1 / (1 - w)


def test_a_lasso_agrees_with_the_derivative_on_its_support() -> None:
    problem = PROBLEMS["lasso"]
    matrix = problem.terms(problem.y)[0].functional.operator.matrix
    y = problem.y.clone().requires_grad_()
    w = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    m = matrix.clone().requires_grad_()
    reference = torch.as_tensor(problem.minimiser())

    def on_support(matrix: Tensor, y: Tensor, w: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for image in range(2):
            support = reference[image].abs() > 1e-6
            a = matrix[:, support]
            rhs = 0.7 * a.mT @ y[image] - w * reference[image][support].sign()
            total = total + loss(torch.linalg.solve(0.7 * a.mT @ a, rhs))
        return total

    assert 0 < int((reference.abs() > 1e-6).sum()) < reference.numel()
    wanted = torch.autograd.grad(on_support(m, y, w), (m, y, w))
    for solver in (FISTA(), ProximalGradient(), PDHG()):
        for linear_solver in LINEAR:
            how = ImplicitFixedPoint(linear_solver=linear_solver, max_steps=5000)
            objective = 0.7 * least_squares(Dense(m), y) + w * L1()
            x = differentiable_solve(objective, solver, how=how, rtol=1e-10, max_steps=20_000).x
            torch.testing.assert_close(x.detach(), reference, rtol=1e-6, atol=1e-7)
            for found, value in zip(torch.autograd.grad(loss(x), (m, y, w)), wanted, strict=True):
                torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-6)


def test_a_constraint_holds_the_pixels_at_its_bound() -> None:
    problem = PROBLEMS["nonnegative"]
    matrix = problem.terms(problem.y)[0].functional.operator.matrix
    y, reference = problem.y.clone().requires_grad_(), torch.as_tensor(problem.minimiser())
    x = differentiable_solve(
        2.0 * least_squares(Dense(matrix), y) + Box(0.0), FISTA(), how=ImplicitFixedPoint(), rtol=1e-11, max_steps=9999
    ).x
    (found,) = torch.autograd.grad(loss(x), y)
    for image in range(2):
        a = matrix[:, reference[image] > 1e-6]
        wanted = a @ torch.linalg.solve(a.mT @ a, 3 * reference[image][reference[image] > 1e-6] ** 2)
        torch.testing.assert_close(found[image], wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=["real", "complex"])
def test_total_variation_is_differentiated_through_the_step_of_pdhg(dtype: torch.dtype) -> None:
    matrix = noise((14, 12), dtype, 4).requires_grad_()
    y, w = (2 * noise((2, 14), dtype, 5)).requires_grad_(), torch.tensor(1.7, dtype=torch.float64, requires_grad=True)

    def minimiser(matrix: Tensor, y: Tensor, w: Tensor, how: ImplicitFixedPoint | None = None) -> Tensor:
        operator = Dense(matrix, (1, 4, 3))
        objective = 0.8 * least_squares(operator, y) + w * total_variation(operator.domain)
        return differentiable_solve(objective, PDHG(balance=0.5), how=how, rtol=1e-11, max_steps=30_000).x

    x = minimiser(matrix, y, w, ImplicitFixedPoint(rtol=1e-9))
    found = torch.autograd.grad(loss(x), (matrix, y, w))
    step = 1e-5
    for i, (tensor, gradient) in enumerate(zip((matrix, y, w), found, strict=True)):
        direction = noise(tuple(tensor.shape), tensor.dtype, 20 + i)
        values = []
        for sign in (1, -1):
            shifted = [t.detach() for t in (matrix, y, w)]
            shifted[i] = shifted[i] + sign * step * direction
            with torch.no_grad():
                values.append(float(loss(minimiser(*shifted, ImplicitFixedPoint()))))
        wanted = (values[0] - values[1]) / (2 * step)
        assert float((gradient.conj() * direction).real.sum()) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@pytest.mark.slow
def test_unknowns_beside_the_image_are_differentiated_with_it() -> None:
    # Total generalised variation is a minimum over vector fields, which the solver and the derivative see as unknowns.
    y, w = (
        (2 * noise((2, 1, 3, 2), seed=5)).requires_grad_(),
        torch.tensor(0.7, dtype=torch.float64, requires_grad=True),
    )
    identity = Dense(torch.eye(6, dtype=torch.float64), (1, 3, 2), (1, 3, 2))

    def minimiser(y: Tensor, w: Tensor) -> Tensor:
        objective = least_squares(identity, y) + w * tgv(identity.domain)
        how = ImplicitFixedPoint(rtol=1e-8, max_steps=3000)
        return differentiable_solve(objective, PDHG(balance=1.0), how=how, rtol=1e-10, max_steps=9999).x

    by_y, by_w = torch.autograd.grad(loss(minimiser(y, w)), (y, w))
    direction, step, values = noise((2, 1, 3, 2), seed=6), 1e-5, []
    for sign in (1, -1):
        with torch.no_grad():
            values.append(float(loss(minimiser(y + sign * step * direction, w + sign * step))))
    wanted = (values[0] - values[1]) / (2 * step)
    assert float((by_y * direction).sum() + by_w) == pytest.approx(wanted, rel=1e-5)


def test_a_solver_without_duals_is_refused_for_total_variation() -> None:
    operator = Dense(noise((14, 12)), (1, 4, 3))
    y = noise((2, 14)).requires_grad_()
    objective = least_squares(operator, y) + total_variation(operator.domain)
    with pytest.raises(ConfigError, match="GroupL1"):
        differentiable_solve(objective, FISTA(), how=ImplicitFixedPoint())
    with pytest.raises(ConfigError, match=r"no gradient.*ImplicitFixedPoint\(\)"):
        differentiable_solve(objective, PDHG(), how=Implicit())


def test_duals_that_are_not_those_of_the_map_are_noticed(caplog: pytest.LogCaptureFixture) -> None:
    class NegativeDuals(PDHG):
        def step(self, problem, state):
            state = super().step(problem, state)
            return replace(state, y=tuple(-y for y in state.y)) if len(problem.blocks) == 2 else state

    operator = Dense(noise((14, 12)), (1, 4, 3))
    objective = least_squares(operator, noise((2, 14)).requires_grad_()) + total_variation(operator.domain)
    with caplog.at_level(logging.WARNING, logger="invkit"):
        differentiable_solve(objective, PDHG(), how=ImplicitFixedPoint(), rtol=1e-6, max_steps=5000)
        assert not caplog.text
        differentiable_solve(objective, NegativeDuals(), how=ImplicitFixedPoint(), max_steps=20)
    assert "the state of NegativeDuals is no fixed point of PrimalDualStep" in caplog.text


def test_settings_outside_their_range_raise() -> None:
    x0 = noise((2, 3))
    for arguments, message in (
        ({"rtol": 1.0}, "rtol is 1.0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"solver": "newton"}, "solver is 'newton', expected one of anderson, broyden, picard"),
    ):
        with pytest.raises(ConfigError, match=message):
            fixed_point(torch.tanh, x0, **arguments)
    with pytest.raises(DataError, match="x0"):
        fixed_point(torch.tanh, x0 * torch.nan)
    with pytest.raises(ConfigError, match="memory is 0"):
        Anderson(0)
    with pytest.raises(ConfigError, match="memory is 0"):
        Broyden(0)
    objective = least_squares(Dense(noise((4, 3))), noise((2, 4)).requires_grad_()) + SquaredL2()
    with pytest.raises(ConfigError, match="step_size is 100"):
        differentiable_solve(objective, FISTA(), how=ImplicitFixedPoint(step_size=100.0))


def test_no_images_have_no_steps() -> None:
    for solver in SOLVERS:
        found = fixed_point(torch.tanh, torch.zeros(0, 3), solver=solver)
        assert found.x.shape == (0, 3)
        assert found.require_converged().steps.shape == (0,)
