"""What conjugate gradients never do: raise the objective, or, without a preconditioner, go away from a minimiser."""

from __future__ import annotations

from ....solvers.linear.cgls import CGLS
from ....solvers.linear.conjugate_gradient import ConjugateGradient
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from ._least_squares import SUM_OF_SQUARES
from .conjugate_gradient import unpreconditioned


def _plain(setting: Setting) -> tuple[Premise, ...]:
    """CGLS knows no preconditioner."""
    return (unpreconditioned(setting),) if isinstance(setting.solver, ConjugateGradient) else ()


CONJUGATE_GRADIENT_DESCENT = Rule(
    name="conjugate-gradient-descent",
    statement="conjugate gradients: the objective never increases",
    formula="F(x_k+1) = F(x_k) - <r_k, z_k>^2 / (2 <p_k, H p_k>), preconditioned or not",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., Theorem 5.2: x_k minimises F over growing spaces",
    about=solved_by(ConjugateGradient, CGLS),
    premises=(SUM_OF_SQUARES, EXACT_ADJOINTS),
    concludes="descent",
    conclude=lambda s: Conclusion(statement="conjugate gradients: the objective never increases"),
    further=True,
)

CONJUGATE_GRADIENT_FEJER = Rule(
    name="conjugate-gradient-fejer",
    statement="conjugate gradients: the distance to no minimiser ever increases",
    formula="|x_k+1 - x*| <= |x_k - x*| for every minimiser x*, from any start",
    source="Hestenes, Stiefel (1952), Theorem 6:3; the part of x_k - x* in the null space of H never changes",
    about=solved_by(ConjugateGradient, CGLS),
    premises=(
        SUM_OF_SQUARES,
        Hypothesis(statement="the steps are not preconditioned", concerns=("parameter",), evaluate=_plain),
        EXACT_ADJOINTS,
    ),
    concludes="fejer_monotone",
    conclude=lambda s: Conclusion(statement="conjugate gradients: the distance to no minimiser ever increases"),
    further=True,
)
