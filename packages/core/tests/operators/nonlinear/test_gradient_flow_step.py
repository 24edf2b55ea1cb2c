"""Steps along x' = -A* sigma(A x + b): derivatives, claims, and Lipschitz constants measured on dense Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Basis, find_claim
from invkit.errors import ConfigError, ShapeError
from invkit.operators import Dense, FiniteDifference, GradientFlowStep, Identity
from invkit.operators.nonlinear.activations import ACTIVATIONS, Activation, LeakyReLU, Linear, Softplus
from invkit.operators.nonlinear.gradient_flow_step import largest_step_size
from invkit.operators.nonlinear.runge_kutta import BACKWARD_EULER, EULER, TABLEAUX

CONTRACTIVE = ["euler", "heun", "kutta3", "ssprk3", "rk4"]
EXPLICIT = [*CONTRACTIVE, "explicit-midpoint"]


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


A = Dense(noise(5, 4))
BIAS = noise(*A.codomain.shape, seed=1)

# Rows with signs so that A* c = 0 for a c > 0: with bias c every unit is active in every stage of a step from near 0.
_NULL = torch.linalg.svd(A.matrix.T).Vh[-1]
BALANCED = Dense(torch.sign(_NULL)[:, None] * A.matrix)
ACTIVE = (1e3 * _NULL.abs()).reshape(A.codomain.shape)


def points(count: int, seed: int = 2) -> Tensor:
    return A.domain.randn(count, generator=torch.Generator().manual_seed(seed))


def jacobian_norm(step: GradientFlowStep, x: Tensor) -> float:
    """|F'(x)| for one image, by a dense Jacobian that autograd makes of forward."""
    full = torch.autograd.functional.jacobian(step.forward, x)
    return float(torch.linalg.matrix_norm(full.reshape(step.domain.size, step.domain.size), 2))


@dataclass(frozen=True)
class GELU(Activation):
    """Claims slopes in [0, 1], and has others."""

    basis: ClassVar[Basis] = BY_CONSTRUCTION

    @property
    def largest_slope(self) -> float:
        return 1.0

    def value(self, z: Tensor) -> Tensor:
        return torch.nn.functional.gelu(z)

    def slope(self, z: Tensor) -> Tensor:
        normal = torch.distributions.Normal(0.0, 1.0)
        return normal.cdf(z) + z * normal.log_prob(z).exp()


@dataclass(frozen=True)
class Half(Activation):
    """z / 2, of which its author states no basis."""

    @property
    def largest_slope(self) -> float:
        return 0.5

    def value(self, z: Tensor) -> Tensor:
        return z / 2

    def slope(self, z: Tensor) -> Tensor:
        return torch.full_like(z, 0.5)


def test_eulers_step_is_the_layer() -> None:
    step, x = GradientFlowStep(A, BIAS, 0.3), points(3)
    expected = x.flatten(1) - 0.3 * torch.relu(x.flatten(1) @ A.matrix.T + BIAS.flatten()) @ A.matrix
    torch.testing.assert_close(step.forward(x).flatten(1), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", EXPLICIT)
def test_steps_follow_the_flow_to_their_order(name: str) -> None:
    x = points(2)
    generator = A.matrix.T @ A.matrix  # sigma = id: x' = -A* A x has the exponential as its flow
    exact = x.flatten(1) @ torch.linalg.matrix_exp(-0.2 * generator)
    errors = [
        float((GradientFlowStep(A, None, 0.2, Linear(), name, n).forward(x).flatten(1) - exact).norm())
        for n in (16, 32)
    ]
    order = {"euler": 1, "heun": 2, "explicit-midpoint": 2, "kutta3": 3, "ssprk3": 3, "rk4": 4}[name]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.15)


