"""The convergence theorem of the alternating direction method of multipliers."""

from __future__ import annotations

import functools
import math

import torch

from ....claims import ASSUMED, BY_CONSTRUCTION
from ....functionals.base import as_float
from ....solvers.splitting.admm import ADMM, LAST_CHANGE
from ....solvers.splitting.split_problem import SplitProblem
from ... import premises
from ...hypotheses import EXACT_ADJOINTS, HAS_SADDLE_POINT
from ...premises import resting_on
from ...rule import Conclusion, Hypothesis, Premise, Rule, Setting, solved_by

#: Unknowns up to which the eigenvalues of the x-step's system are looked at.
_LARGEST_SIZE = 1024


def _problem(setting: Setting) -> SplitProblem:
    assert isinstance(setting.problem, SplitProblem)
    return setting.problem


def _solver(setting: Setting) -> ADMM:
    assert isinstance(setting.solver, ADMM)
    return setting.solver


def smallest_entry(solver: ADMM, problem: SplitProblem, lowest: float, highest: float) -> float:
    """The smallest positive entry of Q + s R in the Fourier transform over max Q + s max R, least over lowest <= s <=
    highest, with Q = sum_q c_q K_q*K_q and R = sum_i rho_i K_i*K_i at the start.

    For each frequency it is (a + s b) / (c + s d), which is monotone in s: its least value is at an end.
    """
    q, r = solver.system(problem)
    seen = q + r > 0
    if not bool(seen.any()):
        return 1.0
    entries = [(q + s * r)[seen].min() / (q.max() + s * r.max()) for s in (lowest, highest)]
    return float(min(entries))


@torch.no_grad()
def is_definite(solver: ADMM, problem: SplitProblem) -> bool:
    """Whether sum_q c_q K_q*K_q + sum_i rho_i K_i*K_i is positive definite beyond the rounding of its own precision.

    By its eigenvalues at the first rho, for its kernel is that of every rho > 0; too large a system is not looked at.
    """
    operators = [q.operator for q in problem.quadratics] + [k for _, k in problem.blocks]
    weights = [as_float(q.weight) for q in problem.quadratics] + list(solver.start_rho(problem))
    space = operators[0].domain
    if not 0 < space.size <= _LARGEST_SIZE:
        return False
    unit = torch.eye(space.size, dtype=space.dtype, device=space.device).reshape(space.size, *space.shape)
    units = torch.cat((unit, 1j * unit)) if space.is_complex else unit
    images = [w * k.normal().forward(units) for w, k in zip(weights, operators, strict=True)]
    rows = functools.reduce(torch.add, images).flatten(1)
    matrix = (torch.cat((rows.real, rows.imag), 1) if space.is_complex else rows).double()
    if not bool(matrix.isfinite().all()):
        return False
    values = torch.linalg.eigvalsh((matrix + matrix.mT) / 2)
    return bool(values[0] > 2 * len(matrix) * torch.finfo(space.dtype).eps * values[-1])


def _x_step(setting: Setting) -> Premise:
    solver, problem = _solver(setting), _problem(setting)
    operators = [q.operator for q in problem.quadratics] + [k for _, k in problem.blocks]
    if problem.symbols is None:
        space = operators[0].domain
        size = space.size * (2 if space.is_complex else 1)
        ends = solver.cg_steps >= size and is_definite(solver, problem)
        premise = Premise(
            statement="the errors of the x-steps are summable",
            holds=True,
            basis=BY_CONSTRUCTION if ends else ASSUMED,
            value=float(solver.cg_steps),
            bound=float(size),
            how="as many steps of conjugate gradients as unknowns, for a positive definite system"
            if ends
            else "assumed: steps of conjugate gradients, against those that end for certain where the system is "
            "positive definite; the residual says how much they left",
        )
        return resting_on(premise, *operators)
    eps = 2 * torch.finfo(operators[0].domain.dtype).eps
    now, worst = smallest_entry(solver, problem, 1.0, 1.0), smallest_entry(solver, problem, *solver.rho_range(problem))
    premise = Premise(
        statement="the errors of the x-steps are summable",
        holds=now > eps,
        basis=BY_CONSTRUCTION if worst > eps else ASSUMED,
        value=now,
        bound=eps,
        how="x-steps are exact, by Fourier transforms: the smallest entry of their system relative to the largest"
        + ("" if worst > eps else "; assumed that no change of rho hides one in rounding"),
        remedy='compute in float64 (dtype = "float64"), or add a square of the image such as 1e-3 * SquaredL2() '
        '(regulariser = [..., { use = "core/squared-l2", weight = 1e-3 }])',
    )
    return resting_on(premise, *operators)


