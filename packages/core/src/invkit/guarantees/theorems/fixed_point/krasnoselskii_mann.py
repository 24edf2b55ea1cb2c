"""The theorem of Krasnosel'skii and Mann, and how averaged a composition is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....claims import ASSUMED, Claim
from ....solvers.fixed_point import Factor, FixedPointProblem, KrasnoselskiiMann
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by


def composed_averagedness(alphas: Sequence[float]) -> float:
    """alpha of a composition of alpha_i-averaged maps: 1 / (1 + 1 / sum_i alpha_i / (1 - alpha_i)).

    Source: Combettes, Yamada (2015), Proposition 2.5.
    """
    total = sum(alpha / (1 - alpha) for alpha in alphas)
    return total / (1 + total)


def averagedness(claim: Claim | None) -> float | None:
    """alpha of what a claim says, 1 for a map that is only nonexpansive; None if it says neither."""
    if claim is None:
        return None
    if claim.property == "averaged":
        return float(claim.params["alpha"])
    if claim.property == "firmly_nonexpansive":
        return 0.5
    if claim.property == "nonexpansive":
        return 1.0
    if claim.property == "lipschitz" and claim.params["constant"] < 1:
        # (1 + c) / 2: a c-Lipschitz map is c N, and (1 - a) id + a N' with a = (1 + c) / 2 has it.
        return (1 + float(claim.params["constant"])) / 2
    return 1.0 if claim.property == "lipschitz" and claim.params["constant"] == 1 else None


def _factors(setting: Setting) -> tuple[Factor, ...]:
    problem = setting.problem
    assert isinstance(problem, FixedPointProblem)
    return problem.factors


def _alpha(setting: Setting) -> float | None:
    """alpha of the whole map; None if a factor claims nothing, 1 if one is only nonexpansive."""
    alphas = [averagedness(factor.claim) for factor in _factors(setting)]
    known = [alpha for alpha in alphas if alpha is not None]
    if not alphas or len(known) < len(alphas):
        return None
    return 1.0 if max(known) >= 1 else composed_averagedness(known)


def _all_averaged(setting: Setting) -> tuple[Premise, ...]:
    return tuple(_averaged(factor) for factor in _factors(setting))


def _relaxed(setting: Setting) -> Premise:
    alpha, solver = _alpha(setting), setting.solver
    assert isinstance(solver, KrasnoselskiiMann)
    bound = math.inf if alpha is None else 1 / alpha
    if alpha is None:
        how = "T is not known to be averaged"
    else:
        how = f"T is {alpha:.6g}-averaged" if alpha < 1 else "T is only known to be nonexpansive"
    return Premise(
        statement="the relaxation lies in (0, 1/alpha)",
        holds=alpha is not None and 0 < solver.relaxation < bound,
        basis=min((premise.basis for premise in _all_averaged(setting)), default=ASSUMED),
        value=solver.relaxation,
        bound=None if alpha is None else bound,
        how=how,
        remedy="lower the relaxation, below 1 for a map that is only nonexpansive",
    )


def _exists(setting: Setting) -> Premise:
    return Premise(statement="T has a fixed point", holds=True, basis=ASSUMED, how="assumed")


def _averaged(factor: Factor) -> Premise:
    alpha = averagedness(factor.claim)
    return Premise(
        statement=f"{factor.what}: averaged",
        holds=alpha is not None,
        basis=ASSUMED if factor.claim is None else factor.claim.basis,
        value=alpha,
        bound=1.0,
        how="nothing that helps is claimed" if factor.claim is None else f"{factor.claim}; {factor.claim.evidence}",
        remedy="use a denoiser that claims to be averaged or nonexpansive, and a step size in range",
    )


def _conclusion(setting: Setting) -> Conclusion:
    alpha = _alpha(setting)
    return Conclusion(
        statement="the iterates converge to a fixed point, and |T(x_k) - x_k| to zero",
        params={"to": "a fixed point"},
        value=alpha,
        how="alpha of T" if alpha is not None and alpha < 1 else "T nonexpansive, relaxed",
    )


KRASNOSELSKII_MANN = Rule(
    name="krasnoselskii-mann",
    statement="fixed-point iteration of an averaged map converges to a fixed point",
    formula="x_k -> x* = T(x*); alpha of a composition: 1 / (1 + 1 / sum_i alpha_i / (1 - alpha_i))",
    source="Bauschke, Combettes (2011), Proposition 5.15; Combettes, Yamada (2015), Proposition 2.5",
    about=solved_by(KrasnoselskiiMann),
    premises=(
        Hypothesis(
            statement="every factor of T is averaged, or nonexpansive",
            concerns=("averaged", "nonexpansive", "lipschitz"),
            evaluate=_all_averaged,
        ),
        Hypothesis(
            statement="the relaxation lies in (0, 1/alpha)", concerns=("parameter", "averaged"), evaluate=_relaxed
        ),
        EXACT_ADJOINTS,
        Hypothesis(statement="T has a fixed point", concerns=("existence",), evaluate=_exists),
    ),
    concludes="convergent",
    conclude=_conclusion,
)
