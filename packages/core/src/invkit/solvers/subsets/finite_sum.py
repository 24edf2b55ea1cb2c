"""Objectives as finite sums f_1 + ... + f_m + g, for methods that look at a few terms at a time; and their draws.

A draw depends on (seed, epoch) alone and is the same for every image, so that a run can be repeated, resumed from its
state, and taken apart image by image.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...claims import CERTIFIED
from ...errors import ConfigError
from ...functionals.algebra import terms_of
from ...functionals.base import Differentiable, Functional, Proximable
from ...operators.norm import Interval
from ...operators.space import norm, rounding
from ..base import Optimality
from ..problems import Problem, as_composite


@dataclass(frozen=True, eq=False)
class FiniteSumProblem(Problem):
    """minimise sum_i f_i(x) + g(x), f_i differentiable and g proximable.

    smoothness: upper bounds of the Lipschitz constants of the gradients of the f_i; inf where none is known.
    """

    terms: tuple[Differentiable, ...]
    proximable: Proximable
    smoothness: tuple[float, ...]

    def gradient(self, x: Tensor) -> Tensor:
        """That of sum_i f_i."""
        return functools.reduce(torch.add, (term.gradient(x) for term in self.terms))

    def reference(self, x: Tensor) -> Tensor:
        """|gradient f(0)|, or that at x where it is zero; (batch,)."""
        with torch.no_grad():
            at_zero = norm(self.gradient(torch.zeros_like(x)))
            return torch.where(at_zero > 0, at_zero, norm(self.gradient(x)))

    def residual(self, x: Tensor, gradient: Tensor, reference: Tensor) -> Optimality:
        """|(x - prox_g(x - tau gradient, tau)) / tau| with tau = 1 / sum L_i: 0 exactly at minimisers.

        Scale: |gradient f(0)| + the size of the subgradient of g, as in ``ProximalGradient``.
        """
        total = sum(self.smoothness)
        tau = 1 / total if 0 < total < math.inf else 1.0
        mapping = (x - self.proximable.prox(x - tau * gradient, tau)) / tau
        # A step below the spacing of the numbers moves nothing: of the gradient, so much may not have been seen.
        unseen = torch.minimum(rounding(x) * norm(x) / tau, norm(gradient))
        return Optimality(norm(mapping) + unseen, reference + norm(mapping - gradient))


def as_finite_sum(objective: Functional, who: str) -> FiniteSumProblem:
    """Every differentiable term is one f_i; one term may be only proximable.

    Raises: ConfigError if a term is neither, or more than one is only proximable.
    """
    problem = as_composite(objective, who)
    terms = tuple(term for term in terms_of(problem.smooth) if isinstance(term, Differentiable))
    known = (term.smoothness() for term in terms)
    bounds = tuple(math.inf if bound is None else bound.upper for bound in known)
    return FiniteSumProblem(objective, terms, problem.proximable, bounds, restriction=problem.restriction)


def interval_of(bound: float) -> Interval | None:
    """An upper bound as ``checked_step_size`` takes it."""
    return Interval(0.0, bound, "from the terms", CERTIFIED) if bound < math.inf else None


def drawn_order(seed: int, epoch: int, count: int) -> list[int]:
    """A permutation of 0 ... count - 1."""
    return torch.randperm(count, generator=_generator(seed, epoch)).tolist()


def drawn_terms(seed: int, epoch: int, probabilities: Sequence[float], draws: int) -> list[int]:
    """Independent draws with these probabilities."""
    weights = torch.tensor(probabilities, dtype=torch.float64)
    return torch.multinomial(weights, draws, replacement=True, generator=_generator(seed, epoch)).tolist()


def check_seed(seed: int, who: str) -> None:
    """Raises: ConfigError if a seed is not a whole number >= 0."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"{who}: seed is {seed!r}, expected a whole number >= 0. Pass one, such as 0.")


def _generator(seed: int, epoch: int) -> torch.Generator:
    # A hash, so that the streams of neighbouring seeds and epochs have nothing in common.
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
