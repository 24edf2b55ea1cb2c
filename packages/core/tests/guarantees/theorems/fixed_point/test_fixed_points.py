"""Fixed-point iterations: bounds met at every step, premises that fail at their limits, existence of a fixed point."""

from __future__ import annotations

import math
import re
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, MEASURED, Basis, Claim, find_claim
from invkit.derivations import sectors
from invkit.derivations.sectors import composed_averagedness
from invkit.functionals import L1, SquaredL2, least_squares
from invkit.functionals.regularisers import l1
from invkit.guarantees import Node, explain, missing
from invkit.guarantees.theorems import core_rules
from invkit.guarantees.theorems.fixed_point.banach import a_posteriori_bound, contraction_bound
from invkit.guarantees.theorems.fixed_point.krasnoselskii_mann import residual_constant
from invkit.models import (
    ClippedDenoiser,
    Denoiser,
    GaussianFilter,
    OperatorDenoiser,
    PlugAndPlay,
    ProximalDenoiser,
    Stopping,
)
from invkit.models import RegularisationByDenoising as RED
from invkit.operators import Dense, GradientFlowStep, Identity
from invkit.solvers import (
    DouglasRachfordStep,
    FixedPointProblem,
    GradientStep,
    KrasnoselskiiMann,
    ProximalStep,
    StatedFactor,
)

SHAPE = (1, 4, 3)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


A = Dense(noise(14, 12, seed=4), SHAPE)
Y = 2 * noise(2, 14, seed=5)
L = A.norm().upper ** 2
DENOISING = Identity(SHAPE[1:], 1, torch.float64)


class Stated(Denoiser):
    """A denoiser with any function and any claims, whose author vouches for them."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    def __init__(self, function, *stated: Claim) -> None:
        super().__init__()
        self.function, self.stated = function, stated

    def forward(self, x: Tensor, noise_std=None) -> Tensor:
        return self.function(x)

    def claims(self) -> tuple[Claim, ...]:
        return self.stated


def claim(name: str, basis: Basis = BY_CONSTRUCTION, **params: float) -> Claim:
    return Claim(property=name, params=params, basis=basis)


def problem(call, *stated: Claim) -> FixedPointProblem:
    return FixedPointProblem(SquaredL2(torch.zeros(1, *SHAPE, dtype=torch.float64)), call, (StatedFactor("T", stated),))


def tree_of(model, operator=A) -> Node:
    return explain(model, operator, rules=core_rules())


def iterates(posed: FixedPointProblem, solver: KrasnoselskiiMann, x0: Tensor, steps: int) -> list[Tensor]:
    state, found = solver.init(posed, x0), [x0]
    for _ in range(steps):
        state = solver.step(posed, state)
        found.append(solver.solution(state))
    return found


def length(x: Tensor) -> float:
    return float(x.flatten(1).norm(dim=1).max())


@pytest.mark.parametrize("relaxation", [0.4, 1.0, 1.45])
def test_the_residual_of_plug_and_play_is_below_its_bound_at_every_step(relaxation) -> None:
    """With the proximal map of c|.|_1, whose fixed point is the lasso's minimiser."""
    model = PlugAndPlay(
        ProximalDenoiser(l1, 0.02), relaxation=relaxation, stopping=Stopping(rtol=1e-14, max_steps=50000)
    )
    node = tree_of(model).theorem("krasnoselskii-mann")
    assert node.holds
    assert node.basis is CERTIFIED
    assert node.value == pytest.approx(2 / 3, rel=1e-6)
    posed, solver = model.problem(Y[:1], A), model.used_solver()
    x_star = model.solve(Y[:1], A).x
    assert length(posed.map(x_star) - x_star) < 1e-11
    x0 = 3 * noise(1, *SHAPE, seed=9)
    constant, distance = residual_constant(posed.sectors()[0].exact_alpha, relaxation), length(x0 - x_star)
    (printed,) = re.findall(r"<= (\S+) \|x_0", node.statement)
    assert constant <= float(printed) <= constant * (1 + 1e-5)
    ratios = []
    for k, x in enumerate(iterates(posed, solver, x0, 300)):
        bound = constant * distance / math.sqrt(k + 1)
        ratios.append(bound / max(length(posed.map(x) - x), 1e-300))
    assert 1 <= min(ratios) < 10


