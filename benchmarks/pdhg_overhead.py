"""TV by PDHG and AdaptivePDHG: an iteration against its one A and one A*; 512 x 512 pixels, 50 views. At most 1.15."""

from __future__ import annotations

import torch
from _measure import fastest, save

import invkit
from invkit.functionals import least_squares, nonnegativity, total_variation
from invkit.solvers import PDHG, AdaptivePDHG

ROUNDS = 60
CHECK_EVERY = 10  # as in ``solve``


def main() -> None:
    torch.set_num_threads(1)
    op = invkit.build(
        "operator", "ct-astra/parallel-beam-2d",
        image_shape=(512, 512), num_angles=50, num_detectors=729, detector_spacing=1.0, implementation="matrix",
    )  # fmt: skip
    x = torch.rand(1, 1, 512, 512, generator=torch.Generator().manual_seed(0))
    y = op.forward(x)
    results = {}
    cases = (
        ("TV by PDHG", PDHG(), None),
        ("TV, x >= 0 by PDHG", PDHG(), nonnegativity()),
        ("TV, x >= 0 by AdaptivePDHG", AdaptivePDHG(), nonnegativity()),
    )
    for name, solver, constraint in cases:
        objective = least_squares(op, y) + 10.0 * total_variation(op.domain)
        problem = solver.prepare(objective if constraint is None else objective + constraint)
        states = [solver.init(problem, None)]
        for _ in range(3):
            states[0] = solver.step(problem, states[0])

        def step(states=states, solver=solver, problem=problem) -> None:
            states[0] = solver.step(problem, states[0])

        def check(states=states, solver=solver, problem=problem) -> None:
            solver.optimality(problem, states[0]).relative.max().item()

        seconds = fastest(
            {"A": lambda: op.forward(x), "A*": lambda: op.adjoint(y), "step": step, "check": check}, ROUNDS
        )
        total = seconds["A"] + seconds["A*"]
        results[name] = {
            "milliseconds": {key: round(1e3 * value, 2) for key, value in seconds.items()},
            "step / (A + A*)": round(seconds["step"] / total, 3),
            "iteration with its share of a check / (A + A*)": round(
                (seconds["step"] + seconds["check"] / CHECK_EVERY) / total, 3
            ),
        }
    save("pdhg_overhead", ("invkit", "invkit-ct-astra", "torch", "astra-toolbox"), results)


if __name__ == "__main__":
    main()
