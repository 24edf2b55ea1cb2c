from __future__ import annotations

import logging
import math

import pytest
import torch

from invkit.data import ComplexGaussian, Gaussian, PostLogPoisson
from invkit.errors import ConfigError, DataError, ShapeError

NOISES = {
    "gaussian": (Gaussian(0.5), torch.ones(2, 1, 3, 5)),
    "complex": (ComplexGaussian(0.5), torch.ones(2, 4, 3, 5, dtype=torch.complex64)),
    "poisson": (PostLogPoisson(), torch.ones(2, 1, 3, 5)),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NOISES)
def test_the_generator_alone_decides_and_the_input_stays(name: str) -> None:
    noise, y = NOISES[name]
    before, state = y.clone(), torch.get_rng_state()
    first = noise(y, seeded(3))
    assert torch.equal(noise(y, seeded(3)), first)
    assert not torch.equal(noise(y, seeded(4)), first)
    assert torch.equal(y, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == y.shape
    assert first.dtype == y.dtype


@pytest.mark.parametrize("name", NOISES)
def test_noise_without_a_generator_is_refused(name: str) -> None:
    noise, y = NOISES[name]
    with pytest.raises(ConfigError, match="generator is NoneType, expected a torch.Generator"):
        noise(y, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="generator"):
        noise(y)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", NOISES)
def test_noise_accepts_an_empty_batch_and_refuses_nan(name: str) -> None:
    noise, y = NOISES[name]
    assert noise(y[:0], seeded()).shape == (0, *y.shape[1:])
    with pytest.raises(DataError, match="values are NaN or inf"):
        noise(y * torch.nan, seeded())


def test_gaussian_has_mean_zero_and_its_standard_deviation() -> None:
    y = torch.full((4, 1, 200, 250), 3.0, dtype=torch.float64)
    error = Gaussian(0.25)(y, seeded()) - y
    assert abs(float(error.mean())) < 4 * 0.25 / math.sqrt(y.numel())
    assert float(error.std()) == pytest.approx(0.25, rel=0.01)


def test_complex_gaussian_has_its_standard_deviation_in_both_parts_uncorrelated() -> None:
    y = torch.zeros(1, 2, 300, 300, dtype=torch.complex64)
    error = ComplexGaussian(0.5)(y, seeded())
    assert float(error.real.std()) == pytest.approx(0.5, rel=0.01)
    assert float(error.imag.std()) == pytest.approx(0.5, rel=0.01)
    assert abs(float((error.real * error.imag).mean())) < 0.25 * 4 / math.sqrt(error.numel())


def test_complex_gaussian_leaves_what_was_not_measured_at_zero() -> None:
    pattern = torch.zeros(6, 5)
    pattern[::2] = 1
    y = torch.zeros(2, 3, 6, 5, dtype=torch.complex64)
    noisy = ComplexGaussian(1.0, pattern)(y, seeded())
    assert torch.equal(noisy != 0, (pattern != 0).expand(2, 3, 6, 5))


def test_complex_gaussian_refuses_a_pattern_of_another_shape() -> None:
    y = torch.zeros(2, 3, 6, 5, dtype=torch.complex64)
    with pytest.raises(ShapeError, match=r"sampling_pattern has shape \(5, 6\)"):
        ComplexGaussian(1.0, torch.ones(5, 6))(y, seeded())
    with pytest.raises(ShapeError, match=r"sampling_pattern has shape \(7, 2, 3, 6, 5\)"):
        ComplexGaussian(1.0, torch.ones(7, 2, 3, 6, 5))(y, seeded())


def test_gaussians_refuse_the_other_kind_of_number() -> None:
    with pytest.raises(ShapeError, match="Use ComplexGaussian"):
        Gaussian(1.0)(torch.zeros(1, 1, 2, dtype=torch.complex64), seeded())
    with pytest.raises(ShapeError, match="Use Gaussian"):
        ComplexGaussian(1.0)(torch.zeros(1, 1, 2), seeded())


@pytest.mark.parametrize("std", [-0.1, math.nan, math.inf])
def test_a_bad_standard_deviation_is_refused(std: float) -> None:
    with pytest.raises(ConfigError, match=r"Gaussian: std is .*, expected a finite number >= 0"):
        Gaussian(std)
    with pytest.raises(ConfigError, match="ComplexGaussian: std is"):
        ComplexGaussian(std)


@pytest.mark.parametrize("mu", [1.0, 0.02])
def test_poisson_counts_have_equal_mean_and_variance(mu: float) -> None:
    integral, photons = 1.5 / mu, 2000.0
    clean = torch.full((1, 1, 300, 300), integral, dtype=torch.float64)
    y = PostLogPoisson(photons=photons, mu=mu)(clean, seeded())
    counts = photons * torch.exp(-mu * y)  # undoes the logarithm
    torch.testing.assert_close(counts, counts.round(), rtol=0, atol=1e-6)
    rate = photons * math.exp(-1.5)
    assert float(counts.mean()) == pytest.approx(rate, abs=5 * math.sqrt(rate / counts.numel()))
    assert float(counts.var()) == pytest.approx(rate, rel=0.03)


def test_poisson_with_many_photons_returns_the_sinogram() -> None:
    clean = torch.linspace(0, 3, 60, dtype=torch.float64).reshape(1, 1, 6, 10)
    y = PostLogPoisson(photons=1e12)(clean, seeded())
    torch.testing.assert_close(y, clean, rtol=0, atol=3e-5)


def test_poisson_without_a_single_photon_gives_the_floor(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        y = PostLogPoisson(photons=100, mu=0.5, floor=1e-6)(torch.full((1, 1, 2, 2), 1e5), seeded())
    torch.testing.assert_close(y, torch.full((1, 1, 2, 2), -math.log(1e-6) / 0.5))
    assert "100 % of the rays expect less than one" in caplog.text


def test_poisson_refuses_a_sinogram_that_creates_photons() -> None:
    with pytest.raises(DataError, match="smallest mu \\* sinogram is -800, expected about 0 or more"):
        PostLogPoisson()(torch.tensor([[[[0.0, -800.0]]]]), seeded())
    # rounding below zero is no error
    PostLogPoisson()(torch.tensor([[[[0.0, -1e-6]]]]), seeded())


@pytest.mark.parametrize("parameters", [{"photons": 0}, {"mu": -1.0}, {"floor": 0.0}, {"photons": math.nan}])
def test_poisson_refuses_parameters_that_are_not_positive(parameters: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(parameters))} is .*, expected a finite number > 0"):
        PostLogPoisson(**parameters)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NOISES)
def test_a_cpu_generator_gives_the_same_noise_on_the_gpu(name: str) -> None:
    noise, y = NOISES[name]
    torch.testing.assert_close(noise(y.cuda(), seeded()).cpu(), noise(y, seeded()))
