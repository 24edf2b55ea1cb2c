"""The theorems of the core, one constant each. They speak of exact arithmetic; step sizes use rigorous upper bounds."""

from __future__ import annotations

import math

from ..claims import ASSUMED, BY_CONSTRUCTION, find_claim
from ..errors import ConfigError
from ..functionals.base import Differentiable
from ..operators.base import LinearOperator
from ..operators.identity import Identity
from ..solvers.conjugate_gradient import ConjugateGradient
from ..solvers.fista import FISTA
from ..solvers.gradient_descent import GradientDescent
from ..solvers.pdhg import PDHG
from ..solvers.problems import CompositeProblem, LinearProblem, SaddleProblem, SmoothProblem
from ..solvers.proximal_gradient import ProximalGradient
from .premises import convex, exact_adjoints, has_minimiser, has_saddle_point, proximable, smooth, step_below
from .rule import Conclusion, Premise, Rule, Setting


def gradient_descent_bound(step_size: float, lipschitz: float, gap: float, distance: float, k: int) -> float:
    """f(x_k) - f* for gap = f(x_0) - f* and distance = |x_0 - x*|; Nesterov (2018), Theorem 2.1.14."""
    squared = distance**2
    return 2 * gap * squared / (2 * squared + k * step_size * (2 - lipschitz * step_size) * gap)


def fista_bound(step_size: float, distance: float, k: int) -> float:
    """F(x_k) - F* for distance = |x_0 - x*|; Beck, Teboulle (2009), Theorem 4.4 with L = 1 / step_size."""
    return 2 * distance**2 / (step_size * (k + 1) ** 2)


def conjugate_gradient_factor(condition_number: float) -> float:
    """q of |x_k - x*|_H <= 2 q^k |x_0 - x*|_H; Nocedal, Wright (2006), eq. 5.36."""
    root = math.sqrt(condition_number)
    return (root - 1) / (root + 1)


def _step_size(setting: Setting, function: Differentiable) -> float | None:
    """The step size that would be used, even one that the solver would refuse; None if there is none."""
    given = getattr(setting.solver, "step_size", None)
    if given is not None:
        return float(given)
    lipschitz = function.smoothness()
    return None if lipschitz is None else setting.solver.step_size_for(setting.problem)  # type: ignore[attr-defined]


def _gradient_descent_premises(setting: Setting) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, SmoothProblem)
    f = problem.smooth
    return (
        convex(f, "f"),
        smooth(f, "f"),
        step_below(_step_size(setting, f), f, 2.0, strict=True),
        *exact_adjoints(setting.objective),
        has_minimiser(setting.objective),
    )


def _gradient_descent_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, SmoothProblem)
    step_size, lipschitz = _step_size(setting, problem.smooth), problem.smooth.smoothness()
    assert step_size is not None
    assert lipschitz is not None
    at_one = math.isclose(step_size * lipschitz.upper, 1.0, rel_tol=1e-12)
    rate = 2 * lipschitz.upper
    return Conclusion(
        statement="gradient descent: the objective converges to its minimum"
        + (f", f(x_k) - f* <= {rate:.6g} |x_0 - x*|^2 / (k + 4)" if at_one else ""),
        property="convergent",
        params={"to": "the minimal objective value"},
        value=step_size,
        how="step size",
        formula="f(x_k) - f* <= 2 L |x_0 - x*|^2 / (k + 4)" if at_one else "",
        source="Nesterov (2018), Lectures on Convex Optimization, Corollary 2.1.2" if at_one else "",
    )


GRADIENT_DESCENT = Rule(
    name="gradient-descent",
    statement="gradient descent: the objective converges to its minimum",
    formula="f(x_k) - f* <= 2 (f(x_0) - f*) |x_0 - x*|^2 / (2 |x_0 - x*|^2 + k h (2 - L h) (f(x_0) - f*)), h the step",
    source="Nesterov (2018), Lectures on Convex Optimization, Theorem 2.1.14",
    solver=GradientDescent,
    premises=_gradient_descent_premises,
    conclude=_gradient_descent_conclusion,
)


def _composite_premises(setting: Setting, limit: float, *, strict: bool) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, CompositeProblem)
    f, g = problem.smooth, problem.proximable
    return (
        convex(f, "f"),
        convex(g, "g"),
        smooth(f, "f"),
        proximable(g, "g"),
        step_below(_step_size(setting, f), f, limit, strict=strict),
        *exact_adjoints(setting.objective),
        has_minimiser(setting.objective),
    )


