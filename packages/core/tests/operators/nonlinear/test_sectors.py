"""What random expressions claim of distances, against dense matrices and the Jacobians of what is not linear."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Claim, find_claim
from invkit.derivations import sectors
from invkit.errors import ShapeError
from invkit.operators import (
    BeerLambert,
    Dense,
    Diagonal,
    Exp,
    Fourier,
    FromFunction,
    Identity,
    Log,
    NonlinearComposition,
    NonlinearScaled,
    NonlinearSum,
    Operator,
    ReLU,
    Shift,
    Sigmoid,
    Softplus,
    Space,
    Square,
    sectors_of,
)

SPACE = Space((1, 2, 3), torch.float64)
N = SPACE.size
EYE = torch.eye(N, dtype=torch.float64)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def dense(seed: int) -> Dense:
    return Dense(0.4 * noise(N, N, seed=seed), SPACE.shape, SPACE.shape)


seeds = st.integers(0, 10**4)
linear_leaves = st.one_of(
    seeds.map(dense),
    seeds.map(lambda seed: dense(seed).normal()),
    seeds.map(lambda seed: Diagonal(noise(*SPACE.shape, seed=seed))),
    st.just(Identity(SPACE.shape[1:], 1, torch.float64)),
)
nonlinear_leaves = st.one_of(
    st.just(ReLU(SPACE)),
    st.just(Softplus(SPACE, 3.0)),
    st.just(Sigmoid(SPACE, -2.0, 1.0)),
    seeds.map(lambda seed: Shift(SPACE, noise(*SPACE.shape, seed=seed))),
)
factors = st.floats(-2, 2)


def expressions(leaves: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] @ pair[1]),
            st.tuples(factors, inner).map(lambda pair: pair[0] * pair[1]),
        ),
        max_leaves=5,
    )


def jacobians(operator: Operator, points: torch.Tensor) -> torch.Tensor:
    """F'(x) of every point as a matrix, column by column."""
    columns = [operator.jvp(points, e.reshape(1, *SPACE.shape).expand_as(points)).flatten(1) for e in EYE]
    return torch.stack(columns, dim=-1)


def points(seed: int) -> torch.Tensor:
    """Small and large ones, and where every unit is active or none is."""
    random = noise(12, *SPACE.shape, seed=seed) * torch.logspace(-2, 3, 12, dtype=torch.float64).reshape(-1, 1, 1, 1)
    far = torch.stack([torch.full(SPACE.shape, value, dtype=torch.float64) for value in (1e3, -1e3, 0.0)])
    return torch.cat([random, far])


def excess(operator: Operator, claims: tuple[Claim, ...], at: torch.Tensor) -> float:
    """The largest ratio of what is found to what is claimed; at most 1 up to rounding."""
    found, ratios = jacobians(operator, at), [0.0]
    for claim in claims:
        if claim.property in ("lipschitz", "nonexpansive"):
            constant = claim.params.get("constant", 1.0)
            ratios.append(float(torch.linalg.matrix_norm(found, 2).max()) / (constant + 1e-9))
        if claim.property in ("averaged", "firmly_nonexpansive"):
            alpha = claim.params.get("alpha", 0.5)
            inner = torch.linalg.matrix_norm(found - (1 - alpha) * EYE, 2).max()
            ratios.append(float(inner) / (alpha + 1e-9))
    return max(ratios)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(expressions(linear_leaves), seeds)
def test_of_a_linear_expression_every_sector_holds_its_dense_matrix(operator, seed) -> None:
    matrix = jacobians(operator, noise(1, *SPACE.shape, seed=seed))[0]
    known = sectors_of(operator)
    assert known
    for one in known:
        centre, radius = float(one.low + one.high) / 2, float(one.high - one.low) / 2
        assert float(torch.linalg.matrix_norm(matrix - centre * EYE, 2)) <= radius * (1 + 1e-9) + 1e-12
    assert excess(operator, sectors.claims_of(known), noise(1, *SPACE.shape)) <= 1 + 1e-9


@settings(max_examples=150, deadline=None, derandomize=True)
@given(expressions(st.one_of(linear_leaves, nonlinear_leaves)), seeds)
def test_of_any_expression_the_claims_hold_for_its_jacobians_and_secants(operator, seed) -> None:
    claims = operator.claims()
    assert excess(operator, claims, points(seed)) <= 1 + 1e-9
    lipschitz = find_claim(claims, "lipschitz")
    if lipschitz is not None:
        x, z = points(seed), points(seed + 1) + 0.1
        lengths = (operator(x) - operator(z)).flatten(1).norm(dim=1) / (x - z).flatten(1).norm(dim=1)
        assert float(lengths.max()) <= lipschitz.params["constant"] * (1 + 1e-9) + 1e-9