def test_the_bound_of_the_residual_is_almost_attained_by_a_slow_rotation() -> None:
    """T = (1 - a) id + a N with a rotation N by a small angle, the slowest averaged map."""
    closest = math.inf
    for angle in (0.05, 0.1, 0.2):
        turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
        x, k = torch.tensor([1.0, 0.0]).double(), 0
        for k in range(2000):
            mapped = 0.5 * x + 0.5 * turn @ x
            bound = residual_constant(0.5, 1.0) / math.sqrt(k + 1)
            assert float((mapped - x).norm()) <= bound
            closest = min(closest, bound / float((mapped - x).norm()))
            x = mapped
    assert closest < 2.4


def test_the_relaxation_ends_where_the_theorem_does() -> None:
    alpha = 0.25
    stated = claim("averaged", alpha=alpha)
    # T = (1 - 2 alpha) id is averaged with N = -id; relaxed by 1/alpha it is N, which goes back and forth.
    posed = problem(lambda x: (1 - 2 * alpha) * x, stated, claim("bounded_range", radius=1.0))
    for relaxation, holds in ((1e-6, True), (1 / alpha * (1 - 1e-12), True), (1 / alpha, False), (5.0, False)):
        node = explain(posed, solver=KrasnoselskiiMann(relaxation)).theorem("krasnoselskii-mann")
        assert node.holds is holds
        if not holds:
            (failed,) = node.failing
            assert (failed.value, failed.bound) == (relaxation, 4.0)
            assert "lower the relaxation" in failed.remedy
    x0 = noise(1, *SHAPE)
    back_and_forth = iterates(posed, KrasnoselskiiMann(1 / alpha), x0, 2)
    torch.testing.assert_close(back_and_forth[2], x0)


def test_a_map_that_is_only_nonexpansive_must_be_relaxed_below_one() -> None:
    posed = problem(lambda x: -x, claim("nonexpansive"))
    assert explain(posed, solver=KrasnoselskiiMann(0.999)).theorem("krasnoselskii-mann").holds
    for relaxation in (1.0, 1.5):
        node = explain(posed, solver=KrasnoselskiiMann(relaxation)).theorem("krasnoselskii-mann")
        assert not node.holds
        assert "only known to be nonexpansive" in node.failing[0].how


@pytest.mark.parametrize("excess", [1e-6, 2.0**-52])
def test_a_constant_just_above_one_is_not_nonexpansive(excess) -> None:
    posed = problem(lambda x: (1 + excess) * x, claim("lipschitz", constant=1 + excess))
    node = explain(posed, solver=KrasnoselskiiMann(0.5)).theorem("krasnoselskii-mann")
    assert not node.holds
    failed = next(child for child in node.children if not child.holds)
    assert failed.value == 1 + excess
    assert failed.bound == 1.0


def test_a_contraction_behind_an_expansive_denoiser_still_converges() -> None:
    """min 0.5 |x - y|^2 has the gradient step (1 - tau) x: with tau = 0.9 it makes up for a constant of 5."""
    louder = Stated(lambda x: 5 * x.sin(), claim("lipschitz", constant=5.0))
    tree = tree_of(PlugAndPlay(louder, step_size=0.9), DENOISING)
    node = tree.theorem("krasnoselskii-mann")
    assert node.holds
    assert tree.holds
    assert tree.theorem("banach-fixed-point").value == pytest.approx(0.5, rel=1e-6)
    assert not tree.theorem("plug-and-play-proximal-gradient").holds  # whose denoiser must be averaged
    assert not missing(tree, ["convergent"])
    assert not tree_of(PlugAndPlay(louder, step_size=0.7), DENOISING).holds


@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.2])
def test_a_contraction_meets_both_of_its_bounds_at_every_step(relaxation) -> None:
    denoiser = ProximalDenoiser(lambda space: 0.7 * SquaredL2(), 0.3)
    model = PlugAndPlay(denoiser, relaxation=relaxation, stopping=Stopping(rtol=1e-15, max_steps=3000))
    node = tree_of(model).theorem("banach-fixed-point")
    assert node.holds
    assert node.basis is CERTIFIED
    assert node.claim.params == {"to": "the fixed point"}
    q, posed = node.value, model.problem(Y[:1], A)
    assert q < 1
    x_star = model.solve(Y[:1], A).x
    found = iterates(posed, model.used_solver(), 3 * noise(1, *SHAPE, seed=9), 60)
    first, ratios, later = length(found[0] - x_star), [], []
    for k in range(1, 40):
        error = length(found[k] - x_star)
        ratios.append(contraction_bound(q, first, k) / error)
        later.append(a_posteriori_bound(q, length(found[k] - found[k - 1])) / error)
    assert 1 <= min(ratios) < 20
    assert 1 <= min(later) < 20


