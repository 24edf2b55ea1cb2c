"""Plug-and-Play and RED against the minimisers and linear systems that they amount to for known denoisers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from convex_problems import PROBLEMS, noise

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Claim, find_claim
from invkit.derivations.sectors import composed_averagedness
from invkit.errors import ConfigError, ShapeError
from invkit.functionals.regularisers import l1, total_variation
from invkit.guarantees import explain
from invkit.guarantees.theorems import core_rules
from invkit.models import Denoiser, GaussianFilter, PlugAndPlay, ProximalDenoiser, RegularisationByDenoising, Stopping
from invkit.operators import Dense
from invkit.solvers import Status

TIGHT = Stopping(rtol=1e-12, max_steps=20_000, check_every=50)
MATRIX = noise((14, 12), seed=4)
OP = Dense(MATRIX, (1, 4, 3))
Y = 2 * noise((2, 14), seed=5)
L = float(torch.linalg.matrix_norm(MATRIX, 2) ** 2)


class Unknown(Denoiser):
    """A denoiser that says nothing of itself."""

    def forward(self, x: torch.Tensor, noise_std=None) -> torch.Tensor:
        return 0.5 * x


class Boastful(Unknown):
    """One whose author claims more than anybody has seen."""

    def claims(self):
        return (Claim(property="averaged", params={"alpha": 0.3}, basis=BY_CONSTRUCTION),)


@pytest.mark.parametrize("algorithm", ["proximal-gradient", "douglas-rachford"])
@pytest.mark.parametrize("name", ["lasso", "lasso-complex"])
def test_with_a_proximal_map_it_finds_the_minimiser_that_cvxpy_finds(algorithm, name) -> None:
    problem = PROBLEMS[name]
    matrix = noise((9, 6), problem.dtype, seed=2 if problem.dtype.is_complex else 0)
    tau = 0.9 / float(torch.linalg.matrix_norm(matrix, 2) ** 2)
    weight = tau * 1.3 / 0.7  # the problem is 0.7 times a square and 1.3 times a norm
    model = PlugAndPlay(ProximalDenoiser(l1, weight), algorithm=algorithm, step_size=tau, stopping=TIGHT)
    solution = model.solve(problem.y, Dense(matrix, (6,)))
    assert solution.converged
    np.testing.assert_allclose(solution.x.numpy(), problem.minimiser(), atol=1e-6)
    wrong = PlugAndPlay(ProximalDenoiser(l1, weight), algorithm=algorithm, step_size=tau / 2, stopping=TIGHT)
    assert np.abs(wrong(problem.y, Dense(matrix, (6,))).numpy() - problem.minimiser()).max() > 1e-2


def test_with_total_variation_solved_to_a_tolerance_it_finds_cvxpys_minimiser() -> None:
    problem = PROBLEMS["tv"]
    tau = 1 / L
    inner = Stopping(rtol=1e-8, max_steps=2000, check_every=25)
    denoiser = ProximalDenoiser(total_variation, tau * 1.7 / 0.8, stopping=inner)
    assert denoiser.claims() == ()
    model = PlugAndPlay(denoiser, step_size=tau, stopping=Stopping(rtol=1e-6, max_steps=200))
    np.testing.assert_allclose(model(problem.y[:1], OP).numpy(), problem.minimiser()[:1], atol=1e-4)


@pytest.mark.parametrize("weight", [0.4, 7.0])
def test_red_with_a_linear_filter_solves_the_linear_system(weight) -> None:
    filter_ = GaussianFilter(0.7)
    basis = torch.eye(12, dtype=torch.float64).reshape(12, 1, 4, 3)
    g = filter_(basis).reshape(12, 12).numpy().T
    a = MATRIX.numpy()
    want = np.linalg.solve(a.T @ a + weight * (np.eye(12) - g), a.T @ Y.numpy().T).T.reshape(2, 1, 4, 3)
    model = RegularisationByDenoising(filter_, weight, stopping=TIGHT)
    np.testing.assert_allclose(model(Y, OP).numpy(), want, atol=1e-9)


def test_the_gaussian_filter_is_what_it_claims() -> None:
    filter_ = GaussianFilter(0.7)
    basis = torch.eye(15, dtype=torch.float64).reshape(15, 1, 5, 3)
    g = filter_(basis).reshape(15, 15).numpy()
    np.testing.assert_allclose(g, g.T, atol=1e-15)
    eigenvalues = np.linalg.eigvalsh(g)
    assert eigenvalues.min() >= -1e-15
    assert eigenvalues.max() == pytest.approx(1, abs=1e-12)
    assert filter_(noise((2, 1, 5, 3), torch.complex64)).dtype is torch.complex64


@pytest.mark.parametrize("algorithm", ["proximal-gradient", "douglas-rachford"])
def test_each_image_is_reconstructed_alone(algorithm) -> None:
    model = PlugAndPlay(ProximalDenoiser(l1, 0.1), algorithm=algorithm)
    together = model(Y, OP)
    for i in range(2):
        torch.testing.assert_close(model(Y[i : i + 1], OP)[0], together[i], rtol=1e-9, atol=1e-12)


def test_explain_states_the_averagedness_of_the_whole_map() -> None:
    node = explain(PlugAndPlay(GaussianFilter(1.0), step_size=1 / L), OP, rules=core_rules())
    theorem = node.children[0]
    assert theorem.holds
    assert theorem.claim is not None
    assert theorem.claim.property == "convergent"
    assert theorem.value == pytest.approx(composed_averagedness([0.5, 0.5]), rel=1e-9) == pytest.approx(2 / 3)
    assert "find x = T(x)" in node.statement
    assert theorem.basis is CERTIFIED  # the norm of A is computed; a linear symmetric filter has a fixed point


def test_explain_names_the_denoiser_that_claims_nothing() -> None:
    for model in (PlugAndPlay(Unknown()), PlugAndPlay(Unknown(), algorithm="douglas-rachford")):
        node = explain(model, OP, rules=core_rules()).children[0]
        assert not node.holds
        assert any("nothing that helps is claimed" in below.how for below in node.walk())


def test_what_a_class_outside_the_core_claims_is_assumed() -> None:
    node = explain(PlugAndPlay(Boastful()), OP, rules=core_rules()).children[0]
    denoiser = next(below for below in node.walk() if "denoiser D: averaged" in below.statement)
    assert denoiser.holds
    assert denoiser.basis is ASSUMED


def test_an_averaged_map_may_be_over_relaxed_but_not_beyond_its_theorem() -> None:
    good = explain(PlugAndPlay(GaussianFilter(1.0), step_size=1 / L, relaxation=1.4), OP, rules=core_rules())
    assert good.children[0].holds
    far = explain(PlugAndPlay(GaussianFilter(1.0), step_size=1 / L, relaxation=1.6), OP, rules=core_rules())
    assert not far.children[0].holds
    solution = PlugAndPlay(GaussianFilter(1.0), step_size=1 / L, relaxation=1.4, stopping=TIGHT).solve(Y, OP)
    torch.testing.assert_close(
        solution.x, PlugAndPlay(GaussianFilter(1.0), step_size=1 / L, stopping=TIGHT)(Y, OP), atol=1e-8, rtol=0
    )


def test_composed_averagedness_is_sharp_for_rotations() -> None:
    # N = -id: (1 - 2 a) id each; the product (1 - 2 a)(1 - 2 b) is at least 1 - 2 alpha.
    for a, b in ((0.5, 0.5), (0.2, 0.9), (0.7, 0.7)):
        alpha = composed_averagedness([a, b])
        assert (1 - 2 * a) * (1 - 2 * b) >= 1 - 2 * alpha - 1e-12
    assert composed_averagedness([0.5, 0.5]) == pytest.approx(2 / 3)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="denoiser is function, expected a Denoiser"):
        PlugAndPlay(lambda x: x)
    with pytest.raises(ConfigError, match="algorithm is 'admm', expected"):
        PlugAndPlay(Unknown(), algorithm="admm")
    with pytest.raises(ConfigError, match=r"step_size is 1, expected one in \(0, "):
        PlugAndPlay(Unknown(), step_size=1.0).solve(Y, OP)
    with pytest.raises(ConfigError, match="std is 0, expected a positive number"):
        GaussianFilter(0)
    with pytest.raises(ConfigError, match="weight is 0, expected a positive number"):
        ProximalDenoiser(l1, 0)
    with pytest.raises(ConfigError, match="relaxation is -1, expected a positive"):
        PlugAndPlay(Unknown(), relaxation=-1)


def test_a_map_that_runs_away_is_called_diverged() -> None:
    class Amplifying(Denoiser):
        def forward(self, x: torch.Tensor, noise_std=None) -> torch.Tensor:
            return 1e30 * x

    solution = PlugAndPlay(Amplifying(), stopping=Stopping(max_steps=50)).solve(Y, OP)
    assert solution.status == (Status.DIVERGED, Status.DIVERGED)


def test_douglas_rachford_that_runs_away_is_called_diverged_and_its_batch_mate_is_not() -> None:
    class AmplifyingLarge(Denoiser):
        def forward(self, x: torch.Tensor, noise_std=None) -> torch.Tensor:
            size = x.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
            return torch.where(size > 1e3, 1e30 * x, 0.5 * x)

    y = torch.stack([Y[0], 1e6 * Y[1]])
    model = PlugAndPlay(AmplifyingLarge(), algorithm="douglas-rachford", stopping=Stopping(max_steps=500))
    solution = model.solve(y, OP)
    assert solution.status == (Status.CONVERGED, Status.DIVERGED)
    torch.testing.assert_close(solution.x[:1], model.solve(y[:1], OP).x)


def nodes(node):
    yield node
    for child in node.children:
        yield from nodes(child)


def test_a_map_that_is_only_nonexpansive_converges_if_relaxed() -> None:
    class Nonexpansive(Unknown):
        def claims(self):
            return (Claim(property="nonexpansive", basis=BY_CONSTRUCTION),)

    relaxed = explain(PlugAndPlay(Nonexpansive(), step_size=1 / L, relaxation=0.5), OP, rules=core_rules())
    theorem = relaxed.children[0]
    assert theorem.holds
    assert theorem.value == 1.0
    assert not any(node.error for node in nodes(relaxed))
    plain = explain(PlugAndPlay(Nonexpansive(), step_size=1 / L), OP, rules=core_rules())
    assert not plain.children[0].holds
    assert not any(node.error for node in nodes(plain))  # refused, not broken


@pytest.mark.parametrize("weight", [0.4, 7.0])
def test_the_step_of_red_and_how_averaged_it_is_are_those_of_the_page(weight) -> None:
    filter_, total = GaussianFilter(0.7), L + 2 * weight
    x = noise((2, 1, 4, 3), seed=6)
    gradient = ((x.reshape(2, 12) @ MATRIX.mT - Y) @ MATRIX).reshape(x.shape) + weight * (x - filter_(x))
    for step_size, tau in ((None, 1 / total), (1.7 / total, 1.7 / total)):
        problem = RegularisationByDenoising(filter_, weight, step_size=step_size).problem(Y, OP)
        torch.testing.assert_close(problem.map(x), x - tau * gradient, rtol=1e-6, atol=1e-9)
        # The filter is firmly nonexpansive, so that half of what a nonexpansive one removes counts.
        claim = find_claim(problem.factors[0].claims(), "averaged")
        assert claim is not None
        assert claim.params["alpha"] == pytest.approx(tau * (L + weight) / 2, rel=1e-6)
    with pytest.raises(ConfigError, match=r"step_size is .*, expected one in \(0, "):
        RegularisationByDenoising(filter_, weight, step_size=2.1 / total).problem(Y, OP)


@pytest.mark.parametrize(
    "wrong", [lambda x: x[0, 0], lambda x: x.mean(0, keepdim=True), lambda x: x.float(), lambda x: x.numpy()]
)
@pytest.mark.parametrize("model", [PlugAndPlay, RegularisationByDenoising])
@pytest.mark.parametrize("algorithm", ["proximal-gradient", "douglas-rachford"])
def test_a_denoiser_that_returns_something_else_is_named(wrong, model, algorithm) -> None:
    class Wrong(Denoiser):
        def forward(self, x: torch.Tensor, noise_std=None):
            return wrong(x)

    made = PlugAndPlay(Wrong(), algorithm=algorithm) if model is PlugAndPlay else model(Wrong())
    with pytest.raises(ShapeError, match=r"Wrong: result is .*, expected \(2, 1, 4, 3\), torch.float64, cpu as its"):
        made(Y, OP)


def test_a_regulariser_on_a_domain_is_no_function_of_it() -> None:
    with pytest.raises(ConfigError, match="ProximalDenoiser: regulariser is .* expected a function of the domain"):
        ProximalDenoiser(total_variation(OP.domain), 0.1)
