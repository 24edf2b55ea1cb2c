"""Generalised cross-validation, for reconstructions that are linear in the data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import ConfigError
from ...operators.base import LinearOperator
from ...operators.space import real_dtype
from ...solvers.problems import as_linear
from ..variational import Variational
from .choice import Reconstructions, WeightChoice, _Chosen, check_observed, check_weights, choose, smallest


def generalised_cross_validation(
    model: Variational,
    y: Tensor,
    operator: LinearOperator,
    weights: Sequence[float],
    *,
    num_probes: int | None = None,
    seed: int = 0,
    observed: Tensor | None = None,
    progress: bool = False,
) -> WeightChoice:
    """The weight that minimises GCV = n |A x - y|^2 / (n - trace H)^2, where A x = H y is linear in y.

    Needs no noise level. The trace is that of the influence matrix H = A (A*A + weight R'')^-1 A*.

    weights: tried first; the best is made finer between its neighbours.
    num_probes: None applies H to every unit vector, exactly, for small problems; otherwise Hutchinson's estimate with
        so many random +-1 probes, the same for every weight.   seed: of the probes.
    observed: 1 where a sample was taken and 0 elsewhere (k-space), broadcastable to a measurement; None is all.

    Raises: ConfigError if the reconstruction is not linear in y, saying which term is not quadratic; ShapeError if
    ``observed`` does not fit a measurement.
    Source: Golub, Heath, Wahba (1979), eq. 1.4; Hutchinson (1990) for the probes.
    """
    candidates = check_weights(weights, "generalised_cross_validation")
    check_observed(observed, operator.codomain, "generalised_cross_validation")
    try:
        as_linear(model.objective(y, operator), "generalised_cross_validation")
    except ConfigError as error:
        reason = str(error).partition(". Use ")[0]
        raise ConfigError(f"{reason}. Use monte_carlo_sure or discrepancy_principle, which take any model.") from error
    if model.nonnegative:
        raise ConfigError(
            "generalised_cross_validation: nonnegative is True, expected False, which is linear. Use SURE."
        )
    probes = _probes(operator, num_probes, seed, observed)
    count = float(probes.abs().square().sum()) / len(probes) if num_probes else float(len(probes))

    def rule(curve: Reconstructions, index: int) -> _Chosen:
        def criterion(weight: float) -> float:
            # All probes are one batch: H is applied to each alone.
            influence = operator.forward(curve.reconstruct(weight, probes))
            agreement = (influence * probes.conj()).real.flatten(1).sum(1)
            trace = float(agreement.mean() if num_probes else agreement.sum())
            return count * curve.misfit(weight, observed) ** 2 / (count - trace) ** 2

        return smallest(criterion, curve, candidates)

    return choose(rule, model, y, operator, "generalised_cross_validation", progress=progress)


def _probes(operator: LinearOperator, num_probes: int | None, seed: int, observed: Tensor | None) -> Tensor:
    space = operator.codomain
    mask = torch.ones((), device=space.device) if observed is None else observed.to(space.device)
    seen = (mask != 0).expand(space.shape) if mask.ndim <= len(space.shape) else (mask != 0).reshape(space.shape)
    if num_probes is None:
        places = seen.flatten().nonzero()[:, 0]
        if len(places) * space.size > 2**26:
            raise ConfigError(
                f"generalised_cross_validation: the exact trace needs {len(places)} reconstructions of {space.size} "
                "numbers, expected at most 2^26 numbers in all. Give num_probes, such as 4."
            )
        return torch.eye(space.size, dtype=space.dtype, device=space.device)[places].unflatten(1, space.shape)
    if num_probes < 1:
        raise ConfigError(f"generalised_cross_validation: num_probes is {num_probes}, expected at least 1. Use 4.")
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (num_probes, *space.shape), generator=generator).to(space.device)
    return (2 * signs - 1).to(real_dtype(space.dtype)).to(space.dtype) * seen
