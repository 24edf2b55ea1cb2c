"""The convergence of CGLS, with a rate where the condition number is known; its stop by the discrepancy principle."""

from __future__ import annotations

from ....models.iteratively_regularised import IterativelyRegularised
from ....solvers.linear.cgls import CGLS
from ....solvers.linear.conjugate_gradient import ConjugateGradient
from ....solvers.linear.quadratic import LeastSquaresProblem
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Rule, Setting, solved_by
from .._numbers import at_most, factor, padded
from ..gradient.discrepancy import ENOUGH_STEPS, KNOWN_NOISE, STOPPED_BY_DISCREPANCY
from ..gradient.landweber import of_early_stopping
from ._least_squares import SUM_OF_SQUARES, most_steps, smallest_eigenvalue
from .conjugate_gradient import conjugate_gradient_factor


def _conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, LeastSquaresProblem)
    smallest = smallest_eigenvalue(setting.objective)
    if smallest > 0:
        kappa = max(padded(problem.norm_bound**2 / smallest), 1.0)
        q = factor(conjugate_gradient_factor(kappa))
        return Conclusion(
            statement="CGLS: the iterates converge to the minimiser, linearly with factor "
            f"{at_most(q)} (condition number <= {at_most(kappa)})",
            params={"to": "the minimiser"},
            value=q,
            how="(sqrt(kappa) - 1) / (sqrt(kappa) + 1)",
        )
    steps = most_steps(problem.domain)
    return Conclusion(
        statement=f"CGLS: in at most {steps} steps a least-squares solution, from zero the one of smallest norm; no "
        "rate, because the smallest eigenvalue of H is not known",
        params={"to": "the least-squares solution nearest to the start"},
        value=float(steps),
        how="steps",
        formula="x_k = x* for some k <= the number of distinct nonzero eigenvalues of H, in exact arithmetic",
        source="Nocedal, Wright (2006), Theorem 5.4; on the range of H for a semidefinite one",
    )


CGLS_RATE = Rule(
    name="cgls-rate",
    statement="CGLS: the iterates converge to the least-squares solution nearest to the start",
    formula="|x_k - x*|_H <= 2 ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^k |x_0 - x*|_H, H = sum_i c_i K_i* K_i",
    source="Bjorck (1996), Numerical Methods for Least Squares Problems, Section 7.4; Nocedal, Wright (2006), eq. 5.36",
    about=solved_by(CGLS),
    premises=(SUM_OF_SQUARES, EXACT_ADJOINTS),
    concludes="convergent",
    conclude=_conclusion,
)


def _about_discrepancy(setting: Setting) -> bool:
    solver = setting.solver
    if isinstance(solver, ConjugateGradient) and solver.preconditioner is not None:
        return False
    return of_early_stopping(CGLS, ConjugateGradient)(setting)


def _stopped(setting: Setting) -> Conclusion:
    model = setting.subject
    assert isinstance(model, IterativelyRegularised)
    return Conclusion(
        statement="conjugate gradients stopped by the discrepancy principle: the error tends to zero with the noise",
        params={"by": "the discrepancy principle"},
        value=model.factor,
        how="factor",
    )


CGLS_DISCREPANCY = Rule(
    name="cgls-discrepancy",
    statement="conjugate gradients stopped by the discrepancy principle: the error tends to zero with the noise",
    formula="|A x_k - y| <= factor * delta at the stop: x_k -> A^+ A x* as delta -> 0, for factor > 1",
    source="Nemirovskii (1986); Engl, Hanke, Neubauer (1996), Regularization of Inverse Problems, Section 7.3",
    about=_about_discrepancy,
    premises=(STOPPED_BY_DISCREPANCY, KNOWN_NOISE, ENOUGH_STEPS, EXACT_ADJOINTS),
    concludes="regularising",
    conclude=_stopped,
    further=True,
)
