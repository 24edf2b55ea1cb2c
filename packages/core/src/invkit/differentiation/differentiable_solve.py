"""``solve`` with a derivative."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..functionals.base import Functional
from ..solvers.base import Solver
from ..solvers.solution import Solution
from .base import Differentiation
from .implicit import Implicit


def differentiable_solve(
    objective: Functional,
    solver: Solver[Any, Any],
    x0: Tensor | None = None,
    *,
    how: Differentiation | None = None,
    theta: Iterable[Tensor] | nn.Module = (),
    **solve_settings: Any,
) -> Solution:
    """Minimise an objective; ``x`` of the solution carries gradients to every tensor that it was built from.

    That is each tensor with ``requires_grad`` inside the functionals and operators: a weight, data, a sampling pattern
    (or sigmoid of a parameter), coil sensitivities, an ``nn.Parameter``.
    theta: further tensors, which closures or modules inside the objective hold: a tuple of them, or the module.
    how: ``Implicit()`` (if None), ``ImplicitFixedPoint()``, ``Unrolled(num_steps)`` or ``JacobianFree()``.
    solve_settings: those of ``solve``. The derivative of a solution is as exact as the solution: ask for a small rtol.

    Raises: ConfigError if the objective depends on a tensor that it was not built from and theta does not name (a
    gradient would be missing without a word), or ``how`` does not fit it; errors of ``solve`` as there.
    """
    how = Implicit() if how is None else how
    if not isinstance(how, Differentiation):
        raise ConfigError(f"differentiable_solve: how is {how!r}, expected a Differentiation. Use how=Implicit().")
    if not isinstance(objective, Functional):
        raise ConfigError(
            f"differentiable_solve: objective is {objective!r}, expected a Functional. Build it, as least_squares does."
        )
    if x0 is not None and not torch.is_grad_enabled():
        x0 = x0.detach()
    return how.solve(objective, solver, x0, theta, solve_settings)
