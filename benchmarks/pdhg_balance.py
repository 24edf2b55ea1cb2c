"""How the balance of its steps decides the speed of PDHG, and what the adaptive one makes of it, on the demo's cases.

Counts of steps, not times: they are the same on every machine, up to rounding.
"""

from __future__ import annotations

from importlib import resources

import torch
from _measure import save

from invkit.experiments import load, prepare
from invkit.models import Variational
from invkit.solvers import PDHG, AdaptivePDHG, solve

CASES = ("ct-slice", "ct-ellipses", "mri-photograph", "mri-shepp-logan")
BALANCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
MAX_STEPS, TOLERANCE = 1500, 1e-3


def steps_of(case: str) -> dict[str, int | None]:
    """Steps until the relative residual is below the tolerance; None if it took more than the budget."""
    with resources.as_file(resources.files("invkit.experiments") / "configs" / f"{case}.toml") as path:
        prepared = prepare(load(path))
    model = prepared.methods[0].model
    assert isinstance(model, Variational)
    objective = model.objective(prepared.y, prepared.operator)
    found: dict[str, int | None] = {}
    for balance in BALANCES:
        solution = solve(objective, PDHG(balance=balance), rtol=TOLERANCE, max_steps=MAX_STEPS)
        found[f"{balance:g}"] = int(solution.steps[0]) if solution.converged else None
    solution = solve(objective, AdaptivePDHG(), rtol=TOLERANCE, max_steps=MAX_STEPS)
    found["adaptive"] = int(solution.steps[0]) if solution.converged else None
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = {"tolerance": TOLERANCE, "budget": MAX_STEPS, "steps": {case: steps_of(case) for case in CASES}}
    save("pdhg_balance", ("invkit", "invkit-ct-astra", "torch"), results)
