"""Every way to differentiate against finite differences of a tightly solved problem, for every learned tensor."""

from __future__ import annotations

import pytest
import torch
from learned_minimisers import LEARNED, differences
from torch import Tensor

from invkit.differentiation import (
    GMRES,
    Affine,
    Anderson,
    Differentiation,
    Implicit,
    ImplicitFixedPoint,
    Unrolled,
    differentiable_solve,
)
from invkit.functionals import SquaredL2, least_squares
from invkit.functionals.hessian_at import hessian_at
from invkit.operators.sense import sense
from invkit.solvers import FISTA, PDHG, GradientDescent, NewtonCG, PrimalDualNewton, Solver, solve
from invkit.solvers.linear.pcg import pcg

TIGHT = {"rtol": 1e-12, "max_steps": 20_000}
WAYS: dict[str, Differentiation] = {
    "implicit": Implicit(rtol=1e-11),
    "implicit without preconditioner": Implicit(rtol=1e-11, preconditioner=None),
    "implicit by gmres": Implicit(rtol=1e-11, linear_solver="gmres"),
    "implicit by anderson": Implicit(rtol=1e-11, linear_solver=Affine(Anderson(12)), max_steps=5000),
    "fixed point by neumann": ImplicitFixedPoint(rtol=1e-11, linear_solver="neumann", max_steps=5000),
    "fixed point by anderson": ImplicitFixedPoint(rtol=1e-11, linear_solver="anderson"),
    "fixed point by broyden": ImplicitFixedPoint(rtol=1e-11, linear_solver="broyden"),
    "fixed point by gmres": ImplicitFixedPoint(rtol=1e-11, linear_solver="gmres"),
    "fixed point by restarted gmres": ImplicitFixedPoint(rtol=1e-11, linear_solver=GMRES(restart=8)),
    "fixed point with a longer step": ImplicitFixedPoint(rtol=1e-11, step_size=0.05, linear_solver="gmres"),
}


def gradients(name: str, how: Differentiation, **settings: object) -> dict[str, Tensor]:
    problem = LEARNED[name]
    parameters = problem.tensors()
    solution = differentiable_solve(problem.objective(parameters), FISTA(), how=how, **settings)
    found = torch.autograd.grad(problem.loss(solution.x), list(parameters.values()))
    return dict(zip(parameters, found, strict=True))


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().pow(2).sum().sqrt() / wanted.abs().pow(2).sum().sqrt())


@pytest.mark.parametrize("name", LEARNED)
def test_the_reference_minimises_the_same_objective(name: str) -> None:
    problem = LEARNED[name]
    vector = torch.cat(
        [
            torch.stack([t.real, t.imag]).flatten() if t.is_complex() else t.flatten()
            for t in problem.parameters.values()
        ]
    )
    reference = problem.minimisers(tuple(problem.parameters), vector.unsqueeze(0))[0]
    solution = solve(problem.objective(problem.parameters), FISTA(), **TIGHT)
    assert error(solution.x, reference) < 1e-9


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LEARNED)
def test_gradients_agree_with_differences(name: str, way: str) -> None:
    found = gradients(name, WAYS[way], **TIGHT)
    assert {tensor: e for tensor, g in found.items() if (e := error(g, differences(name)[tensor])) > 1e-6} == {}


@pytest.mark.parametrize("checkpoint_every", [None, "sqrt"])
@pytest.mark.parametrize("name", LEARNED)
def test_unrolling_to_its_limit_agrees_with_differences(name: str, checkpoint_every: str | None) -> None:
    found = gradients(name, Unrolled(300, checkpoint_every=checkpoint_every))
    assert {tensor: e for tensor, g in found.items() if (e := error(g, differences(name)[tensor])) > 1e-6} == {}


@pytest.mark.parametrize("name", LEARNED)
def test_the_comparison_rejects_wrong_gradients(name: str) -> None:
    right = gradients(name, Implicit(), **TIGHT)
    few = gradients(name, Implicit(linear_solver="neumann", max_steps=2, if_unconverged="warn"), **TIGHT)
    loose = gradients(name, Implicit(), rtol=1e-2, check_every=1)
    short = gradients(name, Unrolled(5))
    for tensor, wanted in differences(name).items():
        assert error(right[tensor], wanted) < 1e-6
        for wrong in (few[tensor], loose[tensor], short[tensor], -right[tensor], 2 * right[tensor]):
            assert error(wrong, wanted) > 1e-5
        if wanted.is_complex():
            assert error(right[tensor].conj().resolve_conj(), wanted) > 1e-5