def test_a_wrong_rule_is_caught_by_the_same_test() -> None:
    relu, shift, one = ReLU(SPACE), Shift(SPACE, 1.0), Identity(SPACE.shape[1:], 1, torch.float64)
    trap = one - 1.99 * (one - 2 * (relu @ shift))
    wrong = {
        "a nonexpansive map leaves a residual that is averaged": (
            trap, Claim(property="averaged", params={"alpha": 0.995}),
        ),
        "the constants of a sum are not added": (relu + one, Claim(property="lipschitz", params={"constant": 1.0})),
        "a composition takes the largest constant": (
            (2 * relu) @ (2 * relu), Claim(property="lipschitz", params={"constant": 2.0}),
        ),
        "minus a firmly nonexpansive map is one": (-relu, Claim(property="firmly_nonexpansive")),
        "sigmoid is steeper than a quarter": (
            4 * Sigmoid(SPACE), Claim(property="lipschitz", params={"constant": 0.9}),
        ),
    }  # fmt: skip
    for why, (operator, claim) in wrong.items():
        assert excess(operator, (claim,), points(0)) > 1 + 1e-3, why
        assert excess(operator, operator.claims(), points(0)) <= 1 + 1e-9


def test_the_residual_of_a_nonexpansive_map_claims_the_constant_that_it_has() -> None:
    one = Identity(SPACE.shape[1:], 1, torch.float64)
    gamma = one - 2 * (ReLU(SPACE) @ Shift(SPACE, 100.0))
    assert find_claim(gamma.claims(), "nonexpansive") is not None
    assert find_claim(gamma.claims(), "averaged") is None
    residual = one - 1.99 * gamma
    claim = find_claim(residual.claims(), "lipschitz")
    assert claim.params["constant"] == pytest.approx(2.99)
    assert find_claim(residual.claims(), "averaged") is None
    x = torch.zeros(1, *SPACE.shape, dtype=torch.float64)
    assert float((residual(x + 1) - residual(x)).norm() / (N**0.5)) == pytest.approx(2.99)


def test_a_gradient_step_is_averaged_and_behind_a_pointwise_map_still() -> None:
    a = dense(3)
    step = Identity(SPACE.shape[1:], 1, torch.float64) - (1 / a.norm().upper ** 2) * a.normal()
    claim = find_claim((Softplus(SPACE) @ step).claims(), "averaged")
    assert claim.params["alpha"] == pytest.approx(2 / 3, rel=1e-9)
    assert claim.basis is CERTIFIED
    assert "Combettes" in claim.source


def test_pointwise_operators_state_their_slopes() -> None:
    for operator in (ReLU(SPACE), Softplus(SPACE, 0.3)):
        assert find_claim(operator.claims(), "firmly_nonexpansive").basis is BY_CONSTRUCTION
    constant = find_claim(Log(SPACE, 0.25).claims(), "lipschitz").params["constant"]
    assert 4 <= constant <= 4 * (1 + 1e-15)
    assert find_claim(Sigmoid(SPACE, -1.0, 3.0).claims(), "lipschitz").params["constant"] == 1.0
    for operator in (Exp(SPACE), Square(SPACE), BeerLambert(dense(0))):
        assert sectors_of(operator) == ()


def test_of_a_map_between_different_spaces_only_the_constant_is_said() -> None:
    wide, narrow = Dense(0.1 * noise(4, N), SPACE.shape, (1, 2, 2)), Space((1, 2, 2), torch.float64)
    claims = (ReLU(narrow) @ wide).claims()
    assert find_claim(claims, "lipschitz").params["constant"] < 1
    assert find_claim(claims, "averaged") is None
    assert find_claim(claims, "firmly_nonexpansive") is None


def test_a_complex_factor_keeps_the_constant_alone() -> None:
    space = Space((1, 2, 3), torch.complex128)
    shift = Shift(space, torch.ones(2, 3, dtype=torch.complex128))
    claim = find_claim((1j * shift).claims(), "lipschitz")
    assert claim.params["constant"] == 1.0
    assert find_claim((1j * shift).claims(), "averaged") is None
    fourier = Fourier((2, 3), dtype=torch.complex128)
    assert find_claim((shift @ fourier).claims(), "nonexpansive").basis is BY_CONSTRUCTION


def test_what_an_unknown_part_does_leaves_nothing_known() -> None:
    function = FromFunction(lambda x: 3 * x, SPACE, SPACE)
    for operator in (function, function @ ReLU(SPACE), function + ReLU(SPACE), 0.5 * function):
        assert sectors_of(operator) == ()
        assert find_claim(operator.claims(), "lipschitz") is None


def test_what_a_class_outside_the_core_states_is_assumed() -> None:
    class Louder(ReLU):
        def _forward(self, x: torch.Tensor) -> torch.Tensor:
            return 3 * x.relu()

    for operator in (Louder(SPACE), 0.5 * Louder(SPACE), Louder(SPACE) @ ReLU(SPACE), Louder(SPACE) + ReLU(SPACE)):
        assert find_claim(operator.claims(), "lipschitz").basis is ASSUMED


def test_the_algebra_builds_the_expressions_that_are_tested() -> None:
    relu = ReLU(SPACE)
    kinds = [type(one) for one in (relu @ relu, relu + relu, 2 * relu)]
    assert kinds == [NonlinearComposition, NonlinearSum, NonlinearScaled]
    assert functools.reduce(lambda a, b: a @ b, [relu] * 3)(-SPACE.zeros()).shape == (1, *SPACE.shape)


@pytest.mark.parametrize("offset", [torch.ones(4), torch.ones(1, 1, 2, 3), torch.ones(2, 3, dtype=torch.complex64)])
def test_a_shift_that_does_not_fit_is_refused(offset) -> None:
    with pytest.raises(ShapeError, match="Shift: offset has shape .* expected one that broadcasts to"):
        Shift(SPACE, offset)
