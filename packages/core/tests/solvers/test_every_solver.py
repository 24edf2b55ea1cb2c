"""Every registered solver reaches cvxpy's optimum on the common problems that it takes, or says where it is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from convex_problems import PROBLEMS, with_tags

from invkit.plugins import Registry
from invkit.solvers import (
    CGLS,
    FISTA,
    ConjugateGradient,
    GradientDescent,
    Landweber,
    ProximalGradient,
    Solver,
    solve,
)

QUADRATIC = with_tags("quadratic")

HERE: dict[str, tuple[Solver, list[str]]] = {
    "core/gradient-descent": (GradientDescent(), with_tags("smooth")),
    "core/proximal-gradient": (ProximalGradient(), with_tags("composite")),
    "core/fista": (FISTA(), with_tags("composite")),
    "core/conjugate-gradient": (ConjugateGradient(), QUADRATIC),
    "core/cgls": (CGLS(), QUADRATIC),
    "core/landweber": (Landweber(), ["nonnegative"]),
}

#: Where the others are judged, and by what, if not by these problems.
ELSEWHERE = {
    "core/restarted-fista": ("test_first_order.py", "these problems"),
    "core/backtracking-fista": ("test_first_order.py", "these problems"),
    "core/armijo-gradient-descent": ("test_first_order.py", "these problems"),
    "core/barzilai-borwein": ("test_first_order.py", "these problems"),
    "core/linearised-bregman": ("test_linearised_bregman.py", "cvxpy on the constrained problem that it solves"),
    "core/pdhg": ("test_saddle_solvers.py", "these problems"),
    "core/pdhg-accelerated": ("test_saddle_solvers.py", "these problems"),
    "core/pdhg-linear-rate": ("test_saddle_solvers.py", "these problems"),
    "core/pdhg-adaptive": ("test_saddle_solvers.py", "these problems"),
    "core/pdhg-preconditioned": ("test_saddle_solvers.py", "these problems"),
    "core/condat-vu": ("test_saddle_solvers.py", "these problems"),
    "core/admm": ("test_saddle_solvers.py", "these problems"),
    "core/stochastic-pdhg": ("test_saddle_solvers.py", "these problems"),
    "core/douglas-rachford": ("test_douglas_rachford.py", "operators with K K* = c id, which none of these has"),
    "core/newton-cg": ("test_newton_cg.py", "these problems"),
    "core/primal-dual-newton": ("test_primal_dual_newton.py", "these problems"),
    "core/mlem": ("test_mlem.py", "counts, by scipy: least squares is not its problem"),
    "core/osem": ("test_mlem.py", "counts that fit: else it cycles"),
    "core/kaczmarz": ("test_finite_sum.py", "equations that can be met: else it cycles"),
    "core/ordered-subsets": ("test_finite_sum.py", "its limit and its rate: its steps must vanish"),
    "core/stochastic-gradient": ("test_finite_sum.py", "its limit and its rate: its steps must vanish"),
    "core/svrg": ("test_finite_sum.py", "these problems"),
}


def test_no_registered_solver_is_left_out() -> None:
    registered = {entry.id for entry in Registry([], environ={}).entries("solver")}
    assert registered == HERE.keys() | ELSEWHERE.keys()
    assert not HERE.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_file_that_judges_a_solver_uses_it(name) -> None:
    file, by = ELSEWHERE[name]
    entry = next(entry for entry in Registry([], environ={}).entries("solver") if entry.id == name)
    (found,) = Path(__file__).parent.rglob(file)
    text = found.read_text()
    assert entry.spec.target.rpartition(":")[2] in text
    assert "PROBLEMS" in text or by != "these problems"


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(("solver", "problem"), [(s, p) for s, names in HERE.values() for p in names], ids=str)
def test_cvxpys_optimum_is_reached(solver, problem, order) -> None:
    posed = PROBLEMS[problem]
    objective = posed.objective(order)
    solution = solve(objective, solver, rtol=1e-9, max_steps=60_000, check_every=50).require_converged()
    minimum = posed.minimum()
    assert (objective.value(solution.x).numpy() <= minimum + 1e-6 * (1 + np.abs(minimum))).all()
    np.testing.assert_allclose(solution.x.numpy(), posed.minimiser(), atol=2e-5)
