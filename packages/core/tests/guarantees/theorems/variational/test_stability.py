"""Stability and Lipschitz constants of variational reconstructions, against minimisers found by other means."""

from __future__ import annotations

import functools
import math
import re
from fractions import Fraction

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import invkit
from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, MEASURED, find_claim
from invkit.errors import GuaranteeError
from invkit.functionals import L1, SquaredL2, kullback_leibler, least_squares, tgv, total_variation
from invkit.functionals.data_fidelity import weighted_least_squares
from invkit.functionals.regularisers import squared_l2
from invkit.guarantees import Node, Setting
from invkit.guarantees.require import require
from invkit.guarantees.theorems.variational.lipschitz import VARIATIONAL_LIPSCHITZ, lipschitz_constant
from invkit.guarantees.theorems.variational.stability import VARIATIONAL_STABILITY
from invkit.models import IterativelyRegularised, Tikhonov, Variational
from invkit.operators import Dense, FiniteDifference, Fourier, Identity, LinearOperator
from invkit.solvers import PDHG, ConjugateGradient


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


A = Dense(noise(7, 5) / 2)
M = A.matrix.numpy()
WEIGHTS = 0.2 + noise(1, 7, seed=3).square()


def setting_of(model: Variational, operator: LinearOperator, y: Tensor | None) -> Setting:
    y = operator.codomain.zeros() if y is None else y
    solver = model.used_solver()
    return Setting(subject=model, operator=operator, y=y, solver=solver, problem=model.problem(y, operator))


def stability(model: Variational, operator: LinearOperator = A, y: Tensor | None = None) -> Node:
    return VARIATIONAL_STABILITY.apply(setting_of(model, operator, y))


def lipschitz(model: Variational, operator: LinearOperator = A, y: Tensor | None = None) -> Node:
    return VARIATIONAL_LIPSCHITZ.apply(setting_of(model, operator, y))


def failing(node: Node) -> list[str]:
    assert not node.holds
    assert not node.error
    assert node.claim is None
    assert all(child.remedy for child in node.children if not child.holds)
    return [child.statement for child in node.children if not child.holds]


def elastic(mu: float):
    return lambda space: L1() + mu * SquaredL2()


def reference(y: np.ndarray, alpha: float, mu: float, weights: np.ndarray | None = None) -> np.ndarray:
    """argmin 0.5 |A u - y|_W^2 + alpha (|u|_1 + (mu/2) |u|^2) over u >= 0, by an interior point method."""
    u = cp.Variable(5, nonneg=True)
    root = np.ones(7) if weights is None else np.sqrt(weights)
    fit = 0.5 * cp.sum_squares(cp.multiply(root, M @ u - y))
    cp.Problem(cp.Minimize(fit + alpha * (cp.norm1(u) + 0.5 * mu * cp.sum_squares(u)))).solve(solver=cp.CLARABEL)
    return u.value


PAIRS = [(seed, apart) for seed in range(6) for apart in (1e-2, 1.0, 30.0)]


