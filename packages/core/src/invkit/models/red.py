"""Regularisation by denoising: descend along the data fidelity's gradient plus x - D(x)."""

from __future__ import annotations

from torch import Tensor

from ..claims import BY_CONSTRUCTION, find_claim
from ..derivations.numbers import at_most
from ..derivations.sectors import strongest
from ..errors import ConfigError
from ..functionals.base import as_float, check_weight
from ..functionals.data_fidelity import least_squares
from ..operators.base import LinearOperator
from ..operators.norm import Interval
from ..solvers.base import checked_step_size
from ..solvers.factors import DenoisingGradientStep, Factor
from ..solvers.fixed_point import Existence, FixedPointProblem, KrasnoselskiiMann
from ..solvers.solution import Solution
from ..solvers.solve import Callback, solve
from .base import IterativeReconstructor
from .denoiser import Denoiser
from .plug_and_play import check_denoiser, check_noise_std, denoised, denoiser_factor, warn_unless_converged
from .variational import Stopping


class RegularisationByDenoising(IterativeReconstructor):
    """x <- x - tau G(x), G(x) = A*(A x - y) + weight (x - D(x)): a zero of G.

    If D is nonexpansive, x - D(x) is 1/2-cocoercive, so that G is 1/(L + 2 weight)-cocoercive with L = |A|^2, and the
    step is tau (L + 2 weight) / 2 averaged for tau < 2 / (L + 2 weight): it converges if G has a zero. The zero
    minimises 0.5 |A x - y|^2 + weight R(x) for some R only if D is the gradient of a functional, which few trained
    denoisers are (Reehorst, Schniter 2019); ``invkit.explain`` says what D claims.

    weight: of the regularisation, >= 0.   step_size: tau; None is 1 / (L + 2 weight).
    noise_std: passed to the denoiser at each call.

    Raises: ConfigError if a setting is outside its range.
    Source: Romano, Elad, Milanfar (2017), eq. 7 and section 5; cocoercivity: Bauschke, Combettes (2011), Remark 4.34
    with Proposition 4.35 (sums), in the numbering of the second edition.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        weight: float = 1.0,
        *,
        step_size: float | None = None,
        noise_std: float | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        super().__init__()
        check_denoiser(denoiser, "RegularisationByDenoising")
        check_weight(weight, "RegularisationByDenoising")
        check_noise_std(noise_std, "RegularisationByDenoising")
        if step_size is not None and not 0 < step_size < float("inf"):
            raise ConfigError(
                f"RegularisationByDenoising: step_size is {step_size}, expected a positive number. Leave it out."
            )
        self.denoiser, self.weight, self.step_size, self.noise_std = denoiser, weight, step_size, noise_std
        self.solver = KrasnoselskiiMann()
        self.stopping = stopping or Stopping()

    def used_solver(self) -> KrasnoselskiiMann:
        return self.solver

    def problem(self, y: Tensor, operator: LinearOperator) -> FixedPointProblem:
        """The step as a map, and what is known of it."""
        fidelity = least_squares(operator, y)
        lipschitz = fidelity.smoothness()
        assert lipschitz is not None  # that of a square is known
        total = lipschitz + Interval.exact(2 * self.weight)
        tau = checked_step_size(self.step_size, total, 2.0, 1.0, "RegularisationByDenoising")

        def step(x: Tensor) -> Tensor:
            residual = x - denoised(self.denoiser, x, self.noise_std)
            return x - tau * (fidelity.gradient(x) + self.weight * residual)

        d = denoiser_factor(self.denoiser, operator.domain, self.noise_std)
        what = "x - tau (A*(A x - y) + weight (x - D(x)))"
        factor = DenoisingGradientStep(what, fidelity, float(tau), as_float(self.weight), d)
        return FixedPointProblem(fidelity, step, (factor,), existence=self._existence(d))

    def _existence(self, d: Factor) -> tuple[Existence, ...]:
        """Reasons, from what D claims, why G has a zero, which is x = (A*A + weight)^-1 (A* y + weight D(x))."""
        claims, known = d.claims(), d.sectors()
        quadratic = [find_claim(claims, name) for name in ("linear", "gradient_field", "nonexpansive")]
        quadratic[2] = quadratic[2] or find_claim(claims, "firmly_nonexpansive")
        bounded, continuous = find_claim(claims, "bounded_range"), strongest(known)
        found = []
        if as_float(self.weight) == 0:
            how = "G is the gradient of 0.5 |A x - y|^2, which attains its minimum"
            found.append(Existence(how=how, basis=BY_CONSTRUCTION, source="Frank, Wolfe (1956), appendix"))
        if all(quadratic):
            how = "D is linear, self-adjoint and nonexpansive: G is the gradient of a quadratic that is bounded below"
            basis = min(claim.basis for claim in quadratic if claim is not None)
            found.append(Existence(how=how, basis=basis, source="Frank, Wolfe (1956), appendix"))
        if as_float(self.weight) > 0 and bounded is not None and continuous is not None:
            how = f"D is continuous and its range bounded, radius {at_most(bounded.params['radius'])}"
            basis = min(bounded.basis, continuous.basis)
            found.append(Existence(how=how, basis=basis, source="Brouwer (1911)"))
        return tuple(found)

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
        """Iterate, and say how it went. The recorded objective is the data fidelity: R need not exist."""
        return solve(
            self.problem(y, operator),
            self.solver,
            x0,
            record_objective=record_objective,
            progress=progress,
            callback=callback,
            **self.stopping.settings(),
        )

    def forward(self, y: Tensor, operator: LinearOperator) -> Tensor:
        return warn_unless_converged(self.solve(y, operator), "RegularisationByDenoising").x