def test_the_linear_rate_is_attained_by_a_multiple_of_the_identity() -> None:
    posed = problem(lambda x: 0.6 * x, claim("lipschitz", constant=0.6))
    node = explain(posed, solver=KrasnoselskiiMann()).theorem("banach-fixed-point")
    found = iterates(posed, KrasnoselskiiMann(), noise(1, *SHAPE), 10)
    assert length(found[10]) == pytest.approx(contraction_bound(node.value, length(found[0]), 10))
    assert length(found[10]) <= a_posteriori_bound(node.value, length(found[10] - found[9])) * (1 + 1e-12)
    # x <- x + t (T x - x) with T = -0.6 id contracts for t < 2 / 1.6 and no more.
    for t, holds in ((1.25 * (1 - 1e-9), True), (1.25, False), (1.3, False)):
        assert explain(posed, solver=KrasnoselskiiMann(t)).theorem("banach-fixed-point").holds is holds


def test_a_map_alone_has_its_contraction_explained_too() -> None:
    node = explain(problem(torch.sin, claim("lipschitz", constant=0.5)))
    assert node.theorem("banach-fixed-point").value == 0.5
    assert not explain(problem(torch.sin, claim("nonexpansive"))).theorem("banach-fixed-point").holds
    assert not explain(problem(torch.sin)).theorem("banach-fixed-point").holds


