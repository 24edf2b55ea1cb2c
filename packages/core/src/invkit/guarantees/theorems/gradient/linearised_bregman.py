"""The convergence of the linearised Bregman iteration: gradient ascent on the dual of a strongly convex problem."""

from __future__ import annotations

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....functionals.norms import SquaredL2
from ....functionals.zero import Zero
from ....solvers.gradient.linearised_bregman import ConstrainedProblem, LinearisedBregman
from ... import existence, premises
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import at_most


def _problem(setting: Setting) -> ConstrainedProblem:
    assert isinstance(setting.problem, ConstrainedProblem)
    return setting.problem


def _solver(setting: Setting) -> LinearisedBregman:
    assert isinstance(setting.solver, LinearisedBregman)
    return setting.solver


def _about_j(setting: Setting) -> bool:
    return type(_problem(setting).proximable) is not Zero


def _step(setting: Setting) -> Premise:
    solver, norm = _solver(setting), _problem(setting).operator.norm()
    largest = norm.upper**2
    bound = 2 * solver.quadratic_weight / largest if largest > 0 else float("inf")
    used = solver.step_size
    if used is None:
        used = solver.step_size_for(_problem(setting))
    premise = Premise(
        statement="the step size lies in (0, 2 mu / |A|^2)",
        holds=0 < used < bound,
        basis=norm.basis,
        value=used,
        bound=bound,
        how=f"mu = {solver.quadratic_weight:g}, |A| <= {at_most(norm.upper)}, {norm.how}",
        remedy="leave step_size out, or lower it",
    )
    return premises.resting_on(premise, _problem(setting).operator, setting.objective)


def _solvable(setting: Setting) -> Premise:
    j = _problem(setting).proximable
    finite = existence.finite_everywhere(j)
    premise = Premise(
        statement="J is finite everywhere, or else finite near a solution of A*A x = A*y",
        holds=True,
        basis=BY_CONSTRUCTION if finite else ASSUMED,
        how="J is finite everywhere, and A*A x = A*y always has a solution" if finite else "assumed",
    )
    return premises.resting_on(premise, j)


def _conclusion(setting: Setting) -> Conclusion:
    mu = _solver(setting).quadratic_weight
    return Conclusion(
        statement=f"linearised Bregman: the iterates converge to the minimiser of J + {mu / 2:g} |x|^2 subject to "
        "A*A x = A*y, which is A x = y where that has a solution",
        params={"to": "the minimiser of J + (mu/2) |x|^2 subject to A*A x = A*y"},
        value=mu,
        how="mu",
    )


LINEARISED_BREGMAN = Rule(
    name="linearised-bregman",
    statement="linearised Bregman: the iterates converge to the minimiser of J + (mu/2) |x|^2 subject to A*A x = A*y",
    formula="x_k -> argmin {J(x) + (mu/2) |x|^2 : A*A x = A*y}, for a constant step size in (0, 2 mu / |A|^2)",
    source="Yin (2010), Analysis and generalizations of the linearized Bregman method, Section 2: it is gradient "
    "descent on the dual, whose gradient has the constant |A|^2 / mu; Cai, Osher, Shen (2009) for J = |x|_1; duality "
    "by Rockafellar (1970), Convex Analysis, Corollary 31.2.1",
    about=solved_by(LinearisedBregman),
    premises=(
        Hypothesis(
            statement="J is convex",
            concerns=("convex",),
            evaluate=lambda s: (premises.convex(_problem(s).proximable, "J"),) if _about_j(s) else (),
        ),
        Hypothesis(
            statement="the proximal map of J is exact",
            concerns=("prox",),
            evaluate=lambda s: (premises.proximable(_problem(s).proximable, "J"),) if _about_j(s) else (),
        ),
        Hypothesis(
            statement="the step size lies in (0, 2 mu / |A|^2)", concerns=("step_size", "norm_bound"), evaluate=_step
        ),
        Hypothesis(
            statement="J is finite everywhere, or else finite near a solution of A*A x = A*y",
            concerns=("existence",),
            evaluate=_solvable,
        ),
        Hypothesis(
            statement="A is linear and its adjoint is exact",
            concerns=("linear", "adjoint"),
            evaluate=lambda s: premises.exact_adjoints(SquaredL2() @ _problem(s).operator),
        ),
    ),
    concludes="convergent",
    conclude=_conclusion,
)