@pytest.mark.parametrize("mu", [0.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_minimisers_with_a_constraint_meet_both_bounds(mu: float, weighted: bool) -> None:
    fit = functools.partial(weighted_least_squares, weights=WEIGHTS) if weighted else "least-squares"
    model = Variational(elastic(mu), 0.2, data_fidelity=fit, nonnegative=True, solver=PDHG())
    stable, bounded = stability(model), lipschitz(model)
    assert stable.holds
    assert stable.basis is BY_CONSTRUCTION
    assert bounded.holds is (mu > 0)
    for seed, apart in PAIRS:
        y1 = 2 * noise(7, seed=seed).numpy()
        y2 = y1 + apart * noise(7, seed=seed + 50).numpy()
        weights = WEIGHTS.numpy()[0] if weighted else None
        du = reference(y1, 0.2, mu, weights) - reference(y2, 0.2, mu, weights)
        dy = np.linalg.norm(y1 - y2)
        assert np.linalg.norm(M @ du) <= stable.claim.params["constant"] * dy * (1 + 1e-6) + 1e-6
        if bounded.holds:
            assert np.linalg.norm(du) <= bounded.claim.params["constant"] * dy * (1 + 1e-6) + 1e-6


def quadratic_map(matrix: Tensor, modulus: float, weights: Tensor) -> Tensor:
    """y -> argmin 0.5 |W^(1/2) (A u - y)|^2 + (modulus/2) |u|^2 as a matrix."""
    scaled = weights[:, None] * matrix
    return torch.linalg.solve(matrix.mH @ scaled + modulus * torch.eye(matrix.shape[1], dtype=matrix.dtype), scaled.mH)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1e-6, 0.03, 1.0, 40.0]),
    st.sampled_from([0.01, 1.0, 30.0]),
    st.sampled_from([torch.float64, torch.complex128]),
)
def test_of_quadratic_models_the_exact_norm_is_below_the_constant(seed, modulus, size, dtype) -> None:
    operator = Dense(size * noise(6, 4, seed=seed, dtype=dtype))
    weights = 0.1 + noise(1, 6, seed=seed + 1).square()
    fit = functools.partial(weighted_least_squares, weights=weights)
    model = Variational(lambda space: SquaredL2(), modulus, data_fidelity=fit, solver=ConjugateGradient())
    exact = quadratic_map(operator.matrix, modulus, weights[0].to(dtype))
    norm = float(torch.linalg.matrix_norm(exact, 2))
    seen = float(torch.linalg.matrix_norm(operator.matrix @ exact, 2))
    assert norm <= lipschitz(model, operator).claim.params["constant"] * (1 + 1e-9)
    assert seen <= stability(model, operator).claim.params["constant"] * (1 + 1e-9)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(0.1, 10.0))
def test_no_constant_of_one_pixel_is_below_its_own_in_exact_arithmetic(s: float, modulus: float, w: float) -> None:
    """y -> s w y / (w s^2 + m), compared in fractions, so that a constant rounded down by one unit is seen."""
    operator = Dense(torch.tensor([[s]], dtype=torch.float64))
    fit = functools.partial(weighted_least_squares, weights=torch.tensor([[w]], dtype=torch.float64))
    model = Variational(squared_l2, modulus, data_fidelity=fit, solver=ConjugateGradient())
    exact = Fraction(s) * Fraction(w) / (Fraction(w) * Fraction(s) ** 2 + Fraction(modulus))
    node = lipschitz(model, operator)
    assert Fraction(node.claim.params["constant"]) >= exact
    assert Fraction(re.findall(r"<= (\S+) \|y1", node.statement)[0]) >= exact
    assert Fraction(find_claim(Tikhonov(modulus).claims(), "lipschitz").params["constant"]) ** 2 >= 1 / (
        4 * Fraction(modulus)
    )


@given(st.lists(st.floats(0.01, 100.0), min_size=2, max_size=4))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_no_constant_of_stability_is_below_the_root_of_the_ratio_of_weights(weights: list[float]) -> None:
    fit = functools.partial(weighted_least_squares, weights=torch.tensor([weights], dtype=torch.float64))
    model = Variational(squared_l2, 0.1, data_fidelity=fit, solver=ConjugateGradient())
    node = stability(model, Dense(torch.eye(len(weights), dtype=torch.float64)))
    assert Fraction(node.claim.params["constant"]) ** 2 >= Fraction(max(weights)) / Fraction(min(weights))
    assert Fraction(node.shown) >= Fraction(node.claim.params["constant"])


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_the_constant_is_attained_in_both_of_its_ranges(sigma: float) -> None:
    """A = sigma id: s / (s^2 + m) for sigma below m^(1/2), exactly the norm; 1 / (2 m^(1/2)) once sigma is m^(1/2)."""
    modulus = 0.25
    operator = Dense(torch.diag(torch.tensor([sigma, min(sigma, 0.5)], dtype=torch.float64)))
    model = Variational(lambda space: SquaredL2(), modulus, solver=ConjugateGradient())
    exact = quadratic_map(operator.matrix, modulus, torch.ones(2).double())
    constant = lipschitz(model, operator).claim.params["constant"]
    assert constant == pytest.approx(float(torch.linalg.matrix_norm(exact, 2)), rel=1e-9)
    assert constant <= 1 / math.sqrt(modulus) / 2 * (1 + 1e-9)  # half of the dissertation's 1 / sqrt(alpha mu)


