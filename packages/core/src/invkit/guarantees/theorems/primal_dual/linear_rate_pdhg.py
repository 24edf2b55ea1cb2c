"""The linear rate of PDHG where g and every f_i* are strongly convex."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ....claims import ASSUMED, BY_CONSTRUCTION, find_claim
from ....errors import ConfigError
from ....functionals.base import Differentiable
from ....functionals.moduli import is_convex
from ....solvers.primal_dual.accelerated_pdhg import LinearRatePDHG, modulus_of
from ...hypotheses import BOUNDED_NORMS, CONVEX_PARTS, EXACT_ADJOINTS, PROXIMABLE_PARTS, saddle_problem
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ._numbers import SLACK, are_steps, not_above, not_below
from .accelerated_pdhg import STRONGLY_CONVEX_G


def _smooth_parts(setting: Setting) -> Iterator[Premise]:
    problem = saddle_problem(setting)
    for i, ((f, _), conjugate) in enumerate(zip(problem.blocks, problem.conjugates, strict=True), 1):
        smooth = f.smoothness() if isinstance(f, Differentiable) and is_convex(f.convexity()) else None
        stated = find_claim(conjugate.claims(), "strongly_convex")
        modulus = 1 / smooth.upper if smooth is not None and smooth.upper > 0 else 0.0
        basis = smooth.basis if smooth is not None else ASSUMED
        if stated is not None and stated.params["modulus"] >= modulus:  # the larger one is what the steps use
            modulus, basis = float(stated.params["modulus"]), stated.basis
        premise = Premise(
            statement=f"f_{i} = {f!r} is smooth, so that f_{i}* is strongly convex",
            holds=modulus > 0,
            basis=basis,
            value=modulus,
            how="modulus of f*" if modulus > 0 else "no Lipschitz constant of its gradient is known",
            remedy="smooth the term (core/huber-tv instead of core/tv), or use core/pdhg-accelerated, which needs none",
        )
        yield resting_on(premise, f, conjugate)


def _saddle_point(setting: Setting) -> Premise:
    problem = saddle_problem(setting)
    premise = Premise(
        statement="a saddle point exists and is unique",
        holds=True,
        basis=BY_CONSTRUCTION,
        how="one minimiser, since g is strongly convex, and there y_i = gradient f_i(K_i x)",
    )
    return resting_on(premise, problem.proximable, *(f for f, _ in problem.blocks), *problem.conjugates)


def _steps(setting: Setting) -> Premise:
    solver, problem = setting.solver, saddle_problem(setting)
    assert isinstance(solver, LinearRatePDHG)
    operators = [operator for _, operator in problem.blocks]
    remedy = "scale the objective so that no step is zero or infinite"
    try:
        tau, sigma = solver.step_sizes(problem)
    except ConfigError as error:
        tau, sigma, remedy = math.nan, (), str(error)
    premise = Premise(
        statement="mu <= 2 sqrt(gamma) / L with L^2 = sum_i |K_i|^2 / delta_i",
        holds=are_steps(tau, *sigma),
        basis=min(operator.norm().basis for operator in operators),
        value=tau,
        how="tau = mu / (2 gamma); mu is set to that, from the upper bounds of the norms",
        remedy=remedy,
    )
    return resting_on(premise, *operators)


def _conclusion(setting: Setting) -> Conclusion:
    solver, problem = setting.solver, saddle_problem(setting)
    assert isinstance(solver, LinearRatePDHG)
    gamma, theta = modulus_of(problem, "LinearRatePDHG"), min(1.0, solver.rate(problem) * (1 + SLACK))
    return Conclusion(
        statement="PDHG with constant steps: gamma |x_k - x*|^2 + (1 - theta) sum_i delta_i |y_i,k - y_i*|^2 <= "
        f"theta^k (gamma |x_0 - x*|^2 + sum_i delta_i |y_i,0 - y_i*|^2), gamma = {not_above(gamma)}, theta <= "
        f"{not_below(theta)}",
        params={"to": "the minimiser"},
        value=theta,
        how="theta, the factor of the squared distances",
    )


PDHG_LINEAR_RATE = Rule(
    name="pdhg-linear-rate",
    statement="PDHG with constant steps: the iterates converge linearly to the saddle point",
    formula="gamma |x_k - x*|^2 + (1 - theta) sum_i delta_i |y_i,k - y_i*|^2 <= theta^k (gamma |x_0 - x*|^2 + sum_i "
    "delta_i |y_i,0 - y_i*|^2), theta = 1 / (1 + mu), mu = 2 sqrt(gamma) / L, L^2 = sum_i |K_i|^2 / delta_i",
    source="Chambolle, Pock (2011), Algorithm 3 and Theorem 3, with y_i scaled by delta_i^(1/2); for one common delta, "
    "the parameters of the dissertation's section 1.C.2",
    about=solved_by(LinearRatePDHG),
    premises=(
        CONVEX_PARTS,
        STRONGLY_CONVEX_G,
        Hypothesis(
            statement="every f_i is smooth, so that f_i* is strongly convex with a known modulus delta_i",
            concerns=("smooth", "strongly_convex"),
            evaluate=_smooth_parts,
        ),
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        Hypothesis(
            statement="mu <= 2 sqrt(gamma) / L with L^2 = sum_i |K_i|^2 / delta_i",
            concerns=("step_size", "norm_bound"),
            evaluate=_steps,
        ),
        EXACT_ADJOINTS,
        Hypothesis(statement="a saddle point exists and is unique", concerns=("existence",), evaluate=_saddle_point),
    ),
    concludes="convergent",
    conclude=_conclusion,
)