@pytest.mark.parametrize("num_steps", [1, 3])
@pytest.mark.parametrize("name", EXPLICIT)
@pytest.mark.parametrize("activation", ["softplus", "relu", "tanh", "leaky-relu"])
def test_both_derivatives_agree_with_autograd(name: str, activation: str, num_steps: int) -> None:
    step, x = GradientFlowStep(A, BIAS, 0.4, activation, name, num_steps), points(2)
    v, z = points(2, seed=3), points(2, seed=4)
    full = torch.autograd.functional.jacobian(lambda t: step.forward(t).sum(0), x).movedim(len(x.shape) - 1, 0)
    matrices = full.reshape(2, step.domain.size, step.domain.size)
    torch.testing.assert_close(step.jvp(x, v).flatten(1), torch.einsum("bij,bj->bi", matrices, v.flatten(1)))
    torch.testing.assert_close(step.vjp(x, z).flatten(1), torch.einsum("bij,bi->bj", matrices, z.flatten(1)))


@pytest.mark.parametrize("num_steps", [1, 2])
@pytest.mark.parametrize("name", CONTRACTIVE)
@pytest.mark.parametrize("activation", ["softplus", "tanh"])
def test_at_the_limit_no_jacobian_is_longer_than_one(name: str, activation: str, num_steps: int) -> None:
    size = num_steps * largest_step_size(A, activation, name)
    step = GradientFlowStep(A, BIAS, size, activation, name, num_steps)
    assert find_claim(step.claims(), "nonexpansive").basis is CERTIFIED
    measured = [jacobian_norm(step, amplitude * x[None]) for amplitude in (0.1, 1.0, 10.0, 100.0) for x in points(6)]
    assert max(measured) <= 1 + 1e-12


@pytest.mark.parametrize("name", CONTRACTIVE)
def test_at_the_limit_no_secant_is_longer_than_one(name: str) -> None:
    step = GradientFlowStep(A, BIAS, largest_step_size(A, "relu", name), "relu", name)
    x, z = 3 * points(400), 3 * points(400, seed=9)
    for near in (z, x + 1e-2 * z):
        stretched = (step.forward(x) - step.forward(near)).flatten(1).norm(dim=1)
        assert float((stretched / (x - near).flatten(1).norm(dim=1)).max()) <= 1 + 1e-12


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_beyond_the_limit_nothing_is_claimed_and_rightly_so(name: str) -> None:
    """h L |A|^2 = 2.04 with all units active: the linear regime grows along the first singular vector."""
    step = GradientFlowStep(BALANCED, ACTIVE, 1.02 * largest_step_size(BALANCED, "relu", name), "relu", name)
    assert find_claim(step.claims(), "nonexpansive") is None
    assert find_claim(step.claims(), "averaged") is None
    assert jacobian_norm(step, points(1)) > 1.02


@pytest.mark.parametrize(("name", "limit"), [("kutta3", 2.5127), ("ssprk3", 2.5127), ("rk4", 2.7853)])
def test_where_slopes_are_equal_a_step_may_be_a_little_longer_and_no_claim_says_so(name: str, limit: float) -> None:
    """The linear stability intervals of orders 3 and 4 (Hairer, Wanner 1996): longer than 2 r, which allows any f."""
    norm = BALANCED.norm().upper ** 2
    for ratio, grows in ((limit - 0.01, False), (limit + 0.01, True)):
        step = GradientFlowStep(BALANCED, ACTIVE, ratio / norm, "relu", name)
        assert find_claim(step.claims(), "nonexpansive") is None
        assert (jacobian_norm(step, points(1)) > 1) is grows


def test_a_method_without_a_disk_claims_nothing_however_short_the_step() -> None:
    step = GradientFlowStep(A, BIAS, 1e-6, "softplus", "explicit-midpoint")
    assert [claim.property for claim in step.claims()] == ["differentiable"]


