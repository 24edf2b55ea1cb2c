"""On another device: the same gradients, and a peak of memory that checkpoints lower."""

from __future__ import annotations

import pytest
import torch
from learned_minimisers import LEARNED
from torch import Tensor

from invkit.differentiation import Differentiation, Implicit, ImplicitFixedPoint, JacobianFree, Unrolled
from invkit.differentiation import differentiable_solve as solve
from invkit.functionals import SquaredL2, least_squares
from invkit.operators.sense import sense
from invkit.solvers import FISTA

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: run where torch.cuda.is_available()"),
]

WAYS: dict[str, tuple[Differentiation, dict[str, object]]] = {
    "implicit": (Implicit(rtol=1e-11), {"rtol": 1e-12, "max_steps": 5000}),
    "gmres": (ImplicitFixedPoint(rtol=1e-11), {"rtol": 1e-12, "max_steps": 5000}),
    "anderson": (
        ImplicitFixedPoint(rtol=1e-11, linear_solver="anderson"),
        {"rtol": 1e-12, "max_steps": 5000},
    ),
    "jacobian free": (JacobianFree(3), {"rtol": 1e-12, "max_steps": 5000}),
    "unrolled": (Unrolled(50, checkpoint_every="sqrt"), {}),
}


def gradients(device: str, way: str) -> list[Tensor]:
    how, settings = WAYS[way]
    p = {k: t.detach().to(device).requires_grad_() for k, t in LEARNED["complex"].tensors().items()}
    objective = least_squares(sense(p["coils"], p["pattern"].sigmoid()), p["y"]) + p["weight"] * SquaredL2()
    x = solve(objective, FISTA(), how=how, **settings).x
    assert x.device.type == device
    return [g.cpu() for g in torch.autograd.grad((x.abs() ** 3).sum(), p.values())]


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_those_of_the_cpu(way: str) -> None:
    for a, b in zip(gradients("cuda", way), gradients("cpu", way), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)


def test_checkpoints_lower_the_peak_of_memory() -> None:
    def peak(how: Unrolled) -> int:
        coils = torch.ones(4, 256, 256, dtype=torch.complex64, device="cuda", requires_grad=True)
        y = torch.ones(1, 4, 256, 256, dtype=torch.complex64, device="cuda")
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        x = solve(least_squares(sense(coils), y) + 0.1 * SquaredL2(), FISTA(), how=how).x
        x.abs().sum().backward()
        return torch.cuda.max_memory_allocated() - before

    assert peak(Unrolled(100, checkpoint_every="sqrt")) < peak(Unrolled(100)) / 3
