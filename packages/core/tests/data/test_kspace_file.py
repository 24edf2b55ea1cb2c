from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from invkit.data import KSpaceFile, write
from invkit.data.kspace_file import combine_coils, uncentre
from invkit.errors import DataError


def centred_fft(images: np.ndarray) -> np.ndarray:
    """What scanners' files hold: DC and the middle of the image at n // 2."""
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(images, axes=axes), norm="ortho"), axes=axes)


def coil_images(shape: tuple[int, int] = (30, 33), num_coils: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    image = np.exp(-4 * (rows - 0.3) ** 2 - 3 * columns**2) * (rows**2 + columns**2 < 0.8)
    angles = 2 * np.pi * np.arange(num_coils)[:, None, None] / num_coils
    coils = np.exp(-((rows - np.sin(angles)) ** 2 + (columns - np.cos(angles)) ** 2) / 2 + 0.5j * angles)
    return image, coils * image


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (6, 5)])
def test_uncentring_equals_shifts_around_the_transform(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    kspace = torch.randn(2, 3, *shape, dtype=torch.complex128, generator=generator)
    axes = (-2, -1)
    image = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace.numpy(), axes=axes), norm="ortho"), axes=axes)
    np.testing.assert_allclose(uncentre(kspace).numpy(), np.fft.fft2(image, norm="ortho"), atol=1e-12)


def test_uncentring_keeps_what_was_not_measured_at_zero() -> None:
    kspace = torch.zeros(1, 1, 9, 8, dtype=torch.complex64)
    kspace[..., 4, :] = 1
    assert int((uncentre(kspace) != 0).sum()) == 8


@pytest.mark.parametrize("centred", [True, False])
def test_a_fully_sampled_file_gives_the_image_upright(centred: bool, tmp_path: Path) -> None:
    _, coils = coil_images()
    kspace = 1e9 * (centred_fft(coils) if centred else np.fft.fft2(coils, norm="ortho"))
    path = write(tmp_path / "scan.npy", kspace)
    sample = KSpaceFile(path, centred=centred, calibration_size=20)[0]
    assert sample.truth is None
    assert sample.measurement.dtype == torch.complex64
    assert sample.measurement.shape == (1, 4, 30, 33)
    assert sample.coil_sensitivities.shape == (4, 30, 33)
    assert sample.subject == "scan"
    reference = sample.metadata["reference"]
    root_sum_of_squares = np.sqrt((np.abs(coils) ** 2).sum(axis=0))
    np.testing.assert_allclose(
        reference[0, 0].abs().numpy() * sample.metadata["scale"] / 1e9, root_sum_of_squares, atol=0.02
    )
    assert float(np.percentile(reference.abs().numpy(), 99.9)) == pytest.approx(1, rel=1e-5)
    # the file's own values come back: scale times measurement, at DC
    dc = kspace[:, 15, 16] if centred else kspace[:, 0, 0]
    np.testing.assert_allclose(
        sample.measurement[0, :, 0, 0].numpy() * sample.metadata["scale"], dc, rtol=1e-4, atol=1e3
    )
    assert sample.metadata["fully_sampled"]


def test_the_wrong_centring_is_visible(tmp_path: Path) -> None:
    _, coils = coil_images((32, 32))
    path = write(tmp_path / "scan.npy", centred_fft(coils))
    right = KSpaceFile(path, calibration_size=20)[0].metadata["reference"]
    wrong = KSpaceFile(path, centred=False, calibration_size=20)[0].metadata["reference"]
    assert float((right.abs() - wrong.abs()).abs().max()) > 0.5


def test_missing_samples_mean_no_reference(tmp_path: Path) -> None:
    _, coils = coil_images()
    kspace = centred_fft(coils)
    kspace[:, ::3] *= np.isin(np.arange(0, 30, 3), np.arange(9, 22))[:, None]
    sample = KSpaceFile(write(tmp_path / "scan.npy", kspace), calibration_size=12)[0]
    pattern = sample.metadata["sampling_pattern"]
    assert sample.metadata["reference"] is None
    assert not sample.metadata["fully_sampled"]
    assert pattern.dtype == torch.bool
    assert pattern.shape == (30, 33)
    assert torch.equal((sample.measurement[0] != 0).any(dim=0), pattern)
    assert sample.metadata["acceleration"] == pytest.approx(30 * 33 / int(pattern.sum()))
    assert 1 < sample.metadata["acceleration"] < 2