@pytest.mark.parametrize("activation", ["softplus", "tanh", "identity"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_the_averagedness_of_a_layer_is_measured(activation: str, share: float) -> None:
    """(F - (1 - alpha) id) / alpha has a Jacobian no longer than 1; and with a tenth less it has where sigma = id."""
    step = GradientFlowStep(A, BIAS, share * largest_step_size(A, activation), activation)
    alpha = find_claim(step.claims(), "averaged").params["alpha"]
    assert alpha == pytest.approx(share, rel=1e-9)

    def stretch(a: float) -> float:
        identity = torch.eye(step.domain.size, dtype=torch.float64)
        jacobians = [torch.autograd.functional.jacobian(step.forward, x[None]).reshape(4, 4) for x in points(8)]
        return max(float(torch.linalg.matrix_norm((j - (1 - a) * identity) / a, 2)) for j in jacobians)

    assert stretch(alpha) <= 1 + 1e-10
    if activation == "identity":
        assert stretch(0.9 * alpha) > 1.01


def test_steps_in_a_row_are_averaged_as_their_composition_is() -> None:
    step = GradientFlowStep(A, None, 3 * 0.5 * largest_step_size(A, "identity"), "identity", num_steps=3)
    alpha = find_claim(step.claims(), "averaged").params["alpha"]
    assert alpha == pytest.approx(1 / (1 + 1 / 3), rel=1e-9)  # sum of alpha / (1 - alpha) is 3


def test_at_the_limit_a_layer_is_nonexpansive_and_not_averaged() -> None:
    operator = Identity((2, 2), dtype=torch.float64)
    exact = GradientFlowStep(operator, None, 2.0, "identity")  # x -> -x
    assert torch.equal(exact.forward(operator.domain.zeros() + 1), operator.domain.zeros() - 1)
    assert find_claim(exact.claims(), "averaged") is None


def test_a_step_of_length_zero_is_averaged_with_a_tiny_alpha() -> None:
    alpha = find_claim(GradientFlowStep(A, BIAS, 0.0).claims(), "averaged").params["alpha"]
    assert 0 < alpha < 1e-15


def test_claims_follow_a_learned_step_size_and_matrix() -> None:
    size, matrix = torch.tensor(0.5 * largest_step_size(A), requires_grad=True), A.matrix.clone().requires_grad_()
    step = GradientFlowStep(Dense(matrix), BIAS, size)
    assert find_claim(step.claims(), "averaged") is not None
    with torch.no_grad():
        matrix.mul_(3.0)
    assert find_claim(step.claims(), "nonexpansive") is None
    with torch.no_grad():
        matrix.div_(3.0)
        size.mul_(-1.0)
    assert find_claim(step.claims(), "nonexpansive") is None  # backwards in time


def test_gradients_reach_the_step_size_the_bias_and_the_matrix() -> None:
    size, matrix, bias = (torch.tensor(0.3).double(), A.matrix.clone(), BIAS.clone())
    for tensor in (size, matrix, bias):
        tensor.requires_grad_()
    GradientFlowStep(Dense(matrix), bias, size, "softplus", "rk4", 2).forward(points(2)).sum().backward()
    assert all(tensor.grad is not None and float(tensor.grad.abs().max()) > 0 for tensor in (size, matrix, bias))


def test_it_moves_with_its_parts_and_takes_an_empty_batch() -> None:
    step = GradientFlowStep(A, BIAS, 0.3, "tanh", "heun").to(dtype=torch.float32)
    assert step.forward(step.domain.zeros(0)).shape == (0, *step.domain.shape)
    assert step.forward(step.domain.zeros(2)).dtype is torch.float32


def test_the_calls_of_the_operator_are_counted() -> None:
    calls = []

    @dataclass(frozen=True, eq=False, repr=False)
    class Counting(Dense):
        def _forward(self, x: Tensor) -> Tensor:
            calls.append("A")
            return super()._forward(x)

        def _adjoint(self, y: Tensor) -> Tensor:
            calls.append("A*")
            return super()._adjoint(y)

    GradientFlowStep(Counting(A.matrix), BIAS, 0.1, "relu", "rk4", 3).forward(points(1))
    assert (calls.count("A"), calls.count("A*")) == (12, 12)


@pytest.mark.parametrize("name", ["gelu", "SiLU", "swish", "mish"])
def test_an_activation_that_falls_somewhere_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"Its slope falls to -0\.(1|09)"):
        GradientFlowStep(A, BIAS, 0.1, name)


def test_an_activation_that_claims_slopes_it_has_not_is_refuted() -> None:
    with pytest.raises(ConfigError, match=r"has slopes from -0\.128\d* to 1\.12\d*, expected them in \[0, 1\]"):
        GradientFlowStep(A, BIAS, 0.1, GELU())


def test_gelu_would_spread_images_apart() -> None:
    """Why it is refused: at h |A|^2 = 2 its layer is longer than 1 near the minimum of GELU."""
    matrix = torch.ones(1, 1, dtype=torch.float64)
    x = torch.tensor(-1.2, dtype=torch.float64)
    assert float(1 - 2.0 * matrix[0, 0] * GELU().slope(x)) > 1.2


def test_an_activation_from_outside_is_assumed_unless_it_states_a_basis() -> None:
    size = 0.5 * largest_step_size(A, Half())
    step = GradientFlowStep(A, BIAS, size, Half())
    assert step.ratio() == pytest.approx(1.0)  # L = 0.5 allows steps twice as long
    assert find_claim(step.claims(), "nonexpansive").basis is ASSUMED


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=list(ACTIVATIONS))
def test_slopes_lie_in_zero_to_l_and_are_the_derivative(activation: Activation) -> None:
    z = torch.cat([torch.linspace(-40, 40, 4001, dtype=torch.float64), torch.tensor([1e-9, -1e-9]).double()])
    z = z[z != 0].requires_grad_()
    (slope,) = torch.autograd.grad(activation.value(z).sum(), z)
    torch.testing.assert_close(activation.slope(z.detach()), slope)
    assert 0 <= float(slope.min()) <= float(slope.max()) <= activation.largest_slope