PROVABLE = {
    "a proximal map whose objective has a minimiser": (PlugAndPlay(ProximalDenoiser(l1, 0.3)), A),
    "the same by Douglas-Rachford": (
        PlugAndPlay(ProximalDenoiser(l1, 0.3), algorithm="douglas-rachford", step_size=2.0), A,
    ),
    "a linear symmetric filter": (PlugAndPlay(GaussianFilter(0.7)), A),
    "the same by Douglas-Rachford, over-relaxed": (
        PlugAndPlay(GaussianFilter(0.7), algorithm="douglas-rachford", relaxation=1.9), A,
    ),
    "red with a linear symmetric filter": (RED(GaussianFilter(0.7), 0.4), A),
    "a bounded range": (PlugAndPlay(ClippedDenoiser(Stated(torch.sin, claim("nonexpansive"))), relaxation=0.9), A),
    "red with a bounded range": (RED(ClippedDenoiser(Stated(torch.sin, claim("nonexpansive")))), A),
    "a strongly convex data term before a nonexpansive denoiser": (
        PlugAndPlay(Stated(torch.sin, claim("nonexpansive")), step_size=0.5), DENOISING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROVABLE)
def test_convergence_may_be_required_where_a_fixed_point_is_known_to_exist(name) -> None:
    model, operator = PROVABLE[name]
    tree = tree_of(model, operator)
    assert missing(tree, ["convergent"]) == []
    exists = next(node for node in tree.walk() if node.statement == "T has a fixed point")
    assert exists.basis >= CERTIFIED
    assert exists.how
    y = 0.3 * operator.codomain.randn(1, generator=torch.Generator().manual_seed(3))
    solution = type(model)(**settings_of(model)).solve(y, operator)
    assert solution.converged


def settings_of(model) -> dict:
    """The same model with many steps."""
    stopping = Stopping(rtol=1e-6, max_steps=30_000)
    common = {"denoiser": model.denoiser, "step_size": model.step_size, "stopping": stopping}
    if isinstance(model, RED):
        return {**common, "weight": model.weight}
    return {**common, "algorithm": model.algorithm, "relaxation": model.solver.relaxation}


UNPROVABLE = {
    "an averaged denoiser that may run away": PlugAndPlay(
        Stated(lambda x: x + 1, claim("averaged", alpha=0.5), claim("firmly_nonexpansive"))
    ),
    "red with it": RED(Stated(lambda x: x + 1, claim("nonexpansive"))),
    "a linear map that is not symmetric": PlugAndPlay(Stated(torch.sin, claim("linear"), claim("averaged", alpha=0.5))),
}


@pytest.mark.parametrize("name", UNPROVABLE)
def test_where_nothing_says_so_a_fixed_point_is_assumed(name) -> None:
    tree = tree_of(UNPROVABLE[name])
    node = tree.theorem("krasnoselskii-mann")
    assert node.holds
    assert node.basis is ASSUMED
    assert missing(tree, ["convergent"]) == ["convergent"]
    exists = next(below for below in tree.walk() if below.statement == "T has a fixed point")
    assert exists.how == "assumed"
    assert "ClippedDenoiser" in exists.remedy


def test_an_assumption_is_rightly_no_more_than_that() -> None:
    """D(x) = x + 1 is firmly nonexpansive, and with A = 0 the iteration has no fixed point."""
    zero = Dense(torch.zeros(2, 12, dtype=torch.float64), SHAPE)
    model = PlugAndPlay(UNPROVABLE["an averaged denoiser that may run away"].denoiser, step_size=1.0)
    solution = model.solve(torch.zeros(1, 2, dtype=torch.float64), zero)
    assert tree_of(model, zero).theorem("krasnoselskii-mann").basis is ASSUMED
    assert length(solution.x) > 100


def test_a_measured_premise_makes_a_measured_conclusion() -> None:
    denoiser = Stated(torch.sin, claim("averaged", MEASURED, alpha=0.5), claim("bounded_range", radius=4.0))
    assert tree_of(PlugAndPlay(denoiser)).theorem("krasnoselskii-mann").basis is MEASURED


def test_the_tree_shows_the_theorem_of_each_factor_and_both_constants() -> None:
    tree = tree_of(PlugAndPlay(ProximalDenoiser(l1, 0.3), step_size=1.6 / L))
    composed = tree.theorem("composition-averaged")
    assert composed.value == pytest.approx(composed_averagedness([0.8, 0.5]))
    assert "Theorem 3.2.4 gives 0.888889" in composed.how  # 2 / (1 + 1 / 0.8)
    assert tree.theorem("gradient-step-averaged").value == pytest.approx(0.8)
    assert tree.theorem("proximal-map-firmly-nonexpansive").basis is BY_CONSTRUCTION
    assert tree.theorem("plug-and-play-proximal-gradient").value == composed.value
    splitting = tree_of(PlugAndPlay(ProximalDenoiser(l1, 0.3), algorithm="douglas-rachford"))
    assert splitting.theorem("plug-and-play-douglas-rachford").value == 0.5


def test_douglas_rachford_needs_more_than_a_nonexpansive_denoiser() -> None:
    """With D = -id and P close to 0, v + D(2 P v - v) - P v = 2 v - 3 P v runs away."""
    flip = Stated(lambda x: -x, claim("nonexpansive"))
    model = PlugAndPlay(flip, algorithm="douglas-rachford", step_size=1e-3)
    tree = tree_of(model)
    assert not tree.holds
    failed = tree.theorem("plug-and-play-douglas-rachford").failing[0]
    assert failed.statement == "the denoiser D: firmly nonexpansive"
    assert "firmly nonexpansive" in failed.remedy
    solution = PlugAndPlay(flip, algorithm="douglas-rachford", step_size=1e-3, stopping=Stopping(max_steps=60)).solve(
        Y, A
    )
    assert not solution.converged


def test_a_gradient_step_is_averaged_below_two_over_l_and_no_further() -> None:
    f = least_squares(A, Y)
    for tau, holds in ((2 / L * (1 - 1e-9), True), (2 / L, False), (2.1 / L, False)):
        node = explain(GradientStep("x - tau grad f(x)", f, tau)).theorem("gradient-step-averaged")
        assert node.holds is holds
        if not holds:
            assert node.failing[0].value == tau
            assert node.failing[0].remedy
    step = explain(GradientStep("g", least_squares(DENOISING, noise(1, *SHAPE)), 0.5)).theorem("gradient-step-averaged")
    assert "a contraction with 0.5" in step.statement


def test_a_nonconvex_functional_has_no_averaged_step_and_no_proximal_theorem() -> None:
    class Cosine(type(least_squares(A, Y))):
        def convexity(self):
            return None

    f = Cosine(SquaredL2(Y), A)
    assert not explain(GradientStep("g", f, 0.5 / L)).theorem("gradient-step-averaged").holds
    assert ProximalStep("p", f, 1.0, exact=False).sectors() == ()
    assert DouglasRachfordStep("s", ProximalStep("p", f, 1.0, exact=False), StatedFactor("D")).sectors() == ()


def test_a_replaced_call_or_a_hook_leaves_nothing_but_assumptions() -> None:
    replaced, hooked = GaussianFilter(0.7), GaussianFilter(0.7)
    replaced.forward = lambda x, noise_std=None: 3 * x
    hooked.register_forward_hook(lambda module, given, found: 3 * found)
    proximal = ProximalDenoiser(l1, 0.3)
    proximal.forward = lambda x, noise_std=None: 3 * x
    for denoiser in (replaced, hooked, proximal):
        assert tree_of(PlugAndPlay(denoiser)).theorem("krasnoselskii-mann").basis is ASSUMED
        assert missing(tree_of(PlugAndPlay(denoiser)), ["convergent"])


def test_a_subclass_is_no_plug_and_play_of_the_core() -> None:
    class Other(PlugAndPlay):
        pass

    tree = tree_of(Other(GaussianFilter(0.7)))
    assert tree.theorem("krasnoselskii-mann").basis is ASSUMED
    assert not any(node.rule.startswith("plug-and-play") for node in tree.walk())


def test_a_regulariser_that_changes_with_the_space_is_taken_at_the_space_that_is_used() -> None:
    def changing(space):
        return L1() if space.shape == (1, 4, 4) else L1() @ Dense(noise(12, 12), SHAPE, SHAPE)

    assert not tree_of(PlugAndPlay(ProximalDenoiser(changing, 0.3))).holds  # no proximal map in closed form here


@pytest.mark.parametrize("weight", [0.4, 7.0])
def test_red_is_as_averaged_as_its_denoiser_allows(weight) -> None:
    cases = ((claim("nonexpansive"), 2.0), (claim("firmly_nonexpansive"), 1.0), (claim("lipschitz", constant=0.5), 1.5))
    for stated, removed in cases:
        tau = 1 / (L + 2 * weight)
        node = tree_of(RED(Stated(torch.sin, stated), weight, step_size=tau)).theorem("krasnoselskii-mann")
        assert node.value == pytest.approx(tau * (L + removed * weight) / 2)
    contracts = tree_of(RED(Stated(lambda x: 0.5 * x, claim("lipschitz", constant=0.5)), weight, step_size=tau))
    assert contracts.theorem("banach-fixed-point").value == pytest.approx(1 - tau * weight * 0.5, rel=1e-9)
    assert not missing(contracts, ["convergent"])
    assert not tree_of(RED(Stated(torch.sin, claim("lipschitz", constant=1.1)), weight)).holds


def test_a_factor_of_a_class_from_outside_is_assumed() -> None:
    class Boastful(GradientStep):
        def _sectors(self):
            return sectors.identity()

    factor = Boastful("T", least_squares(A, Y), 0.1)
    assert [one.basis for one in factor.sectors()] == [ASSUMED]
    posed = FixedPointProblem(SquaredL2(), lambda x: 2 * x, (factor,))
    assert explain(posed, solver=KrasnoselskiiMann()).theorem("krasnoselskii-mann").basis is ASSUMED

    class Stating(StatedFactor):
        pass

    assert Stating("T", (claim("bounded_range", radius=1.0),)).claims()[0].basis is ASSUMED


def test_a_proximal_map_whose_weight_over_tau_is_no_number_still_runs() -> None:
    model = PlugAndPlay(ProximalDenoiser(l1, 1e300), algorithm="douglas-rachford", step_size=1e-300)
    posed = model.problem(Y, A)
    assert posed.minimised is None


def test_a_network_of_gradient_flow_layers_needs_no_assumption() -> None:
    """Three layers x - h A* relu(A x) with h |A|^2 <= 1, clipped: 1/2-averaged each, 3/4 together."""
    matrices = [Dense(noise(20, 12, seed=seed), SHAPE, (20,)) for seed in (1, 2, 3)]
    layers = [GradientFlowStep(matrix, step_size=1 / matrix.norm().upper ** 2) for matrix in matrices]
    network = OperatorDenoiser(layers[2] @ layers[1] @ layers[0])
    assert find_claim(network.claims(), "averaged").params["alpha"] == pytest.approx(0.75)
    tree = tree_of(PlugAndPlay(ClippedDenoiser(network)))
    assert missing(tree, ["convergent"]) == []
    assert tree.theorem("krasnoselskii-mann").value == pytest.approx(5 / 6)  # with the gradient step
    assert missing(tree_of(PlugAndPlay(network)), ["convergent"])  # which may have no fixed point
    longer = OperatorDenoiser(layers[0] @ GradientFlowStep(matrices[1], step_size=2.01 / matrices[1].norm().upper ** 2))
    assert not tree_of(PlugAndPlay(ClippedDenoiser(longer))).holds