def test_one_coil_needs_no_coil_axis(tmp_path: Path) -> None:
    image, _ = coil_images()
    sample = KSpaceFile(write(tmp_path / "scan.npy", centred_fft(image)), calibration_size=16)[0]
    assert sample.measurement.shape == (1, 1, 30, 33)


def test_coil_combination_divides_by_the_sum_of_squares() -> None:
    sensitivities = torch.tensor([3.0, 4.0j]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4).clone()
    sensitivities[..., 0, 0] = 0
    image = torch.randn(1, 1, 4, 4, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    combined = combine_coils(torch.fft.fft2(sensitivities * image, norm="ortho"), sensitivities)
    image[..., 0, 0] = 0
    torch.testing.assert_close(combined, image, rtol=0, atol=1e-6)


def test_files_that_are_no_kspace_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected complex k-space"):
        KSpaceFile(write(tmp_path / "x.npy", np.ones((4, 8, 8))))[0]
    with pytest.raises(DataError, match="every sample is zero"):
        KSpaceFile(write(tmp_path / "x.npy", np.zeros((4, 8, 8), dtype=complex)))[0]
    bad = np.ones((4, 8, 8), dtype=complex)
    bad[1, 2, 3] = np.nan
    with pytest.raises(DataError, match="1 of 256 values are NaN"):
        KSpaceFile(write(tmp_path / "x.npy", bad))[0]
    sparse = np.ones((4, 32, 32), dtype=complex)
    sparse[:, 16] = 0
    with pytest.raises(DataError, match=r"x\.npy: coil sensitivities: .* calibration centre"):
        KSpaceFile(write(tmp_path / "x.npy", sparse))[0]


@pytest.mark.parametrize("name", ["raw_data.mat::raw", "sense16_ksp_complex64.npz"])
def test_the_real_sixteen_coil_brain(name: str, shared_data: Path) -> None:
    if ".mat" in name:
        pytest.importorskip("h5py")
    folder = shared_data / "mri" / "kspace" / "sense16_brain_fullysampled"
    sample = KSpaceFile(f"{folder}/{name}")[0]
    assert sample.measurement.shape == (1, 16, 96, 96)
    reference = sample.metadata["reference"][0, 0].abs()
    kspace = np.load(folder / "sense16_ksp_complex64.npz")["ksp"]
    axes = (-2, -1)
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes=axes), norm="ortho"), axes=axes)
    root_sum_of_squares = np.sqrt((np.abs(images) ** 2).sum(axis=0))
    # the head is in the middle, and the combination is nearly the root sum of squares where there is signal
    assert np.corrcoef(reference.numpy().ravel(), root_sum_of_squares.ravel())[0, 1] > 0.99
    head = root_sum_of_squares > 0.2 * root_sum_of_squares.max()
    ratio = reference.numpy()[head] * sample.metadata["scale"] / root_sum_of_squares[head]
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    # no phase vortex: neighbouring phases in the head differ by less than a quarter of a turn, nearly everywhere
    phase = sample.metadata["reference"][0, 0].angle().numpy()
    jumps = np.abs(np.angle(np.exp(1j * np.diff(phase, axis=0))))[head[1:] & head[:-1]]
    assert np.mean(jumps > np.pi / 2) < 0.01
    assert np.quantile(np.abs(phase[head]), 0.9) < 0.5


def test_the_real_undersampled_brain(shared_data: Path) -> None:
    path = shared_data / "mri" / "kspace" / "sigpy_brain_8ch_undersampled" / "cartesian_ksp.npy"
    sample = KSpaceFile(path)[0]
    assert sample.measurement.shape == (1, 8, 230, 180)
    assert sample.metadata["reference"] is None
    assert sample.metadata["acceleration"] == pytest.approx(1 / 0.124, rel=0.02)
