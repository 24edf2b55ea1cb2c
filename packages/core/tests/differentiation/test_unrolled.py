"""Unrolling: the exact derivative of an iterate, with and without checkpoints, and of its last steps."""

from __future__ import annotations

import pytest
import torch
from learned_minimisers import LEARNED, noise
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from invkit.differentiation import Implicit, Unrolled, differentiable_solve
from invkit.errors import ConfigError
from invkit.functionals import SquaredL2, least_squares, total_variation
from invkit.operators import Dense
from invkit.solvers import FISTA, PDHG, GradientDescent, ProximalGradient, Solver, Status


def gradients(how: Unrolled | Implicit, solver: Solver, **settings: object) -> list[Tensor]:
    problem = LEARNED["complex"]
    tensors = problem.tensors()
    x = differentiable_solve(problem.objective(tensors), solver, how=how, **settings).x
    return list(torch.autograd.grad(problem.loss(x), tensors.values()))


def error(found: list[Tensor], wanted: list[Tensor]) -> float:
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, wanted, strict=True))


class Storages(TorchDispatchMode):
    """The bytes of the tensors made under it that are still alive."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(out):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self.made[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        return out

    def alive(self) -> int:
        return sum(size for reference, size in self.made.values() if not reference.expired())


@pytest.mark.parametrize("solver", [GradientDescent(), FISTA(), ProximalGradient()], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("checkpoint_every", [1, 7, 40, "sqrt"])
def test_checkpoints_change_no_bit_of_the_gradient(solver: Solver, checkpoint_every: int | str) -> None:
    plain = gradients(Unrolled(17), solver)
    checkpointed = gradients(Unrolled(17, checkpoint_every=checkpoint_every), solver)
    assert all(torch.equal(a, b) for a, b in zip(plain, checkpointed, strict=True))
    assert error(gradients(Unrolled(16), solver), plain) > 1e-6


def test_the_gradient_is_that_of_the_iterate_and_not_of_the_limit() -> None:
    # Ten gradient steps of a fixed length, written out.
    y, matrix = noise((2, 5), seed=1), 0.4 * noise((5, 4), seed=2)
    w = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    x = torch.zeros(2, 4, dtype=torch.float64)
    for _ in range(10):
        x = x - 0.2 * ((x @ matrix.mT - y) @ matrix + w * x)
    (wanted,) = torch.autograd.grad((x**3).sum(), w)
    objective = least_squares(Dense(matrix), y) + w * SquaredL2()
    for how in (Unrolled(10), Unrolled(10, checkpoint_every=3)):
        found = differentiable_solve(objective, GradientDescent(0.2), how=how).x
        torch.testing.assert_close(found, x)
        assert float(torch.autograd.grad((found**3).sum(), w)[0]) == pytest.approx(float(wanted), rel=1e-12)
    limit = differentiable_solve(objective, GradientDescent(0.2), rtol=1e-12, max_steps=9999).x
    assert float(torch.autograd.grad((limit**3).sum(), w)[0]) != pytest.approx(float(wanted), rel=1e-2)


def test_second_derivatives_go_through_checkpoints() -> None:
    y, matrix = noise((2, 3), seed=1), 0.4 * noise((3, 3), seed=2)

    def run(w: Tensor, checkpoint_every: int | None) -> Tensor:
        objective = least_squares(Dense(matrix), y) + w * SquaredL2()
        return differentiable_solve(objective, GradientDescent(0.2), how=Unrolled(6, checkpoint_every)).x

    w = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda w: run(w, 2), (w,))


def test_checkpoints_keep_states_instead_of_steps() -> None:
    def kept(steps: int, checkpoint_every: int | str | None) -> int:
        problem = LEARNED["complex"]
        tensors = problem.tensors()
        objective = problem.objective(tensors)
        with Storages() as storages:
            x = differentiable_solve(objective, FISTA(), how=Unrolled(steps, checkpoint_every)).x
            alive = storages.alive()
        assert x.requires_grad
        return alive

    assert kept(100, None) > 90 / 25 * kept(25, None)
    assert kept(100, "sqrt") < 2.6 * kept(25, "sqrt")  # the square root of 4 and what does not grow
    assert 10 * kept(100, "sqrt") < kept(100, None)


def test_the_last_steps_alone_approach_the_derivative_of_all() -> None:
    every = gradients(Unrolled(120), ProximalGradient())
    errors = [error(gradients(Unrolled(120, last=last), ProximalGradient()), every) for last in (5, 30, 60)]
    assert errors[0] > 10 * errors[1] > 50 * errors[2] > 0
    assert error(gradients(Unrolled(120, last=120), ProximalGradient()), every) == 0
    checkpointed = gradients(Unrolled(120, last=20, checkpoint_every="sqrt"), ProximalGradient())
    assert error(checkpointed, gradients(Unrolled(120, last=20), ProximalGradient())) == 0


def test_steps_of_pdhg_are_unrolled_to_the_derivative_of_the_minimiser() -> None:
    # Denoising with a weight so large that the minimiser is constant: its mean, whatever the weight.
    y = noise((2, 1, 3, 2), seed=4).requires_grad_()
    w = torch.tensor(50.0, dtype=torch.float64, requires_grad=True)
    identity = Dense(torch.eye(6, dtype=torch.float64), (1, 3, 2), (1, 3, 2))
    objective = least_squares(identity, y) + w * total_variation(identity.domain)
    solution = differentiable_solve(objective, PDHG(balance=1.0), how=Unrolled(300, checkpoint_every=40))
    by_y, by_w = torch.autograd.grad((solution.x**3).sum(), (y, w))
    mean = y.detach().mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(by_y, (3 * mean**2).expand_as(y), rtol=1e-5, atol=1e-6)
    assert abs(float(by_w)) < 1e-6
    assert solution.status == (Status.MAX_STEPS,) * 2
    assert solution.total_steps == 300
    assert float(solution.optimality.max()) < 1e-3


def test_a_start_gets_its_gradient() -> None:
    x0 = noise((2, 4), seed=3).requires_grad_()
    objective = least_squares(Dense(torch.eye(4, dtype=torch.float64)), noise((2, 4)))
    x = differentiable_solve(objective, GradientDescent(0.25), x0, how=Unrolled(3)).x
    torch.testing.assert_close(torch.autograd.grad(x.sum(), x0)[0], torch.full_like(x0, 0.75**3))


def test_settings_outside_their_range_raise() -> None:
    for arguments, message in (
        ({"num_steps": 0}, "num_steps is 0"),
        ({"num_steps": 5, "last": 6}, "last is 6, expected at most num_steps = 5"),
        ({"num_steps": 5, "last": 0}, "last is 0"),
        ({"num_steps": 5, "checkpoint_every": 0}, "checkpoint_every is 0"),
        ({"num_steps": 5, "checkpoint_every": "log"}, "checkpoint_every is 'log'"),
    ):
        with pytest.raises(ConfigError, match=message):
            Unrolled(**arguments)
    objective = least_squares(Dense(noise((4, 3))), noise((2, 4)))
    with pytest.raises(ConfigError, match="settings of solve are rtol, expected none"):
        differentiable_solve(objective, FISTA(), how=Unrolled(5), rtol=1e-3)
