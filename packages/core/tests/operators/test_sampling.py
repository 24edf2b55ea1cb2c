from __future__ import annotations

import math

import pytest
import torch

from invkit.errors import ConfigError
from invkit.operators.sampling import PATTERNS, variable_density, variable_density_lines


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(31, 20), (64,), (8, 9, 10)], ids=str)
@pytest.mark.parametrize("fraction", [0.1, 0.25, 1.0])
def test_the_number_of_samples_is_exact(shape, fraction) -> None:
    pattern = variable_density(shape, fraction, generator=seeded())
    assert pattern.shape == shape
    assert set(pattern.unique().tolist()) <= {0.0, 1.0}
    assert int(pattern.sum()) == round(fraction * math.prod(shape))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_lines_are_whole_and_their_number_is_exact(axis: int) -> None:
    pattern = variable_density_lines((30, 40), 0.25, generator=seeded(), axis=axis)
    n = (30, 40)[axis]
    wanted = [1, 1]
    wanted[axis] = n
    assert list(pattern.shape) == wanted
    assert int(pattern.sum()) == round(0.25 * n)


def test_the_centre_is_always_sampled_with_dc_at_index_0() -> None:
    for seed in range(20):
        lines = variable_density_lines((1, 100), 0.2, generator=seeded(seed), centre_fraction=0.09)[0]
        assert lines[[0, 1, 2, 3, 4, 96, 97, 98, 99]].all()
        assert variable_density((20, 20), 0.1, generator=seeded(seed))[0, 0] == 1


def test_the_density_falls_with_the_distance_to_dc() -> None:
    total = sum(variable_density((64,), 0.25, generator=seeded(s), centre_fraction=0.0) for s in range(300))
    assert isinstance(total, torch.Tensor)
    near, far = total[1:9].mean() / 300, total[24:33].mean() / 300
    assert near > 3 * far
    # The check rejects a uniform draw.
    flat = sum(variable_density((64,), 0.25, generator=seeded(s), centre_fraction=0.0, power=0.0) for s in range(300))
    assert isinstance(flat, torch.Tensor)
    assert not flat[1:9].mean() > 1.5 * flat[24:33].mean()


@pytest.mark.parametrize("kind", PATTERNS)
def test_the_generator_alone_decides(kind: str) -> None:
    state = torch.get_rng_state()
    first, again, other = (PATTERNS[kind]((40, 40), 0.3, generator=seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, math.nan])
def test_fractions_outside_their_range_are_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match=r"expected a number in \(0, 1\]"):
        variable_density((8, 8), fraction, generator=seeded())


def test_a_centre_outside_its_range_or_larger_than_the_whole_is_refused() -> None:
    with pytest.raises(ConfigError, match="centre_fraction is -0.1"):
        variable_density((8, 8), 0.5, generator=seeded(), centre_fraction=-0.1)
    with pytest.raises(ConfigError, match="the centre has 32 samples, expected at most 6"):
        variable_density((8, 8), 0.1, generator=seeded(), centre_fraction=0.5)