def _proximal_gradient_premises(setting: Setting) -> tuple[Premise, ...]:
    return _composite_premises(setting, 2.0, strict=True)


def _proximal_gradient_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, CompositeProblem)
    return Conclusion(
        statement="proximal gradient: the iterates converge to a minimiser",
        property="convergent",
        params={"to": "a minimiser"},
        value=_step_size(setting, problem.smooth),
        how="step size",
    )


PROXIMAL_GRADIENT = Rule(
    name="proximal-gradient",
    statement="proximal gradient: the iterates converge to a minimiser",
    formula="x_k -> x* in argmin f + g, for a constant step size in (0, 2/L)",
    source="Combettes, Wajs (2005), Theorem 3.4 (in finite dimension weak convergence is convergence)",
    solver=ProximalGradient,
    premises=_proximal_gradient_premises,
    conclude=_proximal_gradient_conclusion,
)


def _fista_premises(setting: Setting) -> tuple[Premise, ...]:
    return _composite_premises(setting, 1.0, strict=False)


def _fista_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, CompositeProblem)
    step_size = _step_size(setting, problem.smooth)
    assert step_size is not None
    return Conclusion(
        statement=f"FISTA: the objective converges to its minimum, F(x_k) - F* <= {2 / step_size:.6g} |x_0 - x*|^2 / "
        "(k + 1)^2",
        property="convergent",
        params={"to": "the minimal objective value"},
        value=step_size,
        how="step size tau",
    )


FISTA_RATE = Rule(
    name="fista-rate",
    statement="FISTA: the objective converges to its minimum like 1/k^2",
    formula="F(x_k) - F* <= 2 |x_0 - x*|^2 / (tau (k + 1)^2), for a constant step size tau <= 1/L",
    source="Beck, Teboulle (2009), Theorem 4.4",
    solver=FISTA,
    premises=_fista_premises,
    conclude=_fista_conclusion,
)


def _pdhg_premises(setting: Setting) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, SaddleProblem)
    blocks = [f for f, _ in problem.blocks]
    parts = [(f"f_{i}", f) for i, f in enumerate(blocks, 1)] + [("g", problem.proximable)]
    return (
        *(convex(f, name) for name, f in parts),
        *(proximable(f, name) for name, f in parts),
        # That the identity has norm 1 is not worth a line.
        *(_norm(k, i) for i, (_, k) in enumerate(problem.blocks, 1) if not isinstance(k, Identity)),
        _pdhg_steps(setting),
        *exact_adjoints(setting.objective),
        has_saddle_point(setting.objective),
    )


def _norm(operator: LinearOperator, index: int) -> Premise:
    interval = operator.norm()
    return Premise(
        statement=f"|K_{index}| is bounded, K_{index} = {operator!r}",
        holds=True,
        basis=interval.basis,
        value=interval.upper,
        how=interval.how,
    )


def _pdhg_product(setting: Setting) -> tuple[float, str]:
    """tau * sum_i sigma_i |K_i|^2 with upper bounds, and why the solver refuses its steps ("" if it does not)."""
    solver, problem = setting.solver, setting.problem
    assert isinstance(solver, PDHG)
    assert isinstance(problem, SaddleProblem)
    norms = [operator.norm().upper for _, operator in problem.blocks]
    refusal = ""
    try:
        tau, sigma = solver.step_sizes(problem)
    except ConfigError as error:
        refusal = str(error)
        given = solver.sigma if isinstance(solver.sigma, tuple | list) else (solver.sigma,) * len(norms)
        if len(given) != len(norms) or solver.tau is None:
            return math.nan, refusal
        tau, sigma = solver.tau, tuple(float(s) for s in given if s is not None)
    return tau * sum(s * n**2 for s, n in zip(sigma, norms, strict=True)), refusal


def _pdhg_steps(setting: Setting) -> Premise:
    problem = setting.problem
    assert isinstance(problem, SaddleProblem)
    product, refusal = _pdhg_product(setting)
    return Premise(
        statement="the steps are positive and tau * sum_i sigma_i |K_i|^2 <= 1",
        holds=not refusal and product <= 1,
        basis=min(operator.norm().basis for _, operator in problem.blocks),
        value=product,
        bound=1.0,
        how="with the upper bounds of the norms",
        remedy=refusal or "lower tau or sigma, or leave both out",
    )


