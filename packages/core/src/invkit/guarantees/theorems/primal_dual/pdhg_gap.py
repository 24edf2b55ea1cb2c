"""The rate of the averages of PDHG's iterates, in the gap between primal and dual."""

from __future__ import annotations

from collections.abc import Sequence

from ....functionals.base import as_float
from ....solvers.primal_dual.pdhg import PDHG
from ...hypotheses import BOUNDED_NORMS, CONVEX_PARTS, EXACT_ADJOINTS, PROXIMABLE_PARTS, saddle_problem
from ...rule import Conclusion, Rule, Setting, solved_by
from ._numbers import SLACK, not_below
from .pdhg import PDHG_STEPS


def pdhg_gap_bound(tau: float, sigma: Sequence[float], squared_x: float, squared_y: Sequence[float], k: int) -> float:
    """L(X_k, y) - L(x, Y_k) for squared_x = |x - x_0|^2 and squared_y = |y_i - y_i,0|^2."""
    duals = sum(square / s for square, s in zip(squared_y, sigma, strict=True))
    return (squared_x / tau + duals) / (2 * k)


def _conclusion(setting: Setting) -> Conclusion:
    solver = setting.solver
    assert isinstance(solver, PDHG)
    tau, sigma = solver.step_sizes(saddle_problem(setting))
    weights = [(1 + SLACK) / (2 * as_float(step)) for step in (tau, *sigma)]
    duals = " + ".join(f"{not_below(w)} |y_{i} - y_{i},0|^2" for i, w in enumerate(weights[1:], 1))
    return Conclusion(
        statement="PDHG: the averages X_k, Y_k of the first k iterates fulfil, for every x and y, "
        f"L(X_k, y) - L(x, Y_k) <= ({not_below(weights[0])} |x - x_0|^2 + {duals}) / k",
        params={"to": "the saddle value"},
        value=weights[0],
        how="1 / (2 tau)",
        part="the averages of the iterates",
    )


PDHG_GAP_RATE = Rule(
    name="pdhg-gap-rate",
    statement="PDHG: the averages of the iterates close the gap between primal and dual like 1/k",
    formula="L(X_k, y) - L(x, Y_k) <= (|x - x_0|^2 / (2 tau) + sum_i |y_i - y_i,0|^2 / (2 sigma_i)) / k for every "
    "x, y, with L(x, y) = sum_i Re <K_i x, y_i> - f_i*(y_i) + g(x), X_k = (x_1 + ... + x_k) / k, Y_k likewise",
    source="Chambolle, Pock (2011), Theorem 1 (b), whose proof uses tau sigma |K|^2 <= 1 only",
    about=solved_by(PDHG),
    premises=(CONVEX_PARTS, PROXIMABLE_PARTS, BOUNDED_NORMS, PDHG_STEPS, EXACT_ADJOINTS),
    concludes="convergent",
    conclude=_conclusion,
    further=True,
)
