"""A*A of the sampled Fourier transform against a bare transform and its inverse, in complex64. At most 1.1."""

from __future__ import annotations

import torch
from _measure import fastest, save

from invkit.operators import Fourier
from invkit.operators.sampling import variable_density

ROUNDS = 300


def main() -> None:
    torch.set_num_threads(1)
    results = {}
    for n in (256, 512):
        generator = torch.Generator().manual_seed(0)
        op = Fourier((n, n), variable_density((n, n), 0.25, generator=generator))
        normal = op.normal()
        x = op.domain.randn(1, generator=generator)

        def bare(x=x) -> None:
            torch.fft.ifftn(torch.fft.fftn(x, dim=(-2, -1), norm="ortho"), dim=(-2, -1), norm="ortho")

        candidates = {
            "bare transforms": bare,
            "normal operator": lambda normal=normal, x=x: normal.forward(x),
            "A, then A*": lambda op=op, x=x: op.adjoint(op.forward(x)),
        }
        seconds = fastest(candidates, ROUNDS)
        results[f"{n} x {n}"] = {
            "milliseconds": {key: round(1e3 * value, 3) for key, value in seconds.items()},
            "normal operator / bare transforms": round(seconds["normal operator"] / seconds["bare transforms"], 3),
        }
    save("fourier_normal", ("invkit", "torch"), results)


if __name__ == "__main__":
    main()
