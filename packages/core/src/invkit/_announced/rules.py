"""The theorems of the core, by room."""

from __future__ import annotations

from ..spec import Spec
from ._common import DEVICES


def _rule(file: str, name: str, summary: str) -> Spec:
    """A theorem of ``invkit.guarantees.theorems.<file>``; the constant is the name in capitals."""
    constant = name.replace("-", "_").upper()
    return Spec(name=name, summary=summary, target=f"invkit.guarantees.theorems.{file}:{constant}", devices=DEVICES)


SPECS: list[Spec] = [
    # descent along gradients
    _rule("gradient.gradient_descent", "gradient-descent", "Gradient descent converges for convex smooth functions."),
    _rule("gradient.proximal_gradient", "proximal-gradient", "Forward-backward splitting converges."),
    _rule("gradient.fista", "fista-rate", "FISTA's objective converges like 1/k^2."),
    _rule("gradient.linear_rate", "gradient-linear-rate", "Gradient steps converge linearly for strong convexity."),
    _rule("gradient.proximal_gradient_rate", "proximal-gradient-rate", "Proximal gradient at a rate of 1/k."),
    _rule("gradient.monotone", "gradient-steps-descend", "Gradient steps never raise the objective."),
    _rule("gradient.monotone", "gradient-steps-fejer", "Gradient steps never go away from a minimiser."),
    _rule("gradient.backtracking_fista", "backtracking-fista-rate", "FISTA's rate in the steps that were accepted."),
    _rule("gradient.armijo", "armijo-quadratic", "Armijo's test on quadratics: the nearest minimiser."),
    _rule("gradient.landweber", "landweber", "Landweber converges to the nearest least-squares solution."),
    _rule("gradient.landweber", "landweber-steps", "Few steps of Landweber amplify noise little."),
    _rule("gradient.discrepancy", "landweber-discrepancy", "Landweber stopped at the noise level regularises."),
    _rule("gradient.linearised_bregman", "linearised-bregman", "Linearised Bregman solves its constrained problem."),
    # primal-dual
    _rule("primal_dual.pdhg", "pdhg-convergence", "PDHG converges to a saddle point if tau sigma |K|^2 <= 1."),
    _rule("primal_dual.adaptive_pdhg", "adaptive-pdhg-convergence", "PDHG whose steps settle converges."),
    _rule("primal_dual.pdhg_gap", "pdhg-gap-rate", "PDHG's averages close the gap like 1/k."),
    _rule("primal_dual.accelerated_pdhg", "pdhg-accelerated-rate", "PDHG for a strongly convex g converges like 1/k."),
    _rule("primal_dual.linear_rate_pdhg", "pdhg-linear-rate", "PDHG with both sides strongly convex is linear."),
    _rule(
        "primal_dual.preconditioned_pdhg",
        "preconditioned-pdhg-convergence",
        "PDHG with diagonal preconditioners converges.",
    ),
    _rule(
        "primal_dual.stochastic_pdhg",
        "stochastic-pdhg-convergence",
        "PDHG over one random block a step converges almost surely.",
    ),
    _rule("primal_dual.condat_vu", "condat-vu-convergence", "Condat-Vu converges if the steps leave more than L/2."),
    _rule("primal_dual.duality_gap", "duality-gap-bound", "The duality gap bounds the error of the objective."),
    # splitting
    _rule("splitting.admm", "admm-convergence", "ADMM with exact x-steps converges."),
    _rule("splitting.douglas_rachford", "douglas-rachford-convergence", "Douglas-Rachford splitting converges."),
    # linear systems
    _rule("linear.conjugate_gradient", "conjugate-gradient-rate", "Conjugate gradients converge linearly."),
    _rule("linear.preconditioned", "preconditioned-conjugate-gradient", "With a diagonal preconditioner."),
    _rule("linear.cgls", "cgls-rate", "CGLS converges to the nearest least-squares solution."),
    _rule("linear.cgls", "cgls-discrepancy", "Conjugate gradients stopped at the noise level regularise."),
    _rule("linear.monotone", "conjugate-gradient-descent", "Conjugate gradients never raise the objective."),
    _rule("linear.monotone", "conjugate-gradient-fejer", "Conjugate gradients never go away from a minimiser."),
    # Newton's method
    _rule("newton.inexact_newton", "newton-cg-rate", "Newton's method converges from every start."),
    _rule("newton.inexact_newton", "primal-dual-newton-rate", "Primal-dual Newton converges from every start."),
    # a part of the data at a time
    _rule("subsets.kaczmarz", "kaczmarz", "Kaczmarz converges to the nearest common solution."),
    _rule("subsets.kaczmarz", "kaczmarz-fejer", "Kaczmarz never goes away from a common solution."),
    _rule("subsets.mlem", "mlem-convergence", "MLEM converges to a maximiser of the likelihood."),
    _rule("subsets.mlem", "mlem-descent", "MLEM never lowers the likelihood."),
    _rule("subsets.incremental", "incremental-gradient", "Ordered subsets with falling steps over a bounded set."),
    _rule("subsets.svrg", "svrg-rate", "SVRG with short steps converges linearly in mean square."),
    # iterated maps
    _rule(
        "fixed_point.krasnoselskii_mann",
        "krasnoselskii-mann",
        "Iterating an averaged map converges to a fixed point.",
    ),
    _rule("fixed_point.banach", "banach-fixed-point", "A contraction has one fixed point and converges linearly."),
    _rule(
        "fixed_point.plug_and_play",
        "plug-and-play-proximal-gradient",
        "Plug-and-Play proximal gradient converges for an averaged denoiser and tau < 2/L.",
    ),
    _rule(
        "fixed_point.plug_and_play",
        "plug-and-play-douglas-rachford",
        "Plug-and-Play Douglas-Rachford converges for a firmly nonexpansive denoiser.",
    ),
    _rule("fixed_point.composition", "composition-averaged", "Averaged maps compose to one, with the sharp constant."),
    _rule("fixed_point.gradient_step", "gradient-step-averaged", "A gradient step is averaged for tau < 2/L."),
    _rule(
        "fixed_point.proximal_map",
        "proximal-map-firmly-nonexpansive",
        "The proximal map of a convex functional is firmly nonexpansive.",
    ),
    _rule("fixed_point.residual", "residual-averaged", "x - gamma E(x) is averaged for a firmly nonexpansive E."),
    # layers of nonexpansive networks
    _rule(
        "fixed_point.circle_contractivity",
        "circle-contractivity",
        "A step along x' = -A* sigma(A x + b) is nonexpansive if h L |A|^2 <= 2 r.",
    ),
    _rule(
        "fixed_point.gradient_flow_layer",
        "gradient-flow-layer-averaged",
        "The layer x - h A* sigma(A x + b) is averaged if h L |A|^2 < 2.",
    ),
    # groups that act on images
    _rule(
        "symmetry.equivariant_prox",
        "invariant-functional-equivariant-prox",
        "An invariant functional has an equivariant proximal map.",
    ),
    _rule("symmetry.composition", "composition-equivariant", "A composition of equivariant maps is equivariant."),
    _rule(
        "symmetry.reconstruction",
        "equivariant-reconstruction",
        "A variational reconstruction is equivariant where its operator is.",
    ),
    # what a minimiser is, whoever finds it
    _rule(
        "variational.stability",
        "variational-stability",
        "Measurements of two minimisers are no farther apart than their data.",
    ),
    _rule(
        "variational.lipschitz",
        "variational-lipschitz",
        "A strongly convex variational method is Lipschitz in the measurement.",
    ),
    _rule(
        "variational.solution_map",
        "differentiable-solution-map",
        "The minimiser of a smooth strongly convex function is differentiable in its data.",
    ),
    _rule(
        "variational.hypergradient",
        "a-posteriori-hypergradient-bound",
        "The error of a hypergradient has a bound that can be computed.",
    ),
]
