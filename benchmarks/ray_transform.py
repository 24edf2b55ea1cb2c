"""Ray transform: the stored matrix against ASTRA's ``linear`` CPU projector, 512 x 512 pixels, 50 views, 729 detectors.

float32, one thread. ``RayTransform`` calls, checks and all, so that what a user meets is what is measured. The first
three lines are one image; the others are batches, per image, against the same image alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from _measure import save

from invkit_ct_astra import ParallelBeam2d, RayTransform

ROUNDS = 15
BATCHES = (2, 4, 8, 16)


def fastest_cpu(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """CPU seconds of the fastest call of each, interleaved; CPU time, as other programs may use this machine."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, function in candidates.items():
            start = time.process_time()
            function()
            best[name] = min(best[name], time.process_time() - start)
    return best


def main() -> None:
    torch.set_num_threads(1)
    geometry = ParallelBeam2d.uniform((512, 512), num_angles=50, num_detectors=729)
    start = time.process_time()
    matrix = RayTransform.from_geometry(geometry, implementation="matrix")
    build = time.process_time() - start
    astra = RayTransform.from_geometry(geometry, implementation="astra")
    generator = torch.Generator().manual_seed(0)
    x, y = (
        matrix.domain.randn(max(BATCHES), generator=generator),
        matrix.codomain.randn(max(BATCHES), generator=generator),
    )
    candidates: dict[str, Callable[[], object]] = {
        "astra forward": lambda: astra.forward(x[:1]),
        "astra adjoint": lambda: astra.adjoint(y[:1]),
        "matrix forward": lambda: matrix.forward(x[:1]),
        "matrix adjoint": lambda: matrix.adjoint(y[:1]),
    }
    for batch in BATCHES:
        candidates[f"matrix forward, batch {batch}"] = lambda batch=batch: matrix.forward(x[:batch])
        candidates[f"matrix adjoint, batch {batch}"] = lambda batch=batch: matrix.adjoint(y[:batch])
    seconds = fastest_cpu(candidates, ROUNDS)
    results: dict[str, Any] = {
        "CPU milliseconds": {name: round(1e3 * value, 2) for name, value in seconds.items()},
        "build of the matrix, CPU seconds": round(build, 2),
        "memory of the matrix and its transpose, MB": round(matrix.projector.num_bytes / 1e6),  # type: ignore[attr-defined]
    }
    for way in ("forward", "adjoint"):
        alone = seconds[f"matrix {way}"]
        results[f"astra / matrix, {way}"] = round(seconds[f"astra {way}"] / alone, 2)
        results[f"one image / image of a batch, {way}"] = {
            str(batch): round(alone * batch / seconds[f"matrix {way}, batch {batch}"], 2) for batch in BATCHES
        }
    gap = abs(matrix.forward(x[:1]) - astra.forward(x[:1])).norm() / astra.forward(x[:1]).norm()
    results["difference of the two, relative"] = float(f"{float(gap):.2g}")
    save("ray_transform", ("invkit", "invkit-ct-astra", "torch", "astra-toolbox"), results)


if __name__ == "__main__":
    main()
