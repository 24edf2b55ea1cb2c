"""Stein's unbiased risk estimate, with the divergence by Monte Carlo."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import ConfigError
from ...operators.base import LinearOperator
from ..variational import Variational
from .choice import Reconstructions, WeightChoice, _Chosen, check_observed, check_weights, choose, smallest


def monte_carlo_sure(
    model: Variational,
    y: Tensor,
    operator: LinearOperator,
    weights: Sequence[float],
    noise_std: float,
    *,
    num_probes: int = 1,
    step: float | None = None,
    seed: int = 0,
    observed: Tensor | None = None,
    progress: bool = False,
) -> WeightChoice:
    """The weight that minimises an unbiased estimate of the risk of prediction, |A x - A truth|^2.

        SURE = |h(y) - y|^2 - n s^2 + 2 s^2 div h(y),  h(y) = A x(y),  div h(y) ~ <b, h(y + e b) - h(y)> / e

    for white Gaussian noise of standard deviation s; for A = id it estimates the squared error of the image itself.
    b has independent +-1 entries (both parts of a complex one), the same for every weight; the estimate divided by
    n s^2 is the criterion in the result. Accurate only as far as x is solved: the tolerance of the model must be well
    below ``step``.

    noise_std: s, for complex data the root of the mean of |noise|^2.   step: e; None is s / 10.
    num_probes: how many b are averaged; one is enough for an image, small problems need more.   seed: of the probes.
    observed: 1 where a sample was taken and 0 elsewhere (k-space), broadcastable to a measurement; None is all.

    Raises: ConfigError for a setting outside its range; ShapeError if ``observed`` does not fit a measurement.
    Source: Stein (1981); Ramani, Blu, Unser (2008), eq. 13 and theorem 2.
    """
    candidates = check_weights(weights, "monte_carlo_sure")
    check_observed(observed, operator.codomain, "monte_carlo_sure")
    if not 0 < noise_std < math.inf or num_probes < 1 or (step is not None and not step > 0):
        raise ConfigError(
            f"monte_carlo_sure: noise_std is {noise_std}, num_probes is {num_probes} and step is {step}, expected "
            "positive numbers. Estimate the noise, or use l_curve, which needs no level."
        )
    e = noise_std / 10 if step is None else step
    space = operator.codomain
    mask = torch.ones((), dtype=torch.bool, device=space.device) if observed is None else observed.to(space.device) != 0
    mask = mask.expand((1, *space.shape)) if mask.ndim <= len(space.shape) else mask
    samples = float(mask.sum())
    b = _signs((num_probes, *space.shape), space.dtype, seed).to(space.device) * mask
    # A complex number is two real ones, each with half the variance.
    variance = noise_std**2 / (2 if space.is_complex else 1)

    def rule(curve: Reconstructions, index: int) -> _Chosen:
        def criterion(weight: float) -> float:
            here = curve(weight)
            moved = curve.reconstruct(weight, curve.y + e * b, here.expand(num_probes, *here.shape[1:]))
            change = operator.forward(moved) - operator.forward(here)
            divergence = float((change * b.conj()).real.flatten(1).sum(1).mean()) / e
            risk = curve.misfit(weight, mask) ** 2 - samples * noise_std**2 + 2 * variance * divergence
            return risk / (samples * noise_std**2)

        return smallest(criterion, curve, candidates)

    return choose(rule, model, y, operator, "monte_carlo_sure", progress=progress)


def _signs(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return 2.0 * torch.randint(0, 2, shape, generator=generator) - 1.0

    return torch.complex(draw(), draw()).to(dtype) if dtype.is_complex else draw().to(dtype)
