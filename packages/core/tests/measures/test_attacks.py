"""Each attack finds what it is there for, and none refutes a true constant."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from invkit.errors import ConfigError
from invkit.measures import averagedness_ratio, lipschitz_ratio
from invkit.measures.attacks import (
    ATTACKS,
    Target,
    jacobian_power,
    local_pairs,
    neighbours,
    random_pairs,
    secant_ascent,
    structured_pairs,
)
from invkit.measures.lipschitz import averagedness_ratio_at, lipschitz_ratio_at
from invkit.operators import Space

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
SPACE = Space((1, 6, 5), torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matrix(dtype: torch.dtype = torch.float64, size: int = 30, seed: int = 1) -> Tensor:
    return torch.randn(size, size, dtype=dtype, generator=seeded(seed))


def times(a: Tensor):
    return lambda x: (x.flatten(1) @ a.mT).reshape(x.shape)


def found_by(attack, call, space: Space = SPACE, constant: float = 1.0) -> float:
    return lipschitz_ratio(call, space, constant, generator=seeded(), attacks=(attack,)).value


@pytest.mark.parametrize("dtype", DTYPES)
def test_power_iteration_reaches_the_norm_of_a_matrix_that_is_not_symmetric(dtype: torch.dtype) -> None:
    a = matrix(dtype)
    norm = float(torch.linalg.matrix_norm(a, 2))
    space = Space((1, 6, 5), dtype)
    measured = lipschitz_ratio(times(a), space, norm, generator=seeded(), num_steps=40)
    assert measured.passed
    assert measured.value > 0.98
    assert found_by(random_pairs, times(a), space, norm) < 0.8


def test_a_map_that_torch_cannot_differentiate_is_attacked_by_differences() -> None:
    a = matrix()
    symmetric = (a + a.mT) / 2
    norm = float(torch.linalg.matrix_norm(symmetric, 2))

    def call(x: Tensor) -> Tensor:
        return times(symmetric)(x.detach())

    measured = lipschitz_ratio(call, SPACE, norm, generator=seeded(), num_steps=60)
    assert measured.passed
    assert measured.value > 0.97


def test_a_map_into_another_space_is_attacked_as_well() -> None:
    a = matrix()[:7]
    norm = float(torch.linalg.matrix_norm(a, 2))
    measured = lipschitz_ratio(lambda x: x.flatten(1) @ a.mT, SPACE, norm, generator=seeded(), num_steps=40)
    assert measured.passed
    assert measured.value > 0.99


def test_large_images_meet_a_kink_that_lies_far_out() -> None:
    def call(x: Tensor) -> Tensor:
        return x + torch.relu(x - 500)

    assert found_by(random_pairs, call) > 1.4
    assert found_by(jacobian_power, call) <= 1 + 1e-9


def test_plane_waves_meet_the_one_frequency_that_is_stretched() -> None:
    axis = torch.arange(24, dtype=torch.float64)
    wave = torch.cos(math.pi * (axis[:, None] + axis[None, :])).reshape(1, 1, 24, 24)
    wave = wave / wave.norm()

    def call(x: Tensor) -> Tensor:
        return x + (x * wave).flatten(1).sum(1).reshape(-1, 1, 1, 1) * wave

    space = Space((1, 24, 24), torch.float64)
    assert math.isclose(found_by(structured_pairs, call, space), 2.0, rel_tol=1e-6)
    assert found_by(random_pairs, call, space) < 1.1


def test_neighbours_meet_a_lower_precision_inside() -> None:
    def call(x: Tensor) -> Tensor:
        return x.float().double()

    assert found_by(neighbours, call) > 2
    assert found_by(local_pairs, call) < 1.01


def test_ascent_climbs_to_a_slope_that_random_images_do_not_meet() -> None:
    def call(x: Tensor) -> Tensor:
        size = x.square().flatten(1).sum(1).sqrt().reshape(-1, 1, 1, 1)
        return x * torch.sigmoid(size - 30)

    climbed = found_by(secant_ascent, call)
    assert climbed > 4
    assert climbed > 1.5 * max(found_by(random_pairs, call), found_by(local_pairs, call))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**31), st.sampled_from(DTYPES), st.sampled_from([(1, 1), (1, 4, 4), (2, 3, 5), (3, 1, 2)]))
def test_no_attack_refutes_a_true_constant(seed: int, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    space = Space(shape, dtype)
    a = matrix(dtype, space.size, seed)
    a = a / torch.linalg.matrix_norm(a, 2)

    def call(x: Tensor) -> Tensor:
        z = times(a)(x)
        return z if dtype.is_complex else torch.where(z > 0, z, 0.3 * z)

    measured = lipschitz_ratio(call, space, 1.0, generator=seeded(seed))
    assert measured.passed, measured
    averaged = averagedness_ratio(lambda x: 0.3 * x + 0.7 * call(x), space, 0.7, generator=seeded(seed))
    assert averaged.passed, averaged


@pytest.mark.parametrize("gain", [1.99, 1.0])
def test_the_oracle_trick_is_refuted_where_it_is_wrong(gain: float) -> None:
    """id - gain Gamma with Gamma(x) = x - 2 relu(x + 100): 2.99-Lipschitz for 1.99, the image of a fold for 1."""

    def call(x: Tensor) -> Tensor:
        return x - gain * (x - 2 * torch.relu(x + 100))

    claimed = lipschitz_ratio(call, SPACE, 1 + gain, generator=seeded())
    assert claimed.passed
    assert claimed.value > 0.99
    assert not averagedness_ratio(call, SPACE, 0.999, generator=seeded()).passed


def test_a_counterexample_gives_its_value_again() -> None:
    a = matrix()
    found = lipschitz_ratio(times(a), SPACE, 1.0, generator=seeded())
    assert lipschitz_ratio_at(times(a), **found.counterexample) == found.value
    found = averagedness_ratio(times(a), SPACE, 0.4, generator=seeded())
    assert averagedness_ratio_at(times(a), **found.counterexample) == found.value


def test_not_a_number_is_the_worst() -> None:
    measured = lipschitz_ratio(lambda x: x / 0 * 0, SPACE, 1.0, generator=seeded())
    assert math.isnan(measured.value)
    assert not measured.passed


def test_a_constant_of_zero_passes_for_constant_maps_only() -> None:
    assert lipschitz_ratio(torch.zeros_like, SPACE, 0.0, generator=seeded()).value == 0
    assert lipschitz_ratio(lambda x: 1e-3 * x, SPACE, 0.0, generator=seeded()).value == math.inf


def test_attacks_leave_the_gradients_of_a_module_alone() -> None:
    layer = torch.nn.Linear(30, 30, dtype=torch.float64)
    lipschitz_ratio(lambda x: layer(x.flatten(1)).reshape(x.shape), SPACE, 10.0, generator=seeded())
    assert all(parameter.grad is None for parameter in layer.parameters())


def test_every_pair_is_of_the_space() -> None:
    space = Space((2, 3), torch.complex64)
    for attack in ATTACKS:
        for x, z, where in attack(Target(torch.clone, space, seeded(), num_steps=2)):
            space.check(x, where)
            space.check(z, where)
            assert len(x) == len(z)


def test_an_error_of_the_map_is_not_hidden_by_the_search_for_derivatives() -> None:
    def call(x: Tensor) -> Tensor:
        raise ConfigError("no")

    with pytest.raises(ConfigError, match="no"):
        lipschitz_ratio(call, SPACE, 1.0, generator=seeded())
