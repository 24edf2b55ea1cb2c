"""The problems that several benchmarks solve: TV-MRI with 20 % of k-space, TV-CT with 60 views, both 256 x 256 pixels.

The object is a photograph that scikit-image ships, for MRI with a smooth phase: texture and edges at every scale.
"""

from __future__ import annotations

import numpy as np
import skimage.data
import skimage.transform
import torch
from torch import Tensor

import invkit
from invkit.functionals import Functional, SmoothedNorm, SquaredL2, least_squares, nonnegativity, total_variation
from invkit.functionals.total_variation import gradient_of
from invkit.operators import Fourier, LinearOperator
from invkit.operators.sampling import variable_density

SIZE = 256


def photograph() -> Tensor:
    """(1, 1, 256, 256), float64 in [0, 1]."""
    image = skimage.transform.resize(skimage.data.camera(), (SIZE, SIZE), anti_aliasing=True)
    return torch.from_numpy(np.ascontiguousarray(image))[None, None]


def mri(dtype: torch.dtype = torch.complex128) -> tuple[Fourier, Tensor, float]:
    """The operator, k-space with noise of 0.02, and the weight 5e-3 of total variation."""
    generator = torch.Generator().manual_seed(0)
    axis = torch.linspace(-1, 1, SIZE, dtype=torch.float64)
    phase = 0.5 * axis[None, :] + 0.8 * axis[:, None] ** 2
    truth = photograph() * torch.exp(1j * phase)
    pattern = variable_density((SIZE, SIZE), 0.2, generator=generator)
    operator = Fourier((SIZE, SIZE), pattern, dtype=torch.complex128)
    noise = 0.02 * torch.randn(truth.shape, dtype=torch.complex128, generator=generator)
    y = operator.forward(truth) + operator.sampling_pattern * noise
    return operator.to(dtype=dtype), y.to(dtype), 5e-3


def ct(dtype: torch.dtype = torch.float64) -> tuple[LinearOperator, Tensor, float]:
    """The ray transform, line integrals with 1 % noise, and the weight of total variation."""
    generator = torch.Generator().manual_seed(1)
    operator = invkit.build(
        "operator", "ct-astra/parallel-beam-2d",
        image_shape=(SIZE, SIZE), num_angles=60, num_detectors=367, detector_spacing=1.0, implementation="matrix",
        dtype=str(dtype).removeprefix("torch."),
    )  # fmt: skip
    clean = operator.forward(photograph().to(dtype))
    noise = torch.randn(clean.shape, dtype=torch.float64, generator=generator).to(dtype)
    return operator, clean + 0.01 * clean.abs().max() * noise, 1.0


def tv(operator: LinearOperator, y: Tensor, weight: float, *, constrained: bool = False) -> Functional:
    """0.5 |A x - y|^2 + weight TV(x), x >= 0 if ``constrained``."""
    objective: Functional = least_squares(operator, y) + weight * total_variation(operator.domain)
    return objective + nonnegativity() if constrained else objective


def smoothed_tv(operator: LinearOperator, y: Tensor, weight: float, gamma: float, ridge: float) -> Functional:
    """The dissertation's lower level: total variation of the smoothed norm, and a small ridge that makes it unique."""
    norm = SmoothedNorm(gamma, (1,)) @ gradient_of(operator.domain)
    return least_squares(operator, y) + weight * norm + ridge * SquaredL2()
