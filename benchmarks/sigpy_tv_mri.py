"""TV-MRI beside sigpy and beside PDHG written plainly in torch: seconds to relative objective gaps, the same objective.

0.5 |S F x - y|^2 + 5e-3 |P x|_1, P the periodic differences, 256 x 256 pixels, 20 % of k-space, complex128, one thread:
the problem that ``sigpy.mri.app.TotalVariationRecon`` solves. Needs sigpy: ``pip install sigpy``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from _measure import save
from _problems import mri
from torch import Tensor

from invkit.functionals import Functional, least_squares, total_variation
from invkit.operators import Fourier
from invkit.solvers import ADMM, AdaptivePDHG, Solver

GAPS = (1e-1, 1e-2, 1e-3, 1e-4)
Iterates = Iterator[Callable[[], Tensor]]


def by_sigpy(operator: Fourier, y: Tensor, weight: float) -> Iterates:
    """sigpy's own method and steps; its k-space and images are centred."""
    from sigpy.mri.app import TotalVariationRecon

    centred = np.fft.fftshift(y[0].numpy(), axes=(-2, -1))
    pattern = np.fft.fftshift(operator.sampling_pattern.numpy())
    coils = np.ones_like(centred)
    app = TotalVariationRecon(
        centred, coils, weight, weights=pattern, max_iter=10**6, show_pbar=False, save_objective_values=False
    )
    while True:
        app.alg.update()
        yield lambda: torch.fft.ifftshift(torch.from_numpy(np.array(app.alg.x)), dim=(-2, -1))[None, None]


def by_plain_torch(operator: Fourier, y: Tensor, weight: float) -> Iterates:
    """Chambolle and Pock's algorithm with tau = sigma = 1 / |(A, P)| = 1/3, in a dozen lines of torch."""
    pattern = operator.sampling_pattern
    step = 1 / 3
    x = torch.zeros_like(y)
    ahead, p, q = x, torch.zeros_like(y), torch.zeros((1, 2, *y.shape[2:]), dtype=y.dtype)
    while True:
        p = (p + step * (pattern * torch.fft.fft2(ahead, norm="ortho") - y)) / (1 + step)
        gradient = torch.cat([torch.roll(ahead, -1, -2) - ahead, torch.roll(ahead, -1, -1) - ahead], 1)
        q = q + step * gradient
        q = q / (q.abs() / weight).clamp_min(1)
        back = torch.roll(q[:, :1], 1, -2) - q[:, :1] + torch.roll(q[:, 1:], 1, -1) - q[:, 1:]
        before, x = x, x - step * (torch.fft.ifft2(pattern * p, norm="ortho") + back)
        ahead = 2 * x - before
        yield lambda: x  # noqa: B023 - read before the next step


def by_invkit(objective: Functional, solver: Solver[Any, Any]) -> Iterates:
    """The steps of a solver, with a look at the residual every ten as ``solve`` has it."""
    problem = solver.prepare(objective)
    state = solver.init(problem, None)
    for number in range(1, 10**6):
        state = solver.step(problem, state)
        if number % 10 == 0:
            solver.optimality(problem, state).relative.max().item()
        yield lambda: solver.solution(state)  # noqa: B023 - read before the next step


def curve(start: Callable[[], Iterates], objective: Functional, num_steps: int) -> tuple[list[float], list[float]]:
    """Seconds and objective after each step; the objective is not in the seconds."""
    seconds, values, spent = [], [], 0.0
    begin = time.perf_counter()
    iterates = start()
    for _ in range(num_steps):
        image = next(iterates)
        spent += time.perf_counter() - begin
        seconds.append(spent)
        values.append(float(objective.value(image())[0]))
        begin = time.perf_counter()
    return seconds, values


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    operator, y, weight = mri()
    objective = least_squares(operator, y) + weight * total_variation(
        operator.domain, isotropic=False, boundary="periodic"
    )
    methods: dict[str, tuple[Callable[[], Iterates], int]] = {
        "sigpy TotalVariationRecon": (lambda: by_sigpy(operator, y, weight), 600),
        "PDHG in plain torch": (lambda: by_plain_torch(operator, y, weight), 600),
        "invkit AdaptivePDHG": (lambda: by_invkit(objective, AdaptivePDHG()), 600),
        "invkit ADMM": (lambda: by_invkit(objective, ADMM()), 300),
    }
    curves = {name: [curve(start, objective, steps) for _ in range(2)] for name, (start, steps) in methods.items()}
    best = min(min(values) for runs in curves.values() for _, values in runs)
    rows = {}
    for name, runs in curves.items():
        reached = [next((i for i, v in enumerate(runs[0][1]) if (v - best) / best <= gap), None) for gap in GAPS]
        rows[name] = {
            str(gap): None if i is None else {"steps": i + 1, "seconds": round(min(s[i] for s, _ in runs), 3)}
            for gap, i in zip(GAPS, reached, strict=True)
        }
    plain = rows["PDHG in plain torch"]
    ratios = {
        name: {
            gap: None if cell is None or plain[gap] is None else round(plain[gap]["seconds"] / cell["seconds"], 2)
            for gap, cell in row.items()
        }
        for name, row in rows.items()
    }
    save(
        "sigpy_tv_mri",
        ("invkit", "torch", "sigpy"),
        {"smallest objective": best, "gaps": rows, "times as fast as PDHG in plain torch": ratios},
    )


if __name__ == "__main__":
    main()