def test_an_isometric_operator_is_strongly_convex_by_itself() -> None:
    model = Variational(lambda space: L1(), 0.3)
    node = lipschitz(model, Identity((3, 2), dtype=torch.float64))
    assert node.claim.params["constant"] == pytest.approx(1.0, rel=1e-9)  # a proximal map is nonexpansive


def test_stability_needs_neither_a_regulariser_nor_a_weight() -> None:
    for model in (Variational(None), Variational(total_variation_of_columns, 0.0), Variational(tgv, 0.1)):
        operator = FiniteDifference((4, 3), dtype=torch.float64) if model.regulariser is tgv else A
        assert stability(model, operator).claim.params == {"constant": 1.0}


def total_variation_of_columns(space):
    return L1()


def test_the_weights_of_both_statements_are_learned_ones_as_they_stand() -> None:
    weight = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    model = Variational(lambda space: SquaredL2(), weight, solver=ConjugateGradient())
    before = lipschitz(model).claim.params["constant"]
    with torch.no_grad():
        weight.mul_(0.01)
    assert lipschitz(model).claim.params["constant"] > 2 * before


def test_complex_images_and_a_batch_are_no_exception() -> None:
    operator = Fourier((4, 4), torch.ones(4, 4, dtype=torch.float64), dtype=torch.complex128)
    model = Variational(lambda space: L1() + SquaredL2(), 0.1)
    y = noise(3, *operator.codomain.shape, dtype=torch.complex128)
    assert stability(model, operator, y).holds
    assert lipschitz(model, operator, y).holds


FORM = "the data term is (c/2) |W^(1/2) (A x - y)|^2, with the same c >= 0 and W >= 0 for every y"


def test_another_data_fidelity_fails_and_is_named() -> None:
    for fit in (kullback_leibler, "l1"):
        model = Variational(total_variation_of_columns, 0.1, data_fidelity=fit)
        assert FORM in failing(stability(model))
        assert FORM in failing(lipschitz(model))


def test_a_function_of_the_user_is_looked_at_for_other_measurements() -> None:
    halved = Variational(lambda s: SquaredL2(), 0.1, data_fidelity=lambda a, y: 0.5 * least_squares(a, y))
    node = stability(halved)
    assert node.holds
    assert node.basis is MEASURED
    exact = quadratic_map(A.matrix, 0.2, torch.ones(7).double())
    constant = lipschitz(halved).claim.params["constant"]
    assert float(torch.linalg.matrix_norm(exact, 2)) <= constant * (1 + 1e-9)


def twice_the_data(operator, y):
    return least_squares(operator, 2 * y)  # at y = 0, which explain() takes, nothing shows


def trusts_large_data(operator, y):
    return (1 + float(y.abs().max())) * least_squares(operator, y)


def weights_by_counts(operator, y):
    return weighted_least_squares(operator, y, 1 / (1 + y.abs()))


def another_operator(operator, y):
    return least_squares(2.0 * operator, y)


@pytest.mark.parametrize("fit", [twice_the_data, trusts_large_data, weights_by_counts, another_operator])
def test_a_data_term_that_depends_on_y_otherwise_is_refused(fit) -> None:
    model = Variational(lambda s: SquaredL2(), 0.1, data_fidelity=fit, solver=ConjugateGradient())
    assert failing(stability(model)) == [FORM]
    assert FORM in failing(lipschitz(model))


def test_why_twice_the_data_must_be_refused() -> None:
    """Its measurements move twice as far as the data."""
    exact = 2 * quadratic_map(A.matrix, 1e-6, torch.ones(7).double())
    assert float(torch.linalg.matrix_norm(A.matrix @ exact, 2)) > 1.9


def test_samples_of_weight_zero_leave_no_constant_for_all_of_y() -> None:
    weights = WEIGHTS.clone()
    weights[0, 2] = 0.0
    fit = functools.partial(weighted_least_squares, weights=weights)
    model = Variational(lambda s: SquaredL2(), 0.1, data_fidelity=fit, solver=ConjugateGradient())
    assert failing(stability(model)) == ["c > 0 and W > 0: every sample counts"]
    exact = quadratic_map(A.matrix, 0.1, weights[0])
    assert float(torch.linalg.matrix_norm(exact, 2)) <= lipschitz(model).claim.params["constant"]


