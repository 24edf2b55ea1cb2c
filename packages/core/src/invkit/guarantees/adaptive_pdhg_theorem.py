"""The convergence theorem of PDHG whose steps settle by themselves."""

from __future__ import annotations

from ..claims import BY_CONSTRUCTION
from ..operators.identity import Identity
from ..solvers.primal_dual.adaptive_pdhg import AdaptivePDHG
from ..solvers.problems import SaddleProblem
from .pdhg_theorem import bounded_norm
from .premises import convex, exact_adjoints, has_saddle_point, proximable
from .rule import Conclusion, Premise, Rule, Setting


def _premises(setting: Setting) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, SaddleProblem)
    parts = [(f"f_{i}", f) for i, (f, _) in enumerate(problem.blocks, 1)] + [("g", problem.proximable)]
    return (
        *(convex(f, name) for name, f in parts),
        *(proximable(f, name) for name, f in parts),
        *(bounded_norm(k, i) for i, (_, k) in enumerate(problem.blocks, 1) if not isinstance(k, Identity)),
        Premise(
            statement="tau * sum_i sigma_i |K_i|^2 < 1 at every step",
            holds=True,
            basis=min(operator.norm().basis for _, operator in problem.blocks),
            how="tau is set to that, from the upper bounds of the norms",
        ),
        Premise(
            statement="the relative changes of the steps are summable",
            holds=True,
            basis=BY_CONSTRUCTION,
            how="each is bounded, with a weight that falls geometrically",
        ),
        *exact_adjoints(setting.objective),
        has_saddle_point(setting.objective),
    )


def _conclusion(setting: Setting) -> Conclusion:
    return Conclusion(
        statement="adaptive PDHG: the iterates converge to a saddle point, whose image is a minimiser",
        property="convergent",
        params={"to": "a minimiser"},
    )


ADAPTIVE_PDHG_CONVERGENCE = Rule(
    name="adaptive-pdhg-convergence",
    statement="adaptive PDHG: the iterates converge to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) if tau * sum_i sigma_i |K_i|^2 < 1 always and sum_k |log(step_k+1 / step_k)| < inf",
    source="PDHG is a proximal point method in the metric of its steps (He, Yuan 2012); such metrics may change by "
    "factors with a finite product (Combettes, Vu 2014, Variable metric forward-backward splitting, Theorem 4.1)",
    solver=AdaptivePDHG,
    premises=_premises,
    conclude=_conclusion,
)
