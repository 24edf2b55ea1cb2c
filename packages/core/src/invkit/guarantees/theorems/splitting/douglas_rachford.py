"""The convergence theorem of Douglas and Rachford's splitting."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from ....claims import BY_CONSTRUCTION
from ....functionals.algebra import Scaled, split_composition, terms_of
from ....functionals.base import Functional, Proximable, as_float
from ....operators.capabilities.fourier_symbol import gram_symbol
from ....solvers.splitting.douglas_rachford import DouglasRachford, TwoProximableProblem, coisometry
from ... import premises
from ...hypotheses import EXACT_ADJOINTS, HAS_SADDLE_POINT
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import at_least


def douglas_rachford_bound(relaxation: float, distance: float, k: int) -> float:
    """|x_k - w_k| for distance = |z_0 - z*|.

    z -> z + relaxation (w - x) is averaged with alpha = relaxation / 2, so that sum_k |z_k+1 - z_k|^2 <=
    alpha / (1 - alpha) |z_0 - z*|^2, and these terms never grow.
    """
    return distance / math.sqrt(relaxation * (2 - relaxation) * k)


def _terms(setting: Setting) -> list[tuple[str, Functional]]:
    assert isinstance(setting.problem, TwoProximableProblem)
    return [(f"f_{i}", term) for i, term in enumerate(terms_of(setting.problem.objective), 1)]


def _step(setting: Setting) -> float:
    """t, as the solver sets it."""
    assert isinstance(setting.solver, DouglasRachford)
    assert isinstance(setting.problem, TwoProximableProblem)
    given = setting.solver.step_size
    return float(given) if given is not None else 1 / (setting.problem.lipschitz or 1.0)


def _exact_prox(name: str, term: Functional, step: float) -> Premise:
    """As ``solvers.splitting.douglas_rachford.exact_prox`` builds it: alone, under a coisometry, or a square."""
    weight, part, operator = split_composition(term)
    if isinstance(part, Scaled):
        weight, part = weight * part.weight, part.functional
    assert isinstance(part, Proximable)
    if operator is None:
        return premises.proximable(part, name)
    statement = f"the proximal map of {name} = {term!r} is exact"
    constant = coisometry(operator)
    if constant is not None:
        inner = premises.proximable(part, name)
        premise = Premise(
            statement=statement,
            holds=inner.holds and float(constant) > 0,
            basis=inner.basis,
            value=float(constant),
            how=f"K K* = k id with this k, {type(operator).__name__}",
            remedy=inner.remedy or "drop the term whose operator is zero",
        )
        return resting_on(premise, part, operator)
    symbol = gram_symbol(operator)
    assert symbol is not None  # what else there is, the solver refuses
    largest = 1 + as_float(weight) * step * float(symbol.max())
    limit = 1 / torch.finfo(operator.domain.dtype).eps
    premise = Premise(
        statement=statement,
        holds=largest < limit,
        basis=BY_CONSTRUCTION,
        value=largest,
        bound=limit,
        how="1 + t c K*K is diagonal in the Fourier transform; its largest entry, of which rounding hides none",
        remedy="lower step_size, or leave it out",
    )
    return resting_on(premise, operator)


def _exact_proxes(setting: Setting) -> Iterator[Premise]:
    for name, term in _terms(setting):
        yield _exact_prox(name, term, _step(setting))


def _relaxed(setting: Setting) -> Premise:
    solver = setting.solver
    assert isinstance(solver, DouglasRachford)
    step = _step(setting)
    return Premise(
        statement="the step is positive and the relaxation lies in (0, 2)",
        holds=0 < step < math.inf and 0 < solver.relaxation < 2,
        basis=BY_CONSTRUCTION,
        value=float(solver.relaxation),
        bound=2.0,
        how=f"the relaxation; the step is {step:.6g}",
        remedy="leave step_size and relaxation out",
    )


def _conclusion(setting: Setting) -> Conclusion:
    solver = setting.solver
    assert isinstance(solver, DouglasRachford)
    relaxation = float(solver.relaxation)
    return Conclusion(
        statement="Douglas-Rachford: x_k converges to a minimiser, and |x_k - w_k| <= |z_0 - z*| / "
        f"sqrt({at_least(relaxation)} * {at_least(2 - relaxation)} k)",
        params={"to": "a minimiser"},
        value=relaxation,
        how="relaxation",
    )


DOUGLAS_RACHFORD_CONVERGENCE = Rule(
    name="douglas-rachford-convergence",
    statement="Douglas-Rachford: x_k converges to a minimiser",
    formula="z_k -> z* with prox_f(z*, t) a minimiser, and |x_k - w_k| <= |z_0 - z*| / sqrt(r (2 - r) k), for every "
    "step t > 0 and relaxation r in (0, 2)",
    source="Lions, Mercier (1979); Eckstein, Bertsekas (1992), whose Theorem 3 allows the relaxation; Bauschke, "
    "Combettes (2017), Corollary 28.3",
    about=solved_by(DouglasRachford),
    premises=(
        Hypothesis(
            statement="both functionals are convex",
            concerns=("convex",),
            evaluate=lambda s: (premises.convex(term, name) for name, term in _terms(s)),
        ),
        Hypothesis(
            statement="both proximal maps are exact",
            concerns=("prox", "form"),
            evaluate=_exact_proxes,
        ),
        Hypothesis(
            statement="the step is positive and the relaxation lies in (0, 2)",
            concerns=("step_size", "parameter"),
            evaluate=_relaxed,
        ),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