def _rho(setting: Setting) -> Premise:
    rho = _solver(setting).start_rho(_problem(setting))
    premise = Premise(
        statement="every rho_i is positive and stays from some step on",
        holds=all(0 < r < math.inf for r in rho),
        basis=BY_CONSTRUCTION,
        value=min(rho, default=1.0),
        how=f"the smallest at the start; none changes after step {LAST_CHANGE}",
        remedy="leave rho out",
    )
    return resting_on(premise, *(k for _, k in _problem(setting).blocks))


def _relaxed(setting: Setting) -> Premise:
    relaxation = float(_solver(setting).relaxation)
    return Premise(
        statement="the relaxation lies in (0, 2)",
        holds=0 < relaxation < 2,
        basis=BY_CONSTRUCTION,
        value=relaxation,
        bound=2.0,
        remedy="leave relaxation out",
    )


def _conclusion(setting: Setting) -> Conclusion:
    # The copies and the duals are an iteration of Douglas and Rachford in the dual, which needs no rank. Where K_i and
    # K_q together have a kernel, the exact x-step by Fourier transforms gives the solution of smallest norm, which
    # depends linearly on them: x converges with them. Conjugate gradients keep the kernel's part of the start, but for
    # rounding, of which nothing brings it back: there the summable errors are assumed.
    return Conclusion(
        statement="ADMM: x_k converges to a minimiser, z_i to its K_i x, rho_i u_i to a dual solution",
        params={"to": "a minimiser"},
        value=float(_solver(setting).relaxation),
        how="relaxation",
    )


ADMM_CONVERGENCE = Rule(
    name="admm-convergence",
    statement="ADMM: x_k converges to a minimiser, z_i to its K_i x, rho_i u_i to a dual solution",
    formula="x_k -> x*, z_i,k -> K_i x*, rho_i u_i,k -> y_i* for every rho_i > 0 that stays, relaxation in (0, 2) and "
    "sum_k |x_k - exact x-step| < inf",
    source="Eckstein, Bertsekas (1992), Theorem 8, whose condition of full rank only makes x-steps unique; with the "
    "rho_i^(1/2) K_i as its operator",
    about=solved_by(ADMM),
    premises=(
        Hypothesis(
            statement="every f_i is convex",
            concerns=("convex",),
            evaluate=lambda s: [premises.convex(f, f"f_{i}") for i, (f, _) in enumerate(_problem(s).blocks, 1)],
        ),
        Hypothesis(
            statement="the proximal map of every f_i is exact",
            concerns=("prox",),
            evaluate=lambda s: [premises.proximable(f, f"f_{i}") for i, (f, _) in enumerate(_problem(s).blocks, 1)],
        ),
        Hypothesis(
            statement="the errors of the x-steps are summable", concerns=("form", "parameter"), evaluate=_x_step
        ),
        Hypothesis(
            statement="every rho_i is positive and stays from some step on", concerns=("step_size",), evaluate=_rho
        ),
        Hypothesis(statement="the relaxation lies in (0, 2)", concerns=("parameter",), evaluate=_relaxed),
        EXACT_ADJOINTS,
        HAS_SADDLE_POINT,
    ),
    concludes="convergent",
    conclude=_conclusion,
)
