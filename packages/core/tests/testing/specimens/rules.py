"""Settings that a theorem must refuse: each makes one premise fail, and the tree says which."""

from __future__ import annotations

from typing import Any

import torch

import invkit
from invkit.functionals import L1, least_squares
from invkit.operators import Dense
from invkit.solvers import FISTA

from .registry import Specimen, of_kind

wrong = of_kind("rule")


def fista_with_steps_too_long() -> Any:
    matrix = torch.randn(8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    operator = Dense(matrix)
    objective = least_squares(operator, torch.ones(1, 8, dtype=torch.float64)) + 0.3 * L1()
    return invkit.explain(objective, solver=FISTA(step_size=1.02 / operator.norm().upper ** 2))


RULES: tuple[Specimen, ...] = (
    wrong("FISTA with a step 1.02 / L", fista_with_steps_too_long, "fista-rate: the step size lies in (0, 1/L]"),
)
