"""FISTA with steps found by trial, for a gradient whose Lipschitz constant is unknown or known only loosely."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...functionals.base import Functional
from ...operators.space import norm, per_image, rounding
from ..base import Optimality, Solver, select
from ..problems import CompositeProblem, as_composite
from .gradient_descent import first_scale, gradient_scale
from .line_search import check_first_trial, real_inner
from .proximal_gradient import ProximalGradientState, forward_backward_residual


@dataclass(frozen=True)
class BacktrackingState:
    """x, the point ``ahead`` of the next trial, FISTA's counter t, and the step to try.

    z, u, gradient, used: the last step that was accepted (the last trial, before there is one): it led from z, with
    the gradient there and the step ``used``, to u. From them the residual is read. started: whether one was accepted.
    """

    x: Tensor
    ahead: Tensor
    t: Tensor
    step_size: Tensor
    reference: Tensor | None
    z: Tensor | None = None
    u: Tensor | None = None
    gradient: Tensor | None = None
    used: Tensor | None = None
    started: Tensor | None = None


@dataclass(frozen=True)
class BacktrackingFISTA(Solver[CompositeProblem, BacktrackingState]):
    """FISTA whose step halves where, with x+ = prox_g(z - tau gradient f(z), tau) and d = x+ - z,

        Re <gradient f(x+) - gradient f(z), d> > |d|^2 / (2 tau).

    For a convex f the opposite implies f(x+) <= f(z) + Re <gradient f(z), d> + |d|^2 / (2 tau), all that the theorem of
    FISTA asks of a step; unlike that difference of values it is not lost in rounding near a minimiser. It holds for
    every tau <= 1/(2L), so that tau >= min(step_size, 1/(4L)): after k accepted steps
    F(x_k) - F* <= 2 |x_0 - x*|^2 / (min(step_size, 1/(4L)) (k + 1)^2).
    Each image has its own tau, which never grows. A step is one trial: an image whose trial fails stays where it is
    and tries half of tau next, so that at most log2(4 L step_size) steps of each image are lost.

    step_size: the first trial; None is 1 over the lower bound of L, 16 over the upper one if the lower is 0, or 1.
    Residual and scale as in ``ProximalGradient``, of the last accepted step. Autograd takes the steps for constants.
    Cost: two gradients and one prox a step.

    Source: Beck, Teboulle (2009), FISTA with backtracking and Theorem 4.4; the test by gradients follows from
    f(z) >= f(x+) - Re <gradient f(x+), d>.
    """

    form = CompositeProblem

    step_size: float | None = None

    def __post_init__(self) -> None:
        check_first_trial(self.step_size, "BacktrackingFISTA")

    def prepare(self, objective: Functional) -> CompositeProblem:
        return as_composite(objective, "BacktrackingFISTA")

    def init(self, problem: CompositeProblem, x0: Tensor | None) -> BacktrackingState:
        x = problem.start(x0, "BacktrackingFISTA")
        t = torch.ones(len(x), dtype=torch.float64, device=x.device)
        tau = self.first_trial(problem) * t
        return BacktrackingState(x, x, t, tau, gradient_scale(problem.smooth, x0))

    def first_trial(self, problem: CompositeProblem) -> float:
        """The step of the first trial."""
        lipschitz = problem.smooth.smoothness()
        if self.step_size is None and lipschitz is not None and lipschitz.upper > 0:
            return 1 / lipschitz.lower if lipschitz.lower > 0 else 16 / lipschitz.upper
        return 1.0 if self.step_size is None else self.step_size

    def step(self, problem: CompositeProblem, state: BacktrackingState) -> BacktrackingState:
        z, tau = state.ahead, state.step_size
        gradient = problem.smooth.gradient(z)
        reference = first_scale(gradient, state.reference) if state.gradient is None else state.reference
        assert reference is not None
        x = problem.proximable.prox(z - per_image(tau, z) * gradient, tau)
        with torch.no_grad():
            d = x - z
            change = problem.smooth.gradient(x) - gradient
            # Both gradients are rounded: of <change, d>, so much says nothing.
            noise = 4 * rounding(x) * (reference + norm(gradient)) * norm(d)
            accepted = real_inner(change, d) <= norm(d) ** 2 / (2 * tau) + noise
        t = (1 + (1 + 4 * state.t**2).sqrt()) / 2
        ahead = x + per_image((state.t - 1) / t, x) * (x - state.x)
        started = accepted if state.started is None else accepted | state.started
        moved = BacktrackingState(x, ahead, t, tau, reference, z, x, gradient, tau, started)
        stayed = BacktrackingState(state.x, z, state.t, tau / 2, reference, z, x, gradient, tau, started)
        if state.started is not None:
            last = replace(stayed, z=state.z, u=state.u, gradient=state.gradient, used=state.used)
            stayed = select(state.started, last, stayed)
        return select(accepted, moved, stayed)

    def solution(self, state: BacktrackingState) -> Tensor:
        return state.x

    def optimality(self, problem: CompositeProblem, state: BacktrackingState) -> Optimality:
        assert state.u is not None
        assert state.used is not None
        last = ProximalGradientState(state.u, state.ahead, state.z, state.gradient, state.reference, state.used)
        return forward_backward_residual(last)

    def objective(self, problem: CompositeProblem, state: BacktrackingState) -> Tensor:
        return problem.objective.value(state.x)
