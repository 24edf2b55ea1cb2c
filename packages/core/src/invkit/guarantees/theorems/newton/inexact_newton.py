"""The linear rate of inexact Newton methods with a backtracking line search, for strongly convex smooth objectives.

Both methods here take d from conjugate gradients on S d = g, mu <= S <= Lambda, g the gradient, and then the first step
s of 1, tau, tau^2.. with f(x - s d) <= f(x) - c s <d, g>. Whatever step of conjugate gradients d is from, <d, S d> =
<d, g>, so mu |d|^2 <= <d, g>; and <d, g> is no less than after the first step, so at least theta |g|^2 / Lambda, where
theta = 1 without a preconditioner and by Kantorovich's inequality 4 kappa / (1 + kappa)^2 with one of condition number
kappa. By the descent lemma every s <= 2 (1 - c) mu / L is accepted. With 2 mu (f - f*) <= |g|^2 that gives q.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ....claims import BY_CONSTRUCTION
from ....functionals.base import Differentiable
from ....solvers.newton.newton_cg import NewtonCG
from ....solvers.newton.primal_dual_newton import PrimalDualNewton
from ... import premises
from ...hypotheses import EXACT_ADJOINTS
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by
from .._numbers import SLACK, at_most, factor
from ..gradient.linear_rate import modulus_of


@dataclass(frozen=True)
class Spectrum:
    """modulus <= S <= largest for the system S of a direction; lipschitz of the gradient of the objective."""

    modulus: float
    lipschitz: float
    largest: float
    preconditioned: bool


def smallest_newton_step(spectrum: Spectrum, armijo: float, backtracking: float) -> float:
    """No accepted step is shorter."""
    return min(1.0, backtracking * 2 * (1 - armijo) * spectrum.modulus / spectrum.lipschitz)


def newton_factor(spectrum: Spectrum, armijo: float, backtracking: float) -> float:
    """q with f(x_k+1) - f* <= q (f(x_k) - f*)."""
    kappa = spectrum.largest / spectrum.modulus
    theta = 4 * kappa / (1 + kappa) ** 2 if spectrum.preconditioned else 1.0
    step = smallest_newton_step(spectrum, armijo, backtracking)
    return 1 - 2 * armijo * step * theta * spectrum.modulus / spectrum.largest


def trials_needed(spectrum: Spectrum, armijo: float, backtracking: float) -> int:
    """How many trials find an accepted step for certain."""
    accepted = 2 * (1 - armijo) * spectrum.modulus / spectrum.lipschitz
    return 1 if accepted >= 1 else 1 + math.ceil(math.log(accepted) / math.log(backtracking) + SLACK)


def _newton(setting: Setting) -> NewtonCG | PrimalDualNewton:
    assert isinstance(setting.solver, NewtonCG | PrimalDualNewton)
    return setting.solver


def _objective(setting: Setting) -> Differentiable:
    assert isinstance(setting.objective, Differentiable)
    return setting.objective


def _spectrum(setting: Setting) -> Spectrum | None:
    """None if the modulus or the Lipschitz constant is not known."""
    f, solver = _objective(setting), _newton(setting)
    modulus, lipschitz = modulus_of(f), f.smoothness()
    if modulus <= 0 or lipschitz is None:
        return None
    # A radial norm linearised in its dual: M <= phi (1 + |w|) <= 2 phi, see ``radial_linearisation.py``.
    largest = lipschitz.upper * (2 if isinstance(solver, PrimalDualNewton) else 1)
    return Spectrum(modulus, lipschitz.upper, max(largest, modulus), solver.preconditioner is not None)


def _system(setting: Setting) -> Premise:
    dual = isinstance(setting.solver, PrimalDualNewton)
    premise = Premise(
        statement="the system of a direction, and its preconditioner, lie between the modulus and a multiple of L",
        holds=True,
        basis=BY_CONSTRUCTION,
        how="sums of K*(a Hessian between the two) K" + (", where the dual enters at most twice that" if dual else ""),
    )
    return premises.resting_on(premise, setting.objective)


def _trials(setting: Setting) -> tuple[Premise, ...]:
    solver, spectrum = _newton(setting), _spectrum(setting)
    if spectrum is None:
        return ()  # that the modulus or L is unknown is a line of its own
    needed = trials_needed(spectrum, solver.armijo, solver.backtracking)
    premise = Premise(
        statement="the line search tries enough steps",
        holds=solver.max_trials >= needed,
        basis=BY_CONSTRUCTION,
        value=float(solver.max_trials),
        bound=float(needed),
        how="max_trials against log(2 (1 - armijo) mu / L) / log(backtracking), rounded up, and one",
        remedy="raise max_trials, or backtrack faster",
    )
    return (premises.resting_on(premise, setting.objective),)


def _conclusion(setting: Setting) -> Conclusion:
    solver, spectrum = _newton(setting), _spectrum(setting)
    assert spectrum is not None
    q = factor(newton_factor(spectrum, solver.armijo, solver.backtracking))
    rate = f", f(x_k+1) - f* <= {at_most(q)} (f(x_k) - f*)" if q < 1 else ", with a factor that rounding hides"
    name = "Newton's method" if isinstance(solver, NewtonCG) else "primal-dual Newton"
    return Conclusion(
        statement=f"{name}: the iterates converge to the minimiser from every start, linearly at worst{rate}",
        params={"to": "the minimiser"},
        value=q,
        how="at worst, far from the minimiser; near it a step lowers the gradient about as much as the inner solve",
    )


_PREMISES = (
    Hypothesis(
        statement="f is strongly convex",
        concerns=("strongly_convex",),
        evaluate=lambda s: premises.strongly_convex(s.objective, "f"),
    ),
    Hypothesis(
        statement="the gradient of f is Lipschitz with a known constant L",
        concerns=("smooth",),
        evaluate=lambda s: premises.smooth(_objective(s), "f"),
    ),
    Hypothesis(
        statement="the system of a direction, and its preconditioner, lie between the modulus and a multiple of L",
        concerns=("form",),
        evaluate=_system,
    ),
    Hypothesis(statement="the line search tries enough steps", concerns=("parameter",), evaluate=_trials),
    EXACT_ADJOINTS,
)

_FORMULA = (
    "f(x_k+1) - f* <= (1 - 2 c s theta mu / Lambda) (f(x_k) - f*), s = min(1, 2 tau (1 - c) mu / L), c = armijo, "
    "tau = backtracking, theta = 1 or with a preconditioner 4 kappa / (1 + kappa)^2, kappa = Lambda / mu, "
)

NEWTON_CG_RATE = Rule(
    name="newton-cg-rate",
    statement="Newton's method: the iterates converge to the minimiser from every start, linearly at worst",
    formula=_FORMULA + "Lambda = L",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., Sections 3.2 and 7.1, with its constants worked "
    "out for this line search",
    about=solved_by(NewtonCG),
    premises=_PREMISES,
    concludes="convergent",
    conclude=_conclusion,
)

PRIMAL_DUAL_NEWTON_RATE = Rule(
    name="primal-dual-newton-rate",
    statement="primal-dual Newton: the iterates converge to the minimiser from every start, linearly at worst",
    formula=_FORMULA + "Lambda = 2 L",
    source="Nocedal, Wright (2006), Numerical Optimization, 2nd ed., Sections 3.2 and 7.1, with its constants worked "
    "out for this line search; the eigenvalues of the system as in Chan, Golub, Mulet (1999), projected duals as in "
    "Hintermueller, Stadler (2006)",
    about=solved_by(PrimalDualNewton),
    premises=_PREMISES,
    concludes="convergent",
    conclude=_conclusion,
)
