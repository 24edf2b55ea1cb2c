"""SVRG: stochastic gradients whose variance goes to zero."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...functionals.base import Functional
from ..base import Optimality, Solver, checked_step_size
from ..newton.newton_cg import check_count
from .finite_sum import FiniteSumProblem, as_finite_sum, check_seed, drawn_terms, interval_of


@dataclass(frozen=True)
class SVRGState:
    """x after so many epochs, the snapshot before it with its gradient (None at first), the scale of the residual."""

    x: Tensor
    epoch: int
    snapshot: Tensor | None
    gradient: Tensor | None
    reference: Tensor


@dataclass(frozen=True)
class SVRG(Solver[FiniteSumProblem, SVRGState]):
    """Proximal SVRG; one step is one epoch, from the snapshot s = x with the gradient G of the whole sum there.

        v = (gradient f_i(x) - gradient f_i(s)) / p_i + G;   x <- prox_g(x - step_size v, step_size)

    for ``inner_steps`` terms i drawn with p_i = L_i / L, L = sum L_i. v has the mean gradient f(x), and no variance
    where x = s is the minimiser: strongly convex sums converge to it linearly with a constant step.

    seed: of the draws, which are the same for every image.   inner_steps: None is twice the number of terms.
    step_size: in (0, 1/(4L)]; None is 1/(5L). The last x is the next snapshot, where the theorem takes the average.
    Residual: |(s - prox_g(s - gradient / L)) L| at the snapshot s, before the step; scale: |gradient f(0)| + the size
    of the subgradient of g.
    Cost: a gradient over all terms, and one of a single term for each inner step; two over all terms at the start. The
    gradients at the snapshot are kept during a step, as many images as there are terms.

    Raises: ConfigError if a setting is outside its range, or a term has no known Lipschitz constant.
    Source: Johnson, Zhang (2013); Xiao, Zhang (2014), SIAM J. Optim. 24, 2057-2075, with the sampling above.
    """

    form = FiniteSumProblem

    seed: int = 0
    inner_steps: int | None = None
    step_size: float | None = None

    def __post_init__(self) -> None:
        check_seed(self.seed, "SVRG")
        if self.inner_steps is not None:
            check_count(self.inner_steps, "SVRG", "inner_steps")

    def prepare(self, objective: Functional) -> FiniteSumProblem:
        problem = as_finite_sum(objective, "SVRG")
        for term, bound in zip(problem.terms, problem.smoothness, strict=True):
            if bound == math.inf:
                raise ConfigError(
                    f"SVRG: term {term!r} has no known Lipschitz constant of its gradient, expected one to draw it by. "
                    "Use core/stochastic-gradient with a step_size."
                )
        return problem

    def step_size_for(self, problem: FiniteSumProblem) -> float:
        """The step size used for this problem.

        Raises: ConfigError if it is not in (0, 1/(4L)].
        """
        return checked_step_size(self.step_size, interval_of(sum(problem.smoothness)), 0.25, 0.2, "SVRG")

    def init(self, problem: FiniteSumProblem, x0: Tensor | None) -> SVRGState:
        self.step_size_for(problem)
        x = problem.start(x0, "SVRG")
        return SVRGState(x, 0, None, None, problem.reference(x))

    def step(self, problem: FiniteSumProblem, state: SVRGState) -> SVRGState:
        step_size, total = self.step_size_for(problem), sum(problem.smoothness)
        probabilities = [bound / total if total else 1 / len(problem.terms) for bound in problem.smoothness]
        draws = 2 * len(problem.terms) if self.inner_steps is None else self.inner_steps
        parts = [term.gradient(state.x) for term in problem.terms]
        gradient = functools.reduce(torch.add, parts)
        x = state.x
        for i in drawn_terms(self.seed, state.epoch, probabilities, draws):
            v = (problem.terms[i].gradient(x) - parts[i]) / probabilities[i] + gradient
            x = problem.proximable.prox(x - step_size * v, step_size)
        return SVRGState(x, state.epoch + 1, state.x, gradient, state.reference)

    def solution(self, state: SVRGState) -> Tensor:
        return state.x

    def optimality(self, problem: FiniteSumProblem, state: SVRGState) -> Optimality:
        assert state.snapshot is not None
        assert state.gradient is not None
        return problem.residual(state.snapshot, state.gradient, state.reference)

    def objective(self, problem: FiniteSumProblem, state: SVRGState) -> Tensor:
        return problem.objective.value(state.x)
