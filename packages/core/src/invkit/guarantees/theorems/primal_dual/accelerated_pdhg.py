"""The rate of PDHG whose steps change with the modulus of g."""

from __future__ import annotations

import math

from ....claims import BY_CONSTRUCTION
from ....functionals.base import as_float
from ....solvers.primal_dual.accelerated_pdhg import AcceleratedPDHG, modulus_of
from ... import premises
from ...hypotheses import (
    BOUNDED_NORMS,
    CONVEX_PARTS,
    EXACT_ADJOINTS,
    HAS_SADDLE_POINT,
    PROXIMABLE_PARTS,
    proximable_part,
    saddle_problem,
)
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ._numbers import SLACK, are_steps, not_above

STRONGLY_CONVEX_G = Hypothesis(
    statement="g is strongly convex with a known modulus gamma",
    concerns=("strongly_convex",),
    evaluate=lambda s: premises.strongly_convex(proximable_part(s), "g"),
)


def accelerated_bound(tau: float, growth: float, squared_x: float, duals: float, k: int) -> float:
    """|x_k - x*|^2 for squared_x = |x_0 - x*|^2 and duals = sum_i |y_i*|^2 / sigma_i, with the first steps.

    growth: c gamma tau with c = 2 / (1 + sqrt(1 + 2 gamma tau)), as ``growth_of`` has it.
    """
    return (squared_x + tau * duals) / (1 + growth * k) ** 2


def growth_of(gamma: float, tau: float) -> float:
    """By how much tau / tau_k grows at least in each step.

    1 / (gamma tau_k) =: s_k obeys s_k+1 = sqrt(s_k^2 + 2 s_k), so s_k+1 - s_k = 2 / (1 + sqrt(1 + 2 / s_k)) grows.
    """
    return 2 * gamma * tau / (1 + math.sqrt(1 + 2 * gamma * tau)) * (1 - SLACK)


def last_bounded(gamma: float, tau: float, floor: float) -> float:
    """A number of steps up to which the bound holds: s_k < s_0 + k, and the steps change while s_k < 1 / floor."""
    return math.inf if floor == 0 else max(1, math.floor((1 / floor - 1 / (gamma * tau)) * (1 - SLACK)) + 1)


def _first_steps(setting: Setting) -> tuple[float, tuple[float, ...]]:
    """tau and sigma_i as the solver begins with them."""
    assert isinstance(setting.solver, AcceleratedPDHG)
    tau, sigma = setting.solver.step_sizes(saddle_problem(setting))
    return as_float(tau), tuple(as_float(s) for s in sigma)


def _steps(setting: Setting) -> Premise:
    blocks = saddle_problem(setting).blocks
    if (proximable_part(setting).convexity() or 0.0) > 0:
        tau, sigma = _first_steps(setting)
        product = tau * sum(s * k.norm().upper ** 2 for s, (_, k) in zip(sigma, blocks, strict=True))
    else:
        tau, sigma, product = math.nan, (), math.nan
    premise = Premise(
        statement="the first steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1",
        holds=are_steps(tau, *sigma) and product <= 1,
        basis=min((BY_CONSTRUCTION, *(operator.norm().basis for _, operator in blocks))),
        value=product,
        bound=1.0,
        how="with the upper bounds of the norms; the product stays",
        remedy="leave tau out",
    )
    return resting_on(premise, *(operator for _, operator in blocks))


def _conclusion(setting: Setting) -> Conclusion:
    solver, problem = setting.solver, saddle_problem(setting)
    assert isinstance(solver, AcceleratedPDHG)
    gamma = modulus_of(problem, "AcceleratedPDHG")
    tau, _ = _first_steps(setting)
    growth, last = growth_of(gamma, tau), last_bounded(gamma, tau, solver.floor)
    until = "for every k" if last == math.inf else f"for k <= {last:g}; then the steps stay, and it converges"
    return Conclusion(
        statement="accelerated PDHG: |x_k - x*|^2 <= (|x_0 - x*|^2 + tau_0 sum_i |y_i*|^2 / sigma_i,0) / "
        f"(1 + {not_above(growth)} k)^2 {until}",
        params={"to": "the minimiser"},
        value=growth,
        lower=True,
        how="2 gamma tau_0 / (1 + sqrt(1 + 2 gamma tau_0))",
    )


PDHG_ACCELERATED_RATE = Rule(
    name="pdhg-accelerated-rate",
    statement="accelerated PDHG: the iterates converge to the minimiser, like 1/k as long as the steps change",
    formula="|x_k - x*|^2 <= (|x_0 - x*|^2 + tau_0 sum_i |y_i*|^2 / sigma_i,0) / (1 + r k)^2, "
    "r = 2 gamma tau_0 / (1 + sqrt(1 + 2 gamma tau_0)), while gamma tau_k > floor",
    source="Chambolle, Pock (2011), Algorithm 2 and the proof of Theorem 2, with tau_k <= tau_0 / (1 + r k); for steps "
    "that stay, Theorem 1 (c)",
    about=solved_by(AcceleratedPDHG),
    premises=(
        CONVEX_PARTS,
        STRONGLY_CONVEX_G,
        PROXIMABLE_PARTS,
        BOUNDED_NORMS,
        Hypothesis(
            statement="the first steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1",
            concerns=("step_size", "norm_bound"),
            evaluate=_steps,
        ),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
