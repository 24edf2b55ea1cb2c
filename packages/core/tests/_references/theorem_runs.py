"""What tests of theorems about saddle problems share: a rule's node, and saddle points that are proved to be ones.

node = node_of(PDHG_GAP_RATE, objective, PDHG())
x, y = saddle_point("rof", solver)      x by cvxpy, y by a long run, with the optimality conditions checked
energy(...)                             of Chambolle, Pock (2011), proof of Theorem 1: no step of PDHG raises it
"""

from __future__ import annotations

from typing import Any

import torch
from convex_problems import PROBLEMS
from torch import Tensor

from invkit.functionals import Functional
from invkit.guarantees import Node, Rule, Setting
from invkit.guarantees.theorems import core_rules
from invkit.solvers import PDHG, Solver, solve


def node_of(rule: Rule, objective: Functional, solver: Solver[Any, Any]) -> Node:
    """The rule's node; it must speak of the solver."""
    setting = Setting(subject=objective, solver=solver, problem=solver.prepare(objective))
    assert rule in [one for one in core_rules() if one.about(setting)]
    return rule.apply(setting)


def speaks_of(rule: Rule, objective: Functional, solver: Solver[Any, Any]) -> bool:
    """Whether the rule is about that solver."""
    return rule.about(Setting(subject=objective, solver=solver, problem=solver.prepare(objective)))


def failing(node: Node) -> dict[str, Node]:
    """The premises that do not hold, by statement; each must say what to change."""
    assert not node.holds
    assert not node.error
    assert node.claim is None
    found = {child.statement: child for child in node.children if not child.holds}
    assert all(child.remedy for child in found.values())
    return found


def pairing(a: Tensor, b: Tensor) -> Tensor:
    """Re <a, b>, one number for each image."""
    return (a * b.conj()).real.flatten(1).sum(1)


def squared(a: Tensor, weights: Tensor | float = 1.0) -> Tensor:
    """sum of weights |a|^2, one number for each image."""
    return (weights * a.abs().square()).flatten(1).sum(1)


def saddle_point(name: str, problem: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """x and the y_i of a saddle problem that some solver has prepared from that reference problem."""
    x = torch.from_numpy(PROBLEMS[name].minimiser())
    found = solve(problem, PDHG(balance=0.5), rtol=1e-11, max_steps=40_000, check_every=200)
    y = found.state.y
    for (f, k), conjugate, dual in zip(problem.blocks, problem.conjugates, y, strict=True):
        kx = k.forward(x)
        assert float((f.value(kx) + conjugate.value(dual) - pairing(kx, dual)).abs().max()) < 1e-6
    ascent = sum(k.adjoint(dual) for (_, k), dual in zip(problem.blocks, y, strict=True))
    assert float((problem.proximable.prox(x - ascent, 1.0) - x).abs().max()) < 1e-6  # -ascent in dg(x)
    return x, y


def lagrangian(problem: Any, x: Tensor, y: tuple[Tensor, ...]) -> Tensor:
    """sum_i Re <K_i x, y_i> - f_i*(y_i) + g(x)."""
    value = problem.proximable.value(x)
    for (_, k), conjugate, dual in zip(problem.blocks, problem.conjugates, y, strict=True):
        value = value + pairing(k.forward(x), dual) - conjugate.value(dual)
    return value


def energy(
    problem: Any, state: Any, x_before: Tensor, saddle: tuple[Tensor, tuple[Tensor, ...]], tau: Any, sigma: Any
) -> Tensor:
    """|x - x*|^2 / 2 tau + sum_i |y_i - y_i*|^2 / 2 sigma_i + |d|^2 / 2 tau + sum_i Re <K_i d, y_i - y_i*>."""
    x_star, y_star = saddle
    d = state.x - x_before
    value = squared(state.x - x_star, 0.5 / tau) + squared(d, 0.5 / tau)
    for (_, k), y, star, s in zip(problem.blocks, state.y, y_star, sigma, strict=True):
        value = value + squared(y - star, 0.5 / s) + pairing(k.forward(d), y - star)
    return value