class ByNoise(Variational):
    """Chooses its weight by the measurement."""

    def objective(self, y, operator):
        return least_squares(operator, y) + float(y.abs().max()) * SquaredL2()


def test_a_subclass_that_may_pose_another_problem_is_refused() -> None:
    model = ByNoise(lambda s: SquaredL2(), 0.1, solver=ConjugateGradient())
    assert failing(stability(model)) == ["the objective is that data term + weight * R, and y enters nowhere else"]


def test_a_model_with_a_replaced_objective_is_only_assumed() -> None:
    model = Variational(lambda s: SquaredL2(), 0.1, solver=ConjugateGradient())
    model.objective = lambda y, operator: least_squares(operator, y)  # type: ignore[method-assign]
    assert invkit.explain(model, A).theorem("variational-stability").basis is ASSUMED


def test_methods_that_stop_early_are_not_spoken_of() -> None:
    tree = invkit.explain(IterativelyRegularised(max_steps=3), A)
    names = {node.rule for node in tree.walk()}
    assert not names & {"variational-stability", "variational-lipschitz", "differentiable-solution-map"}


def test_a_configuration_may_require_it() -> None:
    require(invkit.explain(Variational(elastic(0.5), 0.2), A), ["lipschitz", "stable"])
    with pytest.raises(GuaranteeError, match="strongly convex with a known modulus"):
        require(invkit.explain(Variational(total_variation, 0.2), FiniteDifference((4, 3))), ["lipschitz"])


@pytest.mark.parametrize(
    ("modulus", "size", "smoothness", "convexity", "constant"),
    [
        (0.0, 1.0, 1.0, 0.0, None),
        (-1.0, 1.0, 1.0, 0.0, None),
        (4.0, 1.0, 100.0, 0.0, 0.25),
        (4.0, 3.0, 100.0, 0.0, 0.75),
        (4.0, 1.0, 1.0, 0.0, 0.2),
        (4.0, 1.0, 100.0, 25.0, 5 / 29),
        (0.0, 1.0, 1.0, 1.0, 1.0),
        (1.0, 1.0, 0.0, 0.0, 0.0),
        (1.0, 0.0, 1.0, 0.0, 0.0),
        (5e-324, 1.0, 1.0, 0.0, 1 / (2 * math.sqrt(5e-324))),
    ],
)
def test_the_constant_is_the_maximum_over_what_a_can_do(modulus, size, smoothness, convexity, constant) -> None:
    found = lipschitz_constant(modulus, size, smoothness, convexity)
    assert found is None if constant is None else constant <= found == pytest.approx(constant, rel=1e-9)


def test_a_constant_that_underflows_is_not_zero() -> None:
    assert lipschitz_constant(1e300, 1e-200, 1e-300, 0.0) > 0


@pytest.mark.parametrize("weight", [1e-6, 0.25, 3.0, torch.tensor([0.5, 0.04])])
def test_tikhonov_states_the_norm_that_no_operator_exceeds(weight) -> None:
    constant = find_claim(Tikhonov(weight).claims(), "lipschitz").params["constant"]
    least = float(torch.as_tensor(weight).min())
    worst = Dense(torch.tensor([[math.sqrt(least)]], dtype=torch.float64))  # s^2 = weight attains it
    y = torch.ones(1 if isinstance(weight, float) else 2, 1, dtype=torch.float64)
    assert float(Tikhonov(weight)(y, worst).abs().max()) == pytest.approx(constant, rel=1e-6)
    for seed in range(20):
        matrix = 10.0 ** (seed % 5 - 2) * noise(5, 4, seed=seed)
        exact = quadratic_map(matrix, least, torch.ones(5).double())
        assert float(torch.linalg.matrix_norm(exact, 2)) <= constant


def test_tikhonov_with_a_weight_that_left_its_range_states_nothing() -> None:
    weight = torch.tensor(0.5)
    model = Tikhonov(weight)
    weight.mul_(-1)
    assert find_claim(model.claims(), "lipschitz") is None


def test_the_tree_of_tikhonov_has_one_line_about_amplification() -> None:
    tree = invkit.explain(Tikhonov(0.25), A)
    assert "no bound of |R| is known" not in str(tree)
    assert find_claim(tuple(n.claim for n in tree.children if n.claim), "lipschitz").basis >= CERTIFIED
