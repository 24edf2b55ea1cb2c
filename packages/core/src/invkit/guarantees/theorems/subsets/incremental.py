"""The convergence of incremental gradients with falling steps over a bounded set, in any order of the terms."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from ....claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED
from ....functionals.algebra import Scaled
from ....functionals.base import Functional
from ....functionals.indicators import Ball, Box
from ....functionals.linfinity import L1Ball
from ....functionals.simplex import Simplex
from ....solvers.subsets.finite_sum import FiniteSumProblem
from ....solvers.subsets.ordered_subsets import OrderedSubsets
from ....solvers.subsets.stochastic_gradient import StochasticGradient
from ... import premises
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by


def _problem(setting: Setting) -> FiniteSumProblem:
    assert isinstance(setting.problem, FiniteSumProblem)
    return setting.problem


def _solver(setting: Setting) -> OrderedSubsets | StochasticGradient:
    assert isinstance(setting.solver, OrderedSubsets | StochasticGradient)
    return setting.solver


def is_bounded_set(g: Functional) -> bool:
    """Whether g is the indicator of a bounded set, as far as its type tells."""
    while isinstance(g, Scaled):
        g = g.functional
    if type(g) is Box:
        return all(bool(torch.isfinite(torch.as_tensor(bound)).all()) for bound in (g.low, g.high))
    return type(g) in (Ball, L1Ball, Simplex)


def _convex_terms(setting: Setting) -> Iterator[Premise]:
    for i, term in enumerate(_problem(setting).terms, 1):
        yield premises.convex(term, f"f_{i}")


def _smooth_terms(setting: Setting) -> Iterator[Premise]:
    for i, term in enumerate(_problem(setting).terms, 1):
        yield premises.smooth(term, f"f_{i}")


def _bounded(setting: Setting) -> Premise:
    g = _problem(setting).proximable
    bounded = is_bounded_set(g)
    premise = Premise(
        statement="g is the indicator of a bounded set",
        holds=bounded,
        basis=BY_CONSTRUCTION if bounded else ASSUMED,
        how=f"g = {g!r}" if bounded else f"g = {g!r} is not known to be one, so that gradients may not be bounded",
        remedy="constrain the images to a bounded set, such as Box(0.0, 1.0)",
    )
    return premises.resting_on(premise, g)


def _falling(setting: Setting) -> Premise:
    decay = _solver(setting).decay
    return Premise(
        statement="the steps fall like 1/k",
        holds=0 < decay < math.inf,
        basis=BY_CONSTRUCTION,
        value=float(decay),
        bound=0.0,
        how="decay; they sum to infinity and their squares do not",
        remedy="give a decay above 0: a constant step ends in a cycle",
    )


def _equal_batches(setting: Setting) -> tuple[Premise, ...]:
    solver, count = _solver(setting), len(_problem(setting).terms)
    if isinstance(solver, OrderedSubsets):
        return ()  # every term alone
    size = min(int(solver.batch_size), count)
    premise = Premise(
        statement="all batches have the same size",
        holds=count % size == 0,
        basis=BY_CONSTRUCTION,
        value=float(count % size),
        bound=0.0,
        how=f"what {count} terms in batches of {size} leave over",
        remedy="choose a batch_size that divides the number of terms",
    )
    return (premise,)


def _step(setting: Setting) -> Premise:
    problem, solver = _problem(setting), _solver(setting)
    largest = len(problem.terms) * max(problem.smoothness)
    bound = 2 / largest if largest > 0 else math.inf
    given = solver.step_size if solver.step_size is not None else bound / 2 if math.isfinite(bound) else 1.0
    premise = Premise(
        statement="the first step lies in (0, 2/(m max L_i)), as the solver asks",
        holds=0 < given < bound,
        basis=min((i.basis for i in (t.smoothness() for t in problem.terms) if i is not None), default=CERTIFIED),
        value=float(given),
        bound=bound,
        how=f"m = {len(problem.terms)} terms",
        remedy="leave step_size out, or lower it",
    )
    return premises.resting_on(premise, *problem.terms)


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="incremental gradients with falling steps: the iterates converge to a minimiser, in any order",
        params={"to": "a minimiser"},
        value=float(_solver(setting).decay),
        how="decay of the steps",
    )


INCREMENTAL_GRADIENT = Rule(
    name="incremental-gradient",
    statement="incremental gradients with falling steps over a bounded set: the iterates converge to a minimiser",
    formula="|x_k+1 - z|^2 <= |x_k - z|^2 - 2 a_k (f(x_k) - f(z)) + a_k^2 C^2 for z in the set, with sum a_k = inf and "
    "sum a_k^2 < inf; C the sum of bounds of the gradients of the batches on it",
    source="Nedic, Bertsekas (2001), Incremental subgradient methods for nondifferentiable optimization, SIAM J. "
    "Optim. 12, 109-138, Section 2, for diminishing steps; its inequality does not depend on the order in a pass",
    about=solved_by(OrderedSubsets, StochasticGradient),
    premises=(
        Hypothesis(statement="every f_i is convex", concerns=("convex",), evaluate=_convex_terms),
        Hypothesis(
            statement="every gradient f_i is Lipschitz with a known constant L_i",
            concerns=("smooth",),
            evaluate=_smooth_terms,
        ),
        Hypothesis(statement="g is the indicator of a bounded set", concerns=("form",), evaluate=_bounded),
        Hypothesis(
            statement="the proximal map of g is exact",
            concerns=("prox",),
            evaluate=lambda s: premises.proximable(_problem(s).proximable, "g"),
        ),
        Hypothesis(statement="the steps fall like 1/k", concerns=("step_size",), evaluate=_falling),
        Hypothesis(
            statement="the first step lies in (0, 2/(m max L_i)), as the solver asks",
            concerns=("step_size", "smooth"),
            evaluate=_step,
        ),
        Hypothesis(statement="all batches have the same size", concerns=("parameter",), evaluate=_equal_batches),
        EXACT_ADJOINTS,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
