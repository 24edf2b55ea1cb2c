"""Steps, time and memory of every solver on TV-MRI and TV-CT, to relative objective gaps of 1e-2, 1e-4 and 1e-6.

Counts of steps are the same on every machine, up to rounding; seconds are steps times the seconds of a step, measured
in turn in one run. The reference objective is the smallest that any solver reached.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from _measure import save
from _problems import SIZE, ct, mri, smoothed_tv, tv

from invkit.functionals import Functional
from invkit.solvers import (
    ADMM,
    PDHG,
    AdaptivePDHG,
    ArmijoGradientDescent,
    BarzilaiBorwein,
    CondatVu,
    NewtonCG,
    PreconditionedPDHG,
    PrimalDualNewton,
    RestartedFISTA,
    Solver,
    StochasticPDHG,
    solve,
)

Feasible = Callable[[torch.Tensor], torch.Tensor]

GAPS = (1e-2, 1e-4, 1e-6)
GAMMA, RIDGE = 1e-2, 1e-3


def curve_of(objective: Functional, solver: Solver[Any, Any], max_steps: int, feasible: Feasible) -> list[float]:
    """The objective at the feasible point next to the image after each step, shorter where the solver comes to rest."""
    values = []

    def keep(step: int, state: Any) -> None:
        values.append(float(objective.value(feasible(solver.solution(state)))[0]))

    solve(objective, solver, rtol=1e-13, max_steps=max_steps, check_every=1, callback=keep)
    return values


def seconds_per_step(objective: Functional, solver: Solver[Any, Any], num_steps: int) -> float:
    start = time.perf_counter()
    solution = solve(objective, solver, rtol=0.0, max_steps=num_steps)
    return (time.perf_counter() - start) / max(solution.total_steps, 1)


def peak_memory(objective: Functional, solver: Solver[Any, Any], image_bytes: int) -> float:
    """The most memory that a step holds beyond its state, and the state itself, in images."""
    problem = solver.prepare(objective)
    state = solver.step(problem, solver.step(problem, solver.init(problem, None)))
    before = sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors_in(state)}.values())
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        solver.step(problem, state)
    level = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            level += event.nbytes()
            peak = max(peak, level)
    return round((before + peak) / image_bytes, 1)


def tensors_in(thing: Any) -> list[torch.Tensor]:
    if isinstance(thing, torch.Tensor):
        return [thing]
    if isinstance(thing, tuple | list):
        return [tensor for item in thing for tensor in tensors_in(item)]
    if hasattr(thing, "__dataclass_fields__"):
        return [tensor for name in thing.__dataclass_fields__ for tensor in tensors_in(getattr(thing, name))]
    return []


def compare(
    objective: Functional,
    solvers: Mapping[str, tuple[Solver[Any, Any], int]],
    image_bytes: int,
    feasible: Feasible = lambda x: x,
) -> dict[str, Any]:
    curves = {name: curve_of(objective, solver, steps, feasible) for name, (solver, steps) in solvers.items()}
    best = min(min(curve) for curve in curves.values())
    rows = {}
    for name, curve in curves.items():
        solver = solvers[name][0]
        steps = [next((i + 1 for i, value in enumerate(curve) if (value - best) / best <= gap), None) for gap in GAPS]
        cost = min(seconds_per_step(objective, solver, min(30, len(curve))) for _ in range(2))
        rows[name] = {
            "steps": dict(zip(map(str, GAPS), steps, strict=True)),
            "seconds": {
                str(gap): None if k is None else round(k * cost, 2) for gap, k in zip(GAPS, steps, strict=True)
            },
            "milliseconds per step": round(1e3 * cost, 2),
            "images in memory": peak_memory(objective, solver, image_bytes),
        }
    return {"smallest objective": best, "solvers": rows}


def main() -> None:
    torch.set_num_threads(1)
    splitting: dict[str, tuple[Solver[Any, Any], int]] = {
        "PDHG": (PDHG(), 1500),
        "AdaptivePDHG": (AdaptivePDHG(), 1500),
        "CondatVu": (CondatVu(), 1500),
        "ADMM": (ADMM(), 300),
        "StochasticPDHG": (StochasticPDHG(), 3000),
    }
    smooth: dict[str, tuple[Solver[Any, Any], int]] = {
        "PDHG": (PDHG(), 1500),
        "RestartedFISTA": (RestartedFISTA(), 1500),
        "BarzilaiBorwein": (BarzilaiBorwein(), 1500),
        "ArmijoGradientDescent": (ArmijoGradientDescent(), 1500),
        "NewtonCG": (NewtonCG(), 100),
        "PrimalDualNewton": (PrimalDualNewton(), 60),
    }
    operator, y, weight = mri()
    ray, sinogram, ray_weight = ct()
    with torch.no_grad():
        results = {
            "TV-MRI 256 x 256, 20 %": compare(tv(operator, y, weight), splitting, 16 * SIZE**2),
            "TV-CT 256 x 256, 60 views, x >= 0": compare(
                tv(ray, sinogram, ray_weight, constrained=True),
                {**splitting, "PreconditionedPDHG": (PreconditionedPDHG(), 1500)},
                8 * SIZE**2,
                lambda x: x.clamp_min(0),  # the copies of ADMM are feasible, its image only in the limit
            ),
            f"smoothed TV-MRI, gamma {GAMMA}, ridge {RIDGE}": compare(
                smoothed_tv(operator, y, weight, GAMMA, RIDGE), smooth, 16 * SIZE**2
            ),
        }
    save("tv_solvers", ("invkit", "invkit-ct-astra", "torch", "astra-toolbox"), results)


if __name__ == "__main__":
    main()
