"""Maximum likelihood for Poisson counts: sum_i c_i KL(y_i, A_i x + b_i) over x >= 0, and its multiplicative update."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, DataError
from ...functionals.algebra import split_composition, terms_of
from ...functionals.base import Functional
from ...functionals.indicators import Box
from ...functionals.kullback_leibler import KullbackLeibler
from ...operators.base import LinearOperator
from ...operators.space import norm, per_image, rounding
from ..base import Optimality
from ..problems import Problem


@dataclass(frozen=True, eq=False)
class Backprojection:
    """sum_i c_i A_i*(y_i / z_i), and whether an image is ``impossible``, (batch,): z <= 0 < y or z < 0 somewhere, where
    KL is infinite."""

    image: Tensor
    impossible: Tensor


@dataclass(frozen=True, eq=False)
class PoissonTerm:
    """c KL(y, A x + b), and what A*1 says of each pixel."""

    weight: float | Tensor
    operator: LinearOperator
    y: Tensor
    background: float | Tensor

    def sensitivity(self) -> Tensor:
        """c A*1, a batch of one."""
        space = self.operator.codomain
        ones = torch.ones((1, *space.shape), dtype=space.dtype, device=space.device)
        return self.weight * self.operator.adjoint(ones)

    def back(self, x: Tensor) -> Backprojection:
        """c A*(y / z) at z = A x + b, with 0 for a ratio whose denominator is not positive."""
        z = self.operator.forward(x) + self.background
        positive = z > 0
        ratio = torch.where(positive, self.y / torch.where(positive, z, 1), 0)
        # A z of 0 where nothing was counted may be rounded to below it.
        rounded = 32 * rounding(z) * z.abs().flatten(1).amax(1) if z.numel() else z.new_zeros(len(z))
        impossible = (~positive & (self.y > 0)) | (z < -per_image(rounded, z))
        return Backprojection(self.weight * self.operator.adjoint(ratio), impossible.flatten(1).any(1))


@dataclass(frozen=True, eq=False)
class PoissonProblem(Problem):
    """minimise sum_i c_i KL(y_i, A_i x + b_i) over x >= 0, with ``sensitivities`` c_i A_i* 1."""

    terms: tuple[PoissonTerm, ...]
    sensitivities: tuple[Tensor, ...]

    def back(self, x: Tensor) -> Backprojection:
        """That of all terms."""
        parts = [term.back(x) for term in self.terms]
        return Backprojection(
            functools.reduce(torch.add, (part.image for part in parts)),
            functools.reduce(torch.logical_or, (part.impossible for part in parts)),
        )

    def start_positive(self, x0: Tensor | None, who: str) -> Tensor:
        """x0 with what is not positive raised to the uniform image that explains the counts, or that image."""
        x = self.start(x0, who)
        total = functools.reduce(torch.add, (_sum(term.weight * term.y) for term in self.terms))
        seen = functools.reduce(torch.add, self.sensitivities).sum()
        mean = torch.where(seen > 0, total / torch.where(seen > 0, seen, 1), 0)
        uniform = torch.where(mean > 0, mean, 1)
        return torch.where(x > 0, x, per_image(uniform, x))


def as_poisson(objective: Functional, who: str) -> PoissonProblem:
    """Raises: ConfigError if a term is neither c KL(y, A x + b) nor x >= 0; DataError if A*1 has a negative entry."""
    terms = []
    for term in terms_of(objective):
        weight, inner, operator = split_composition(term)
        if type(inner) is Box and operator is None and inner.low == 0 and inner.high == float("inf"):
            continue
        if type(inner) is not KullbackLeibler or operator is None:
            raise ConfigError(
                f"{who}: term {term!r} is not a fit to counts, expected c KL(y, A x + b). Build it with "
                "kullback_leibler, and use core/pdhg for other terms."
            )
        if operator.domain.is_complex:
            raise ConfigError(
                f"{who}: images are {operator.domain.dtype}, expected real ones. Counts come of nonnegative images."
            )
        terms.append(PoissonTerm(weight, operator, inner.y, inner.background))
    if not terms:
        raise ConfigError(f"{who}: {objective!r} has no fit to counts, expected at least one. Use kullback_leibler.")
    sensitivities = tuple(term.sensitivity() for term in terms)
    for s in sensitivities:
        lowest = float(s.detach().min())
        if lowest < 0:
            raise DataError(
                f"{who}: A*1 has an entry of {lowest:.3g}, expected entries >= 0. The update needs an operator without "
                "negative entries, of which A*1 >= 0 is no proof: use core/pdhg."
            )
    return PoissonProblem(objective, tuple(terms), sensitivities)


def multiplied(x: Tensor, back: Tensor, sensitivity: Tensor) -> Tensor:
    """x A*(y / z) / A*1; a pixel that is not seen stays."""
    seen = sensitivity > 0
    return torch.where(seen, x * (back / torch.where(seen, sensitivity, 1)), x)


def kkt_residual(x: Tensor, back: Backprojection, sensitivity: Tensor) -> Optimality:
    """|min(x, m g / s)| with g = s - back the gradient, s = A*1 and m the mean of x: 0 exactly at a minimiser; infinite
    where x is impossible, because the ratios say nothing there.

    g / s has no unit and is 1 where nothing was counted, so that both sides of the minimum are images. Scale: |x|.
    """
    seen = sensitivity > 0
    slope = torch.where(seen, 1 - back.image / torch.where(seen, sensitivity, 1), 0)
    mean = x.flatten(1).mean(1) if x.numel() else x.new_zeros(len(x))
    residual = norm(torch.minimum(x, per_image(mean, x) * slope))
    return Optimality(torch.where(back.impossible, torch.inf, residual), norm(x))


def _sum(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)
