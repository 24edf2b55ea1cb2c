"""Plug-and-Play: a denoiser in the place of the regulariser's proximal map."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from ..claims import BY_CONSTRUCTION, Claim, find_claim
from ..derivations.numbers import at_most
from ..derivations.sectors import strongest
from ..errors import ConfigError, ConvergenceError, ShapeError
from ..functionals.algebra import scale
from ..functionals.base import Differentiable, Functional, Proximable, as_float
from ..functionals.data_fidelity import least_squares
from ..operators.base import LinearOperator
from ..operators.norm import Interval
from ..operators.space import Space, norm
from ..solvers.base import checked_step_size, select
from ..solvers.factors import DouglasRachfordStep, Factor, GradientStep, ProximalStep, StatedFactor
from ..solvers.fixed_point import Existence, FixedPointProblem, KrasnoselskiiMann
from ..solvers.linear.pcg import pcg
from ..solvers.solution import Solution
from ..solvers.solve import Callback, solve
from .base import IterativeReconstructor
from .denoiser import BoundedDenoiser, Denoiser, basis_of_denoiser, known_claims
from .denoisers import ProximalDenoiser
from .variational import Stopping

logger = logging.getLogger("invkit")

Algorithm = Literal["proximal-gradient", "douglas-rachford"]


class PlugAndPlay(IterativeReconstructor):
    """A fixed point of a splitting method with the denoiser D where the proximal map of a regulariser would stand.

        proximal-gradient    x <- D(x - tau A*(A x - y))
        douglas-rachford     p = prox_{tau f}(v), v <- v + D(2 p - v) - p, x = p        (ADMM in another order)

    with f = 0.5 |A x - y|^2. It converges if D is averaged (proximal gradient, tau < 2/L) or firmly nonexpansive
    (Douglas-Rachford), and a fixed point exists: where D is a proximal map, linear and self-adjoint, or of bounded
    range, or the map contracts, that is known. ``invkit.explain`` checks all of it against what D claims. For a D that
    claims nothing, nothing is promised and ``solve`` says how it went. The fixed point minimises a functional only if
    D is a proximal map.

    denoiser: any ``Denoiser``.   step_size: tau; None is 1/L with L = |A|^2 from above (proximal gradient, where it
    must lie in (0, 2/L)), or 1/L for Douglas-Rachford, where it may be any positive number.
    noise_std: passed to the denoiser at each call; None leaves it as it was made.

    Raises: ConfigError if a setting is outside its range.
    Source: Venkatakrishnan, Bouman, Wohlberg (2013); dissertation, section 3.1; convergence: Bauschke, Combettes
    (2011), Proposition 5.15.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        *,
        algorithm: Algorithm = "proximal-gradient",
        step_size: float | None = None,
        noise_std: float | None = None,
        relaxation: float = 1.0,
        stopping: Stopping | None = None,
    ) -> None:
        super().__init__()
        check_denoiser(denoiser, "PlugAndPlay")
        if algorithm not in ("proximal-gradient", "douglas-rachford"):
            raise ConfigError(
                f"PlugAndPlay: algorithm is {algorithm!r}, expected 'proximal-gradient' or 'douglas-rachford'. "
                "Choose one."
            )
        check_noise_std(noise_std, "PlugAndPlay")
        self.denoiser, self.algorithm = denoiser, algorithm
        self.step_size, self.noise_std = step_size, noise_std
        self.solver = KrasnoselskiiMann(relaxation)
        self.stopping = stopping or Stopping()

    def used_solver(self) -> KrasnoselskiiMann:
        return self.solver

    def problem(self, y: Tensor, operator: LinearOperator) -> FixedPointProblem:
        """The map whose fixed point is sought, and what is known of its factors."""
        fidelity = least_squares(operator, y)
        lipschitz = fidelity.smoothness()
        assert lipschitz is not None  # that of a square is known
        d = denoiser_factor(self.denoiser, operator.domain, self.noise_std)
        if self.algorithm == "proximal-gradient":
            tau = checked_step_size(self.step_size, lipschitz, 2.0, 1.0, "PlugAndPlay")

            def proximal_gradient(x: Tensor) -> Tensor:
                return denoised(self.denoiser, x - tau * fidelity.gradient(x), self.noise_std)

            factors: tuple[Factor, ...] = (
                GradientStep("the gradient step x - tau A*(A x - y)", fidelity, float(tau)),
                d,
            )
            return self._posed(fidelity, proximal_gradient, factors, tau)
        tau = self._free_step(lipschitz)

        def douglas_rachford(v: Tensor) -> Tensor:
            p = proximal_point(v, operator, y, tau)
            return v + denoised(self.denoiser, 2 * p - v, self.noise_std) - p

        what = "v -> v + D(2 P v - v) - P v with P the proximal map of tau f"
        first = ProximalStep("the proximal map P of tau f", fidelity, float(tau), exact=False)
        return self._posed(fidelity, douglas_rachford, (DouglasRachfordStep(what, first, d),), tau)

    def _posed(
        self, fidelity: Differentiable, call: Callable[[Tensor], Tensor], factors: tuple[Factor, ...], tau: float
    ) -> FixedPointProblem:
        last = factors[-1]
        d = last.second if isinstance(last, DouglasRachfordStep) else last
        found = minimised(fidelity, d, tau)
        return FixedPointProblem(fidelity, call, factors, minimised=found, existence=existence(d))

    def solve(
        self,
        y: Tensor,
        operator: LinearOperator,
        *,
        x0: Tensor | None = None,
        record_objective: bool = False,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> Solution:
        """Iterate, and say how it went. The recorded objective is the data fidelity: the denoiser need have none."""
        solution = solve(
            self.problem(y, operator),
            self.solver,
            x0,
            record_objective=record_objective,
            progress=progress,
            callback=callback,
            **self.stopping.settings(),
        )
        if self.algorithm == "proximal-gradient":
            return solution
        lipschitz = least_squares(operator, y).smoothness()
        assert lipschitz is not None
        return dataclasses.replace(solution, x=proximal_point(solution.x, operator, y, self._free_step(lipschitz)))

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        return warn_unless_converged(self.solve(y, operator), "PlugAndPlay").x

    def _free_step(self, lipschitz: Interval) -> float:
        """tau of Douglas-Rachford: any positive number."""
        if self.step_size is None:
            return 1 / lipschitz.upper if lipschitz.upper > 0 else 1.0
        if not 0 < self.step_size < float("inf"):
            raise ConfigError(f"PlugAndPlay: step_size is {self.step_size}, expected a positive number. Leave it out.")
        return self.step_size


def proximal_point(v: Tensor, operator: LinearOperator, y: Tensor, tau: float) -> Tensor:
    """argmin_x 0.5 |A x - y|^2 + |x - v|^2 / (2 tau), by conjugate gradients to rounding; not-a-number for an image
    whose v is not finite, so that the iteration around it is called diverged.

    Raises: ConvergenceError if they do not get there, saying how far they came.
    """
    normal = operator.normal()
    single = torch.finfo(v.dtype).eps
    b = v + tau * operator.adjoint(y)
    found = pcg(
        lambda x: x + tau * normal.forward(x),
        b,
        x0=v,
        rtol=1e2 * single,
        max_steps=1000,
    )
    finite = torch.isfinite(norm(b.detach())) & torch.isfinite(found.residual)
    late = finite & ~found.converged
    if bool(late.any()):
        raise ConvergenceError(
            f"PlugAndPlay: the proximal map of the data fidelity has residual {float(found.residual[late].max()):.2g} "
            f"after 1000 steps, expected {1e2 * single:.2g} of the right side. Lower step_size."
        )
    return select(finite, found.x, torch.full_like(v, torch.nan))


def denoiser_factor(denoiser: Denoiser, domain: Space, noise_std: float | None) -> Factor:
    """D as a factor: the proximal map that it is, or what it states, with a bound of its range if it knows one."""
    if type(denoiser) is ProximalDenoiser and basis_of_denoiser(denoiser) is BY_CONSTRUCTION:
        functional = denoiser.regulariser(domain)
        if isinstance(functional, Proximable):
            return ProximalStep("the denoiser D", functional, as_float(denoiser.weight_at(noise_std)))
        return StatedFactor("the denoiser D")
    stated = known_claims(denoiser)
    if isinstance(denoiser, BoundedDenoiser):
        params = {"radius": denoiser.radius(domain)}
        stated += (Claim(property="bounded_range", params=params, basis=basis_of_denoiser(denoiser)),)
    return StatedFactor("the denoiser D", stated)


def minimised(fidelity: Differentiable, factor: Factor, tau: float) -> Functional | None:
    """f + R/tau where D is the proximal map of a convex R: its minimisers are the fixed points of both algorithms."""
    if not isinstance(factor, ProximalStep) or not factor.sectors():
        return None
    weight = factor.step_size / tau
    return fidelity + scale(weight, factor.functional) if 0 < weight < float("inf") else None


def existence(factor: Factor) -> tuple[Existence, ...]:
    """Reasons, from what D claims, why x = D(x - tau A*(A x - y)) has a solution for every tau."""
    claims, found = factor.claims(), []
    bounded, continuous = find_claim(claims, "bounded_range"), strongest(factor.sectors())
    if bounded is not None and continuous is not None:
        found.append(
            Existence(
                how=f"D is continuous and its range bounded, radius {at_most(bounded.params['radius'])}",
                basis=min(bounded.basis, continuous.basis),
                source="Brouwer (1911)",
            )
        )
    parts = [find_claim(claims, name) for name in ("linear", "gradient_field", "firmly_nonexpansive")]
    known = [claim.basis for claim in parts if claim is not None]
    if len(known) == len(parts):
        how = "D is linear and self-adjoint, between 0 and 1: the proximal map of a quadratic, bounded below"
        found.append(Existence(how=how, basis=min(known), source="Frank, Wolfe (1956), appendix"))
    return tuple(found)


def denoised(denoiser: Denoiser, x: Tensor, noise_std: float | None) -> Tensor:
    """D(x), which must be an image for each image: one that broadcasts would be taken for all of them.

    Raises: ShapeError if it is not of the shape, dtype and device of x.
    """
    found = denoiser(x, noise_std)
    wanted = (tuple(x.shape), x.dtype, x.device)
    got = (tuple(found.shape), found.dtype, found.device) if isinstance(found, Tensor) else (type(found).__name__,)
    if got != wanted:
        raise ShapeError(
            f"{type(denoiser).__name__}: result is {', '.join(map(str, got))}, expected "
            f"{', '.join(map(str, wanted))} as its argument. Return one image for each, in the same precision."
        )
    return found


def check_denoiser(denoiser: Any, who: str) -> None:
    """Raises: ConfigError if it is not a ``Denoiser``."""
    if not isinstance(denoiser, Denoiser):
        raise ConfigError(
            f"{who}: denoiser is {type(denoiser).__name__}, expected a Denoiser. "
            "Derive from invkit.models.Denoiser and state what it claims."
        )


def check_noise_std(noise_std: float | None, who: str) -> None:
    """Raises: ConfigError if a noise level is not positive."""
    if noise_std is not None and not 0 < noise_std < float("inf"):
        raise ConfigError(f"{who}: noise_std is {noise_std}, expected a positive number. Leave it out.")


def warn_unless_converged(solution: Solution, who: str) -> Solution:
    """Log which images did not converge."""
    late = sum(not status.is_success for status in solution.status)
    if late:
        logger.warning(
            "%s: %d of %d images did not converge (worst relative residual %.2g). Raise max_steps or rtol; "
            "solve(y, operator) says which.",
            who,
            late,
            len(solution.status),
            float(solution.optimality.max()),
        )
    return solution