@pytest.mark.parametrize("slope", [-0.1, 1.5, float("nan")])
def test_a_leaky_slope_outside_zero_to_one_is_refused(slope: float) -> None:
    with pytest.raises(ConfigError, match="negative_slope is"):
        LeakyReLU(slope)


def test_a_sharpness_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ConfigError, match="sharpness is 0"):
        Softplus(0.0)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"step_size": -0.1}, "step_size is -0.1, expected a finite number >= 0"),
        ({"step_size": float("nan")}, "step_size is nan"),
        ({"step_size": "long"}, "step_size is 'long'"),
        ({"step_size": torch.ones(2)}, "step_size is"),
        ({"step_size": torch.tensor(1j)}, "step_size is"),
        ({"tableau": BACKWARD_EULER}, "expected an explicit method"),
        ({"tableau": "leapfrog"}, "tableau is 'leapfrog'"),
        ({"activation": "cosine"}, "activation is 'cosine'"),
        ({"activation": torch.relu}, "expected an Activation or a name"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"num_steps": 1.5}, "num_steps is 1.5"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        GradientFlowStep(A, BIAS, **settings)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="bias"):
        GradientFlowStep(A, BIAS[None])
    with pytest.raises(ShapeError, match="expected real"):
        GradientFlowStep(Identity((2, 2), dtype=torch.complex64))
    with pytest.raises(ConfigError, match="expected a LinearOperator"):
        GradientFlowStep(GradientFlowStep(A))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"L \|A\|\^2 is 0"):
        largest_step_size(Dense(torch.zeros(2, 2)))


def test_it_works_on_images_with_an_operator_of_another_shape() -> None:
    gradient = FiniteDifference((5, 4), dtype=torch.float64)
    step = GradientFlowStep(gradient, None, largest_step_size(gradient, "relu", "heun"), "relu", "heun")
    x = gradient.domain.randn(2, generator=torch.Generator().manual_seed(0))
    assert step.forward(x).shape == x.shape
    assert find_claim(step.claims(), "nonexpansive") is not None


def test_the_default_tableau_is_eulers() -> None:
    assert GradientFlowStep(A).tableau is EULER is TABLEAUX["euler"]
