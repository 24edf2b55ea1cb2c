"""Implicit differentiation: second derivatives, hidden tensors, and linear systems that are not solved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from learned_minimisers import LEARNED, noise
from torch import Tensor, nn

from invkit.differentiation import Implicit, ImplicitFixedPoint, Unrolled, differentiable_solve
from invkit.errors import ConfigError, ConvergenceError
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.functionals.base import Differentiable, sum_per_image
from invkit.operators import Dense, FromFunction, Interval, Space
from invkit.operators.sense import sense
from invkit.solvers import FISTA, ConjugateGradient, GradientDescent, NewtonCG

TIGHT = {"rtol": 1e-13, "max_steps": 20_000}


@dataclass(frozen=True, eq=False, repr=False)
class SmoothAbsolute(Differentiable):
    """c sum (x^2 + 1)^(1/2), with c returned by a closure: a tensor that no field shows."""

    factor: Callable[[], Tensor]

    def _value(self, x: Tensor) -> Tensor:
        return self.factor() * sum_per_image((x.square() + 1).sqrt())

    def _gradient(self, x: Tensor) -> Tensor:
        return self.factor() * x / (x.square() + 1).sqrt()

    def _hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        return self.factor() * v * (x.square() + 1) ** -1.5

    def smoothness(self) -> Interval:
        return Interval.exact(1.0).scaled(float(self.factor().detach()))

    def convexity(self) -> float:
        return 0.0


def small(theta: Tensor, weight: Tensor, y: Tensor, factor: Tensor):
    """A nonquadratic objective of three unknowns and two images; the factor hides in a closure."""
    operator = Dense(torch.diag(theta.sigmoid()) @ noise((3, 3), seed=1))
    return least_squares(operator, y) + weight * SquaredL2() + SmoothAbsolute(lambda: factor)


def small_tensors() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    theta, y = noise((3,), seed=2), noise((2, 3), seed=3)
    weight, factor = torch.tensor(0.7, dtype=torch.float64), torch.tensor(0.9, dtype=torch.float64)
    return tuple(t.requires_grad_() for t in (theta, weight, y, factor))  # type: ignore[return-value]


WAYS = {
    "implicit": Implicit(rtol=1e-13),
    "implicit by gmres": Implicit(rtol=1e-13, linear_solver="gmres", preconditioner=None),
    "fixed point": ImplicitFixedPoint(rtol=1e-13),
    "fixed point by anderson": ImplicitFixedPoint(rtol=1e-13, linear_solver="anderson"),
}


@pytest.mark.parametrize("way", WAYS)
def test_first_and_second_derivatives_pass_torchs_check(way: str) -> None:
    def solution(theta: Tensor, weight: Tensor, y: Tensor, factor: Tensor) -> Tensor:
        objective = small(theta, weight, y, factor)
        return differentiable_solve(objective, GradientDescent(), how=WAYS[way], theta=(factor,), **TIGHT).x

    inputs = small_tensors()
    assert torch.autograd.gradcheck(solution, inputs, atol=1e-6)
    assert torch.autograd.gradgradcheck(solution, inputs, atol=1e-5)


def test_second_derivatives_of_a_complex_problem_agree_with_differences_of_first_ones() -> None:
    problem = LEARNED["complex"]
    names = list(problem.parameters)
    directions = {
        name: noise(tuple(t.shape), t.dtype, 40 + i) for i, (name, t) in enumerate(problem.parameters.items())
    }

    def slope(shift: float, *, create_graph: bool) -> tuple[Tensor, list[Tensor]]:
        """The derivative of the loss along the directions, at parameters shifted along them."""
        tensors = {k: (t + shift * directions[k]).requires_grad_() for k, t in problem.parameters.items()}
        x = differentiable_solve(problem.objective(tensors), FISTA(), how=Implicit(rtol=1e-12), **TIGHT).x
        found = torch.autograd.grad(problem.loss(x), [tensors[k] for k in names], create_graph=create_graph)
        along = sum((g.conj() * directions[k]).real.sum() for g, k in zip(found, names, strict=True))
        return along, [tensors[k] for k in names]

    along, tensors = slope(0.0, create_graph=True)
    second = torch.autograd.grad(along, tensors)
    found = sum(float((g.conj() * directions[k]).real.sum()) for g, k in zip(second, names, strict=True))
    step = 1e-5
    wanted = float(slope(step, create_graph=False)[0] - slope(-step, create_graph=False)[0]) / (2 * step)
    assert found == pytest.approx(wanted, rel=1e-6)


def test_third_derivatives_raise_instead_of_being_wrong() -> None:
    theta, weight, y, factor = small_tensors()
    x = differentiable_solve(small(theta, weight, y, factor), GradientDescent(), theta=(factor,), **TIGHT).x
    (first,) = torch.autograd.grad((x**3).sum(), weight, create_graph=True)
    (second,) = torch.autograd.grad(first, weight, create_graph=True)
    with pytest.raises(ConfigError, match="order is 3, expected at most 2"):
        torch.autograd.grad(second, weight)


@pytest.mark.parametrize("how", [Implicit(), ImplicitFixedPoint()])
def test_a_tensor_hidden_in_a_closure_raises_and_is_named_by_its_shape(how) -> None:
    theta, weight, y, _ = small_tensors()
    hidden = torch.full((5,), 0.18, dtype=torch.float64, requires_grad=True)
    objective = small(theta, weight, y, hidden.sum())
    message = r"depends on a tensor of shape \(5,\) that is hidden in a closure.*theta=\(\.\.\.\)"
    with pytest.raises(ConfigError, match=message):
        differentiable_solve(objective, GradientDescent(), how=how, **TIGHT)
    # Also where nothing else requires a gradient, and the solution would have had no graph at all.
    alone = small(theta.detach(), weight.detach(), y.detach(), hidden.sum())
    with pytest.raises(ConfigError, match=message):
        differentiable_solve(alone, GradientDescent(), how=how, **TIGHT)
    x = differentiable_solve(alone, GradientDescent(), how=how, theta=(hidden,), **TIGHT).x
    assert x.requires_grad
    with torch.no_grad():
        assert not differentiable_solve(alone, GradientDescent(), how=how, **TIGHT).x.requires_grad


def test_a_tensor_that_is_the_parent_of_another_is_counted_once() -> None:
    # w weighs one term and w^2 another: d x*/dw has two parts, and neither may come twice.
    y, m = noise((2, 4), seed=5), noise((4, 4), seed=6)

    def closed_form(w: Tensor) -> Tensor:
        hessian = w**2 * m.mT @ m + w * torch.eye(4, dtype=torch.float64)
        return torch.linalg.solve(hessian, (w**2 * y @ m).mT).mT

    wanted = torch.autograd.functional.jacobian(lambda w: (closed_form(w) ** 3).sum(), torch.tensor(0.6).double())
    for how in (Implicit(), ImplicitFixedPoint(), ImplicitFixedPoint(linear_solver="broyden")):
        w = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
        objective = (w**2) * least_squares(Dense(m), y) + w * SquaredL2()
        x = differentiable_solve(objective, FISTA(), how=how, **TIGHT).x
        (found,) = torch.autograd.grad((x**3).sum(), w)
        assert float(found) == pytest.approx(float(wanted), rel=1e-7)
    # The same tensor named once more in theta changes nothing.
    w = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    objective = (w**2) * least_squares(Dense(m), y) + w * SquaredL2()
    x = differentiable_solve(objective, FISTA(), theta=(w,), **TIGHT).x
    assert float(torch.autograd.grad((x**3).sum(), w)[0]) == pytest.approx(float(wanted), rel=1e-7)


def test_a_parent_that_is_named_as_well_is_counted_once_in_second_derivatives_too() -> None:
    y, m = noise((2, 4), seed=5), noise((4, 4), seed=6)

    def value(w: Tensor) -> Tensor:
        hessian = w**2 * m.mT @ m + w * torch.eye(4, dtype=torch.float64)
        return (torch.linalg.solve(hessian, (w**2 * y @ m).mT).mT ** 3).sum()

    wanted = torch.autograd.functional.hessian(value, torch.tensor(0.6).double())
    w = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    objective = (w**2) * least_squares(Dense(m), y) + w * SquaredL2()
    x = differentiable_solve(objective, FISTA(), how=Implicit(rtol=1e-12), theta=(w,), **TIGHT).x
    (first,) = torch.autograd.grad((x**3).sum(), w, create_graph=True)
    assert float(torch.autograd.grad(first, w)[0]) == pytest.approx(float(wanted), rel=1e-6)


#: What one learned number p is in a problem: the weight that is built in, the factor in the closure, and theta.
USED_TWICE = {
    "built in and in a closure": lambda p: (p, p, ()),
    "built in and in a closure, and named": lambda p: (p, p, (p,)),
    "built in, and its exponential in a closure": lambda p: (p, p.exp(), ()),
    "its exponential built in and in a closure": lambda p: _both(p.exp(), ()),
    "its exponential built in and in a closure, and named": lambda p: _both(p.exp(), (p,)),
    "its exponential built in, itself in a closure and named": lambda p: (p.exp(), p, (p,)),
    "its exponential built in, both in a closure, and named": lambda p: _sum(p, p.exp()),
}


def _both(q: Tensor, theta: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    return q, q, theta


def _sum(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    return q, p * q + q, (p,)


@pytest.mark.parametrize("case", USED_TWICE)
@pytest.mark.parametrize("way", ["implicit", "fixed point"])
def test_a_tensor_that_is_built_in_and_in_a_closure_counts_with_both_parts(way: str, case: str) -> None:
    operator, y = Dense(noise((3, 3), seed=1)), noise((2, 3), seed=3)

    def solution(p: Tensor) -> Tensor:
        weight, factor, theta = USED_TWICE[case](p)
        objective = least_squares(operator, y) + weight * SquaredL2() + SmoothAbsolute(lambda: factor)
        return differentiable_solve(objective, GradientDescent(), how=WAYS[way], theta=theta, **TIGHT).x

    p = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    # The first derivative by differences of the solution, the second by differences of the first.
    assert torch.autograd.gradcheck(solution, (p,), atol=1e-6)
    assert torch.autograd.gradgradcheck(solution, (p,), atol=1e-5)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("how", [Implicit(rtol=1e-12), ImplicitFixedPoint(rtol=1e-12)])
def test_a_function_as_operator_may_hold_a_learned_tensor(how, named: bool) -> None:
    matrix, y = noise((4, 3), seed=1), noise((2, 4), seed=3)
    space, data = Space((3,), torch.float64, torch.device("cpu")), Space((4,), torch.float64, torch.device("cpu"))

    def solution(p: Tensor) -> Tensor:
        operator = FromFunction(lambda x: (1 + p) * torch.tanh(0.3 * x) @ matrix.mT, space, data)
        objective = least_squares(operator, y) + (0.5 if named else p) * SquaredL2()
        theta = (p,) if named else ()
        return differentiable_solve(objective, NewtonCG(), how=replace(how, **step), theta=theta, **TIGHT).x

    step = {"step_size": 0.02} if isinstance(how, ImplicitFixedPoint) else {}
    assert torch.autograd.gradcheck(
        solution, (torch.tensor(0.7, dtype=torch.float64, requires_grad=True),), atol=1e-6, rtol=1e-4
    )


def test_a_hidden_tensor_in_a_function_as_operator_still_raises() -> None:
    space, hidden = Space((3,), torch.float64, torch.device("cpu")), torch.ones(3, dtype=torch.float64)
    operator = FromFunction(lambda x: hidden.requires_grad_() * torch.tanh(x), space, space)
    objective = least_squares(operator, noise((2, 3), seed=3)) + SquaredL2()
    with pytest.raises(ConfigError, match=r"tensor of shape \(3,\) that is hidden in a closure"):
        differentiable_solve(objective, NewtonCG())


def test_theta_must_be_tensors_of_which_none_is_computed_from_another() -> None:
    theta, weight, y, factor = small_tensors()
    objective = small(theta, weight, y, factor * 1.0)
    with pytest.raises(ConfigError, match="computed from another tensor of theta"):
        differentiable_solve(objective, GradientDescent(), theta=(factor, factor.exp()), **TIGHT)
    with pytest.raises(ConfigError, match="theta holds str, expected tensors"):
        differentiable_solve(objective, GradientDescent(), theta=("w",), **TIGHT)
    with pytest.raises(ConfigError, match="theta is a Tensor, expected a tuple"):
        differentiable_solve(objective, GradientDescent(), theta=factor, **TIGHT)
    network = nn.Linear(3, 1).double()
    objective = small(theta, weight, y, network(torch.ones(3, dtype=torch.float64)).square().sum())
    x = differentiable_solve(objective, GradientDescent(), theta=network, **TIGHT).x
    assert all(bool((g != 0).any()) for g in torch.autograd.grad(x.sum(), tuple(network.parameters())))


def test_parameters_reach_their_grad_through_a_backward_call_that_can_be_repeated() -> None:
    matrix = nn.Parameter(noise((4, 3), seed=7))
    y = noise((2, 4), seed=8)
    x = differentiable_solve(least_squares(Dense(matrix), y) + SquaredL2(), ConjugateGradient(), **TIGHT).x
    loss = (x**3).sum()
    loss.backward(retain_graph=True)
    once = matrix.grad.clone()
    loss.backward()
    torch.testing.assert_close(matrix.grad, 2 * once)


def test_a_parameter_changed_before_the_backward_pass_is_noticed() -> None:
    matrix = nn.Parameter(noise((4, 3), seed=7))
    x = differentiable_solve(
        least_squares(Dense(matrix), noise((2, 4), seed=8)) + SquaredL2(), ConjugateGradient(), **TIGHT
    ).x
    with torch.no_grad():
        matrix.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        x.sum().backward()


def test_the_solution_itself_is_that_of_solve() -> None:
    theta, weight, y, factor = small_tensors()
    objective = small(theta, weight, y, factor)
    solution = differentiable_solve(objective, GradientDescent(), theta=(factor,), rtol=1e-6)
    with torch.no_grad():
        plain = differentiable_solve(objective, GradientDescent(), rtol=1e-6)
    assert torch.equal(solution.x.detach(), plain.x)
    assert solution.status == plain.status
    assert not solution.state.x.requires_grad


def test_a_start_at_the_last_adjoint_saves_its_steps() -> None:
    problem, seen = LEARNED["complex"], []

    def gradient(start: Tensor | None) -> list[Tensor]:
        tensors = problem.tensors()
        how = Implicit(start=start, callback=seen.append)
        x = differentiable_solve(problem.objective(tensors), FISTA(), how=how, **TIGHT).x
        return list(torch.autograd.grad(problem.loss(x), tensors.values()))

    cold = gradient(None)
    warm = gradient(seen[0].x)
    assert int(seen[0].steps.min()) > 5
    assert int(seen[1].steps.max()) == 0
    for a, b in zip(cold, warm, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


def test_jacobi_takes_one_step_where_the_hessian_is_diagonal() -> None:
    coils = torch.logspace(-1, 1, 12, dtype=torch.float64).reshape(1, 4, 3) * noise((3, 4, 3), torch.complex128)
    y = noise((2, 3, 4, 3), torch.complex128, 1).requires_grad_()
    steps = {}
    for preconditioner in ("jacobi", None):
        seen: list = []
        how = Implicit(preconditioner=preconditioner, callback=seen.append)
        objective = least_squares(sense(coils), y) + 0.1 * SquaredL2()
        differentiable_solve(objective, ConjugateGradient(), how=how, **TIGHT).x.abs().sum().backward()
        steps[preconditioner] = int(seen[0].steps.max())
    assert steps["jacobi"] == 1
    assert steps[None] > 5


def test_a_linear_system_that_is_not_solved_raises_or_warns(caplog: pytest.LogCaptureFixture) -> None:
    problem = LEARNED["real"]
    tensors = problem.tensors()

    def loss(how: Implicit) -> Tensor:
        return problem.loss(differentiable_solve(problem.objective(tensors), FISTA(), how=how, **TIGHT).x)

    with pytest.raises(ConvergenceError, match=r"2 of 2 images has relative residual .* after 3 steps of PCG"):
        loss(Implicit(max_steps=3)).backward()
    with caplog.at_level(logging.WARNING, logger="invkit"):
        loss(Implicit(max_steps=3, if_unconverged="warn")).backward()
    assert "The gradient is as wrong as that" in caplog.text


def test_a_solution_that_did_not_converge_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    problem = LEARNED["real"]
    with caplog.at_level(logging.WARNING, logger="invkit"):
        differentiable_solve(problem.objective(problem.tensors()), FISTA(), max_steps=3)
    assert "2 of 2 images did not converge" in caplog.text


def test_an_empty_batch_has_an_empty_gradient() -> None:
    y = torch.zeros(0, 4, dtype=torch.float64, requires_grad=True)
    objective = least_squares(Dense(noise((4, 3))), y) + SquaredL2()
    for how in (Implicit(), ImplicitFixedPoint(), ImplicitFixedPoint(linear_solver="anderson"), Unrolled(3)):
        settings = {} if isinstance(how, Unrolled) else TIGHT
        x = differentiable_solve(objective, FISTA(), how=how, **settings).x
        assert torch.autograd.grad(x.sum(), y)[0].shape == (0, 4)


def test_settings_outside_their_range_raise() -> None:
    objective = least_squares(Dense(noise((4, 3))), noise((2, 4))) + L1()
    with pytest.raises(ConfigError, match=r"term L1\(\) has no gradient.*ImplicitFixedPoint"):
        differentiable_solve(objective, FISTA())
    for arguments, message in (
        ({"rtol": 0.0}, "rtol is 0.0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"linear_solver": "lu"}, "linear_solver is 'lu', expected one of cg, gmres"),
        ({"preconditioner": "ilu"}, "preconditioner is 'ilu'"),
        ({"if_unconverged": "hope"}, "if_unconverged is 'hope'"),
    ):
        with pytest.raises(ConfigError, match=message):
            Implicit(**arguments)
    with pytest.raises(ConfigError, match="how is 'implicit'"):
        differentiable_solve(objective, FISTA(), how="implicit")
    with pytest.raises(ConfigError, match="objective is None"):
        differentiable_solve(None, FISTA())