def test_a_pattern_that_acts_only_forward_is_rejected() -> None:
    # The pattern stands in A and in A*: a gradient that holds one of the two fixed is off by far.
    problem = LEARNED["complex"]
    parameters = problem.tensors()
    objective = problem.objective(parameters)
    x = differentiable_solve(objective, FISTA(), **TIGHT).x
    q = torch.autograd.grad(problem.loss(x), x, retain_graph=True)[0]
    (right,) = torch.autograd.grad(problem.loss(x), parameters["pattern"])
    with torch.no_grad():
        adjoint = pcg(hessian_at(objective, x), q, rtol=1e-12, max_steps=500).x
    pattern = parameters["pattern"].sigmoid()
    c = parameters["coils"].detach()
    residual = pattern * torch.fft.fftn(c * x.detach(), dim=(-2, -1), norm="ortho") - parameters["y"].detach()
    once = 1.3 * (c.conj() * torch.fft.ifftn(pattern.detach() * residual, dim=(-2, -1), norm="ortho")).sum(1, True)
    (wrong,) = torch.autograd.grad(-(once.conj() * adjoint).real.sum(), parameters["pattern"])
    assert error(right, differences("complex")["pattern"]) < 1e-6
    assert error(wrong, differences("complex")["pattern"]) > 1e-2


@pytest.mark.parametrize("way", ["implicit", "fixed point by gmres", "fixed point by anderson"])
def test_gradients_of_an_image_do_not_depend_on_its_batch(way: str) -> None:
    problem = LEARNED["complex"]
    both = problem.tensors()
    y = both["y"]
    x = differentiable_solve(problem.objective(both), FISTA(), how=WAYS[way], **TIGHT).x
    (together,) = torch.autograd.grad((x.abs() ** 3).sum(), y)
    alone = problem.tensors()
    alone["y"] = y[:1].detach().requires_grad_()
    x = differentiable_solve(problem.objective(alone), FISTA(), how=WAYS[way], **TIGHT).x
    (single,) = torch.autograd.grad((x.abs() ** 3).sum(), alone["y"])
    assert error(together[:1], single) < 1e-9
    # The gradient of one image's loss with respect to another's data is zero.
    x = differentiable_solve(problem.objective(both), FISTA(), how=WAYS[way], **TIGHT).x
    (cross,) = torch.autograd.grad((x[0].abs() ** 3).sum(), y)
    assert float(cross[1].abs().max()) == 0.0


@pytest.mark.parametrize(
    "solver", [GradientDescent(), PDHG(), NewtonCG(), PrimalDualNewton()], ids=lambda s: type(s).__name__
)
def test_gradients_do_not_depend_on_the_solver(solver: Solver) -> None:
    problem = LEARNED["real"]
    parameters = problem.tensors()
    solution = differentiable_solve(problem.objective(parameters), solver, rtol=1e-11, max_steps=20_000)
    for name, found in zip(parameters, torch.autograd.grad(problem.loss(solution.x), parameters.values()), strict=True):
        assert error(found, differences("real")[name]) < 1e-6


def test_single_precision_gets_gradients_of_single_precision() -> None:
    problem = LEARNED["complex"]
    parameters = {
        k: v.detach().to(torch.complex64 if v.is_complex() else torch.float32).requires_grad_()
        for k, v in problem.tensors().items()
    }

    def objective(p: dict[str, Tensor]):
        return least_squares(sense(p["coils"], p["pattern"].sigmoid()), p["y"]) + p["weight"] * SquaredL2()

    def run(p: dict[str, Tensor], rtol: float) -> list[Tensor]:
        x = differentiable_solve(objective(p), FISTA(), rtol=rtol, max_steps=5000).x
        assert x.dtype == p["coils"].dtype
        return list(torch.autograd.grad((x.abs() ** 2).sum(), p.values()))

    single = run(parameters, 1e-6)
    double = run(problem.tensors(), 1e-12)
    assert all(error(a, b) < 1e-4 for a, b in zip(single, double, strict=True))
