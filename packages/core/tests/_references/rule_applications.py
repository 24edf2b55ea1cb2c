"""One rule applied to one objective and solver, for the tests of theorems; and small random problems for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from invkit.functionals import Functional
from invkit.guarantees import Node, Rule, Setting
from invkit.guarantees.theorems import core_rules
from invkit.solvers import Solver


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def apply(rule: Rule, objective: Functional, solver: Solver[Any, Any]) -> Node:
    """The node of a registered rule that speaks of this."""
    setting = Setting(subject=objective, solver=solver, problem=solver.prepare(objective))
    assert rule in [one for one in core_rules() if one.about(setting)]
    node = rule.apply(setting)
    assert not node.error, node.error
    return node


def failing(node: Node) -> list[Node]:
    """The premises that fail, each with a way out."""
    assert not node.holds
    assert node.claim is None
    assert node.basis is None
    found = [child for child in node.children if not child.holds]
    assert found
    assert all(child.remedy for child in found)
    return found


def iterates(objective: Functional, solver: Solver[Any, Any], x0: Tensor | None, steps: int) -> list[Tensor]:
    """x_0, x_1, ... x_steps."""
    problem = solver.prepare(objective)
    state = solver.init(problem, x0)
    found = [solver.solution(state)]
    for _ in range(steps):
        state = solver.step(problem, state)
        found.append(solver.solution(state))
    return found
