"""Premises that several theorems state in the same words, for the forms of problem that solvers solve.

smooth: minimise f.   composite: minimise f + g.   saddle: minimise sum_i f_i(K_i x) + g(x), or h beside them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..functionals.base import Differentiable, Proximable
from ..operators.identity import Identity
from ..solvers.primal_dual.condat_vu import ThreePartProblem
from ..solvers.problems import CompositeProblem, SaddleProblem, SmoothProblem
from . import existence, premises
from .rule import Hypothesis, Premise, Setting


def smooth_part(setting: Setting) -> Differentiable:
    """f of a smooth or a composite problem."""
    problem = setting.problem
    assert isinstance(problem, SmoothProblem | CompositeProblem)
    return problem.smooth


def proximable_part(setting: Setting) -> Proximable:
    """g of a composite or a saddle problem."""
    problem = setting.problem
    assert isinstance(problem, CompositeProblem | SaddleProblem | ThreePartProblem)
    return problem.proximable


def saddle_problem(setting: Setting) -> SaddleProblem:
    """The problem sum_i f_i(K_i x) + g(x)."""
    assert isinstance(setting.problem, SaddleProblem)
    return setting.problem


def block_problem(setting: Setting) -> SaddleProblem | ThreePartProblem:
    """The problem with terms f_i(K_i x) and g(x), and h(x) beside them or not."""
    assert isinstance(setting.problem, SaddleProblem | ThreePartProblem)
    return setting.problem


def saddle_parts(setting: Setting) -> list[tuple[str, Proximable]]:
    """The f_i and g of a saddle problem by name."""
    problem = block_problem(setting)
    return [*((f"f_{i}", f) for i, (f, _) in enumerate(problem.blocks, 1)), ("g", problem.proximable)]


def _bounded_norms(setting: Setting) -> Iterator[Premise]:
    for i, (_, operator) in enumerate(block_problem(setting).blocks, 1):
        if type(operator) is not Identity:  # that the identity has norm 1 is not worth a line
            yield premises.bounded_norm(operator, i)


def _proximable_parts(setting: Setting) -> Iterator[Premise]:
    problem = block_problem(setting)
    for i, ((f, _), conjugate) in enumerate(zip(problem.blocks, problem.conjugates, strict=True), 1):
        yield premises.proximable(f, f"f_{i}", conjugate)  # what steps apply is the map of f_i*
    yield premises.proximable(problem.proximable, "g")


CONVEX_F = Hypothesis(
    statement="f is convex", concerns=("convex",), evaluate=lambda s: premises.convex(smooth_part(s), "f")
)
CONVEX_G = Hypothesis(
    statement="g is convex", concerns=("convex",), evaluate=lambda s: premises.convex(proximable_part(s), "g")
)
STRONGLY_CONVEX_F = Hypothesis(
    statement="f is strongly convex",
    concerns=("strongly_convex",),
    evaluate=lambda s: premises.strongly_convex(smooth_part(s), "f"),
)
SMOOTH_F = Hypothesis(
    statement="the gradient of f is Lipschitz with a known constant L",
    concerns=("smooth",),
    evaluate=lambda s: premises.smooth(smooth_part(s), "f"),
)
PROXIMABLE_G = Hypothesis(
    statement="the proximal map of g is exact",
    concerns=("prox",),
    evaluate=lambda s: premises.proximable(proximable_part(s), "g"),
)
CONVEX_PARTS = Hypothesis(
    statement="every f_i and g are convex",
    concerns=("convex",),
    evaluate=lambda s: (premises.convex(f, name) for name, f in saddle_parts(s)),
)
PROXIMABLE_PARTS = Hypothesis(
    statement="the proximal maps of every f_i and of g are exact",
    concerns=("prox",),
    evaluate=_proximable_parts,
)
BOUNDED_NORMS = Hypothesis(statement="every |K_i| is bounded", concerns=("norm_bound",), evaluate=_bounded_norms)
EXACT_ADJOINTS = Hypothesis(
    statement="every operator is linear and its adjoint is exact",
    concerns=("linear", "adjoint"),
    evaluate=lambda s: premises.exact_adjoints(s.objective),
)
HAS_MINIMISER = Hypothesis(
    statement="a minimiser exists", concerns=("existence",), evaluate=lambda s: existence.has_minimiser(s.objective)
)
HAS_SADDLE_POINT = Hypothesis(
    statement="a saddle point exists",
    concerns=("existence",),
    evaluate=lambda s: existence.has_saddle_point(s.objective),
)