def _pdhg_conclusion(setting: Setting) -> Conclusion:
    product, _ = _pdhg_product(setting)
    # Scaling block i by sigma_i^(1/2) turns one step per block into one step for all, with
    # |(sigma_i^(1/2) K_i)_i|^2 <= sum_i sigma_i |K_i|^2: the theorems for a single operator apply.
    strict = product < 1
    return Conclusion(
        statement="PDHG: the iterates converge to a saddle point, whose image is a minimiser",
        property="convergent",
        params={"to": "a minimiser"},
        value=product,
        how="tau * sum_i sigma_i |K_i|^2" + (" < 1" if strict else " = 1, where finite dimension is needed"),
        source="" if strict else "Condat (2013), Theorem 3.3, which allows equality in finite dimension",
    )


PDHG_CONVERGENCE = Rule(
    name="pdhg-convergence",
    statement="PDHG: the iterates converge to a saddle point, whose image is a minimiser",
    formula="(x_k, y_k) -> (x*, y*) if tau * sum_i sigma_i |K_i|^2 < 1; equality is allowed in finite dimension",
    source="Chambolle, Pock (2011), Theorem 1 (c), theta = 1; a step for each block as in Pock, Chambolle (2011), "
    "Theorem 1",
    solver=PDHG,
    premises=_pdhg_premises,
    conclude=_pdhg_conclusion,
)


def _conjugate_gradient_premises(setting: Setting) -> tuple[Premise, ...]:
    problem = setting.problem
    assert isinstance(problem, LinearProblem)
    claims = problem.operator.claims()
    found = [find_claim(claims, name) for name in ("self_adjoint", "positive_semidefinite")]
    known = [claim for claim in found if claim is not None]
    norm = problem.operator.norm()
    return (
        Premise(
            statement="H is self-adjoint and positive semidefinite",
            holds=len(known) == len(found),
            basis=min((claim.basis for claim in known), default=ASSUMED),
            how="H = sum_i c_i K_i* K_i with c_i >= 0",
            remedy="pose the problem as a sum of squares",
        ),
        Premise(
            statement="b lies in the range of H",
            holds=True,
            basis=BY_CONSTRUCTION,
            how="b = sum_i c_i K_i* d_i",
        ),
        Premise(statement="|H| is bounded", holds=True, basis=norm.basis, value=norm.upper, how=norm.how),
        *exact_adjoints(setting.objective),
    )


def _conjugate_gradient_conclusion(setting: Setting) -> Conclusion:
    problem = setting.problem
    assert isinstance(problem, LinearProblem)
    smallest = setting.objective.convexity()
    norm = problem.operator.norm()
    if smallest:
        kappa = max(norm.upper / smallest, 1.0)
        factor = conjugate_gradient_factor(kappa)
        return Conclusion(
            statement="conjugate gradients: the iterates converge to the minimiser, linearly with factor "
            f"{factor:.6g} (condition number <= {kappa:.6g})",
            property="convergent",
            params={"to": "the minimiser"},
            value=factor,
            how="(sqrt(kappa) - 1) / (sqrt(kappa) + 1)",
        )
    return Conclusion(
        statement=f"conjugate gradients: in at most {problem.operator.domain.size} steps a minimiser, from zero the "
        "one of smallest norm; no rate, because the smallest eigenvalue of H is not known",
        property="convergent",
        params={"to": "the minimiser of smallest norm, from zero"},
        value=float(problem.operator.domain.size),
        how="steps",
        formula="x_k = x* for some k <= the number of distinct nonzero eigenvalues of H, in exact arithmetic",
        source="Nocedal, Wright (2006), Theorem 5.4; on the range of H for a semidefinite one",
    )


CONJUGATE_GRADIENT_RATE = Rule(
    name="conjugate-gradient-rate",
    statement="conjugate gradients: the iterates converge to a minimiser",
    formula="|x_k - x*|_H <= 2 ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^k |x_0 - x*|_H",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., eq. 5.36",
    solver=ConjugateGradient,
    premises=_conjugate_gradient_premises,
    conclude=_conjugate_gradient_conclusion,
)

#: The rules used where no registry is asked.
RULES: tuple[Rule, ...] = (
    GRADIENT_DESCENT,
    PROXIMAL_GRADIENT,
    FISTA_RATE,
    PDHG_CONVERGENCE,
    CONJUGATE_GRADIENT_RATE,
)
