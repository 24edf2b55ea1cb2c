"""Experiments from configuration to numbers, with what the core alone offers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invkit.errors import ConfigError, DataError, GuaranteeError, ShapeError, UnknownNameError
from invkit.experiments import load, parse, prepare, run
from invkit.experiments.experiment import compare
from invkit.experiments.record import versions
from invkit.plugins import Registry
from invkit.solvers import Status

MRI = {
    "data": {"use": "core/shepp-logan", "image_shape": [32, 24]},
    "operator": {"use": "core/fourier", "sampling_pattern": {"use": "variable-density", "fraction": 0.4}},
    "noise": {"use": "core/complex-gaussian", "std": 0.01},
    "model": {
        "use": "core/variational",
        "regulariser": {"use": "core/tv", "weight": 0.01},
        "solver": {"use": "core/pdhg", "balance": 0.5, "max_steps": 800, "rtol": 1e-3},
    },
    "compare": [{"use": "core/adjoint"}],
}


def changed(**keys):
    return parse({**MRI, **keys}, "test")


def test_the_operator_takes_its_size_from_the_data():
    prepared = prepare(changed())
    assert prepared.operator.domain.shape == (1, 32, 24)
    assert prepared.y.shape == (1, 1, 32, 24)


def test_the_pattern_has_the_exact_count_and_noise_leaves_the_gaps_zero():
    prepared = prepare(changed())
    pattern = prepared.operator.sampling_pattern
    assert int(pattern.sum()) == round(0.4 * 32 * 24)
    assert bool((prepared.y[0, 0][pattern == 0] == 0).all())


def test_the_same_seed_gives_the_same_measurement_and_another_seed_another():
    first, again, other = (prepare(changed(seed=seed)).y for seed in (3, 3, 4))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_total_variation_beats_zero_filling_and_says_it_converged():
    prepared = prepare(changed())
    tv, zero_filled = (run(method, prepared) for method in prepared.methods)
    assert tv.solution.status == (Status.CONVERGED,)
    assert tv.metrics["psnr"] > zero_filled.metrics["psnr"] + 3
    assert zero_filled.status == "direct"


def test_a_single_stage_and_the_library_call_agree():
    from invkit.functionals import total_variation
    from invkit.models import Stopping, Variational
    from invkit.solvers import PDHG

    prepared = prepare(changed())
    model = Variational(total_variation, 0.01, solver=PDHG(balance=0.5), stopping=Stopping(rtol=1e-3, max_steps=800))
    expected = model(prepared.y, prepared.operator)
    torch.testing.assert_close(run(prepared.methods[0], prepared).x, expected, rtol=0, atol=0)


def test_a_required_guarantee_that_holds_lets_the_run_go_on():
    assert prepare(changed(require=["convergent"])).methods


def test_a_required_guarantee_that_is_missing_refuses_the_run():
    with pytest.raises(GuaranteeError, match="convergent is not guaranteed"):
        prepare(changed(require=["convergent"], model={"use": "core/adjoint"}))


@pytest.mark.parametrize(
    ("keys", "error", "match"),
    [
        ({"model": {"use": "core/variationl"}}, UnknownNameError, "Did you mean core/variational"),
        ({"operator": {"use": "ct-astra/cone-bean"}}, UnknownNameError, "cone-bean"),
        ({"index": 5}, ConfigError, "index is 5, expected less than 1"),
        ({"operator": {"use": "core/fourier", "image_shape": [16, 16]}}, ShapeError, r"\(1, 32, 24\).*\(1, 16, 16\)"),
        ({"model": {**MRI["model"], "regulariser": {"use": "core/tv", "weight": -1.0}}}, ConfigError, "weight is -1"),
        ({"model": {**MRI["model"], "regulariser": {"use": "core/tv", "wait": 1.0}}}, ConfigError, "'wait'"),
        ({"model": {**MRI["model"], "solver": {"use": "core/pdhg", "max_step": 4}}}, ConfigError, "'max_step'"),
        ({"model": {**MRI["model"], "solver": {"use": "core/pdhg", "max_steps": 0}}}, ConfigError, "max_steps is 0"),
        (
            {"model": {**MRI["model"], "solver": {"use": "core/pdhg", "tau": 9.0, "sigma": 9.0}}},
            ConfigError,
            "tau \\* sum sigma_i",
        ),
        ({"model": {**MRI["model"], "solver": {"use": "core/fista"}}}, ConfigError, "Use core/pdhg"),
        ({"model": {**MRI["model"], "solver": {"max_steps": 4}}}, ConfigError, "model.solver: use is None"),
        ({"operator": {"use": "core/fourier", "sampling_pattern": {"use": "spiral"}}}, ConfigError, "use is 'spiral'"),
        (
            {"operator": {"use": "core/fourier", "sampling_pattern": {"use": "variable-density", "fraction": 1.5}}},
            ConfigError,
            "fraction is 1.5",
        ),
        ({"data": {"use": "core/ellipses", "path": "x.npy"}}, ConfigError, "'path'"),
        ({"noise": {"use": "core/complex-gaussian", "std": -0.1}}, ConfigError, "std is -0.1"),
    ],
)
def test_bad_input_is_refused_with_its_value(keys, error, match):
    def reconstruct():
        prepared = prepare(changed(**keys))
        run(prepared.methods[0], prepared)

    with pytest.raises(error, match=match):
        reconstruct()


def test_a_file_with_nan_is_refused(tmp_path):
    image = np.ones((32, 24), dtype=np.float32)
    image[3, 4] = np.nan
    np.save(tmp_path / "bad.npy", image)
    with pytest.raises(DataError, match="NaN"):
        prepare(changed(data={"use": "core/image", "path": str(tmp_path / "bad.npy")}))


def test_an_input_file_takes_the_place_of_a_phantom_and_the_record_says_so(tmp_path):
    image = np.random.default_rng(0).random((20, 12)).astype(np.float32)
    np.save(tmp_path / "image.npy", image)
    prepared = prepare(changed(input=str(tmp_path / "image.npy")))
    assert prepared.config.data.use == "core/image"
    assert prepared.config.data.parameters["path"] == str(tmp_path / "image.npy")
    assert prepared.truth.shape == (1, 1, 20, 12)


def test_an_input_file_is_the_path_of_a_dataset_that_reads_files(tmp_path):
    np.save(tmp_path / "image.npy", np.ones((20, 12), dtype=np.float32))
    data = {"use": "core/image", "normalise": "max"}
    prepared = prepare(changed(input=str(tmp_path / "image.npy"), data=data))
    assert prepared.config.data.parameters == {"normalise": "max", "path": str(tmp_path / "image.npy")}


def test_a_pattern_from_a_file_is_uncentred(tmp_path):
    pattern = np.zeros((32, 24), dtype=np.float32)
    pattern[16, 12] = 1.0  # DC in the middle, as files have it
    np.save(tmp_path / "mask.npy", pattern)
    table = {"use": "core/fourier", "sampling_pattern": {"file": str(tmp_path / "mask.npy")}}
    prepared = prepare(changed(operator=table))
    assert float(prepared.operator.sampling_pattern[0, 0]) == 1.0
    with pytest.raises(DataError, match=r"\(32, 24\), expected \(16, 16\)"):
        prepare(changed(operator={**table, "image_shape": [16, 16]}))


def test_measured_multi_coil_data_are_undersampled_and_compared_with_their_own_reference(tmp_path):
    generator = torch.Generator().manual_seed(0)
    grid = torch.linspace(-1, 1, 32)
    image = ((grid[:, None] ** 2 + grid[None] ** 2) < 0.6).to(torch.complex64)
    centres = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    squares = (grid[None, :, None] - centres[:, 0, None, None]) ** 2 + (grid - centres[:, 1, None, None]) ** 2
    coils = torch.exp(-squares).to(torch.complex64)
    kspace = torch.fft.fftshift(
        torch.fft.fft2(torch.fft.ifftshift(coils * image, dim=(1, 2)), norm="ortho"), dim=(1, 2)
    )
    noise = torch.randn(kspace.shape, dtype=torch.complex64, generator=generator)
    np.save(tmp_path / "k.npy", (kspace + 1e-3 * noise).numpy())
    config = changed(
        data={"use": "core/kspace", "path": str(tmp_path / "k.npy"), "calibration_size": 12},
        operator={"use": "core/sense", "sampling_pattern": {"use": "variable-density-lines", "fraction": 0.5}},
        noise=None,
    )
    prepared = prepare(config)
    assert prepared.y.shape == (1, 3, 32, 32)
    assert float((prepared.y[0].abs().sum((0, 1)) == 0).float().mean()) == 0.5
    tv = run(prepared.methods[0], prepared)
    assert tv.metrics["psnr"] > 25


def test_metrics_of_a_diverged_image_are_left_out():
    truth = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert compare(truth * math.nan, truth) == {}


def test_metrics_use_the_range_of_the_truth():
    truth = 3 * torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    found = compare(truth + 0.1, truth)
    span = float(truth.max() - truth.min())
    assert found["psnr"] == pytest.approx(20 * math.log10(span / 0.1), abs=1e-3)


def test_noise_and_sampling_pattern_are_independent_in_either_precision():
    from invkit.experiments.streams import stream

    for dtype in (torch.float32, torch.float64):
        uniform = torch.rand(20_000, dtype=dtype, generator=stream(7, "sampling pattern"))
        normal = torch.randn(20_000, dtype=dtype, generator=stream(7, "noise"))
        assert abs(float(torch.corrcoef(torch.stack([uniform, normal.square()]))[0, 1])) < 0.03
    # One seed for both is what this guards against.
    uniform = torch.rand(20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    normal = torch.randn(20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    pairs = torch.stack([uniform[::2], normal[::2].square()])
    assert abs(float(torch.corrcoef(pairs)[0, 1])) > 0.1


def kspace_file(tmp_path, acquired=None):
    """k-space of three coils over a disc, centred as files have it; lines that were not acquired are zero."""
    grid = torch.linspace(-1, 1, 32)
    image = ((grid[:, None] ** 2 + grid[None] ** 2) < 0.6).to(torch.complex64)
    centres = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    squares = (grid[None, :, None] - centres[:, 0, None, None]) ** 2 + (grid - centres[:, 1, None, None]) ** 2
    coils = torch.exp(-squares).to(torch.complex64)
    kspace = torch.fft.fftshift(
        torch.fft.fft2(torch.fft.ifftshift(coils * image, dim=(1, 2)), norm="ortho"), dim=(1, 2)
    )
    noise = torch.randn(kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    kspace = kspace + 1e-4 * noise
    if acquired is not None:
        kspace = kspace * acquired
    np.save(tmp_path / "k.npy", kspace.numpy())
    return {"use": "core/kspace", "path": str(tmp_path / "k.npy"), "calibration_size": 12}


def test_samples_that_were_never_acquired_are_not_taken_for_zeros(tmp_path):
    acquired = torch.zeros(32)
    acquired[::2] = 1
    acquired[8:24] = 1
    data = kspace_file(tmp_path, acquired)
    without = prepare(changed(data=data, operator={"use": "core/sense"}, noise=None))
    pattern = without.operator.left.sampling_pattern
    assert int((pattern != 0).sum()) == 32 * int(acquired.sum())
    assert "the scanner acquired 75.0 % of k-space" in without.notes
    assert "retrospectively" not in " ".join(without.notes)
    # A pattern of one's own is restricted to what there is.
    table = {"use": "variable-density-lines", "fraction": 0.75, "centre_fraction": 0.3}
    both = prepare(changed(data=data, operator={"use": "core/sense", "sampling_pattern": table}, noise=None))
    kept = both.operator.left.sampling_pattern != 0
    assert bool((kept <= (pattern != 0)).all())
    assert int(kept.sum()) < int((pattern != 0).sum())
    assert bool((both.y[0, 0][~kept.expand(32, 32)] == 0).all())
    assert both.truth is None


def test_a_pattern_of_weights_weighs_measured_data_as_the_operator_does(tmp_path):
    mask = np.full((32, 32), 0.5, dtype=np.float32)
    np.save(tmp_path / "mask.npy", mask)
    operator = {"use": "core/sense", "sampling_pattern": {"file": str(tmp_path / "mask.npy")}}
    prepared = prepare(changed(data=kspace_file(tmp_path), operator=operator, noise=None))
    residual = prepared.operator(prepared.truth) - prepared.y
    assert float(residual.norm() / prepared.y.norm()) < 0.2


def test_a_pattern_without_the_calibration_block_is_noted(tmp_path):
    mask = np.ones((32, 32), dtype=np.float32)
    mask[12:20, 12:20] = 0
    np.save(tmp_path / "mask.npy", mask)
    operator = {"use": "core/sense", "sampling_pattern": {"file": str(tmp_path / "mask.npy")}}
    prepared = prepare(changed(data=kspace_file(tmp_path), operator=operator, noise=None))
    assert "calibration of its own" in " ".join(prepared.notes)


def test_an_image_too_small_for_ssim_keeps_its_reconstruction(tmp_path):
    np.save(tmp_path / "tiny.npy", np.arange(20.0, dtype=np.float32).reshape(5, 4))
    prepared = prepare(changed(data={"use": "core/image", "path": str(tmp_path / "tiny.npy")}))
    outcome = run(prepared.methods[1], prepared)
    assert "ssim" not in outcome.metrics
    assert "psnr" in outcome.metrics


def test_a_ct_slice_in_an_mri_experiment_is_noted(tmp_path):
    pytest.importorskip("pydicom")
    from pydicom.data import get_testdata_file

    path = get_testdata_file("CT_small.dcm", download=False)
    prepared = prepare(changed(data={"use": "core/image", "path": path, "image_shape": [32, 32]}))
    assert "CT slice" in " ".join(prepared.notes)


@pytest.mark.parametrize("regulariser", ["core/tv", {"use": "core/tv", "weight": 0.1}])
def test_a_method_is_named_after_its_regulariser_however_that_is_written(regulariser):
    from invkit.experiments.config import Use
    from invkit.experiments.experiment import method_name

    assert (
        method_name(Use.model_validate({"use": "core/variational", "regulariser": regulariser})) == "variational (tv)"
    )
    assert method_name(Use(use="core/adjoint")) == "adjoint"


def test_masks_kernels_and_references_are_read_from_files(tmp_path: Path) -> None:
    mask = (np.arange(48).reshape(6, 8) % 3 > 0).astype(np.float32)
    np.save(tmp_path / "mask.npy", mask)
    reference = np.outer(np.ones(6), np.arange(8.0))
    np.save(tmp_path / "reference.npy", reference)
    text = f"""
[data]
use = "core/photograph"
image_shape = [6, 8]
[operator]
use = "core/inpainting"
mask = {{ file = "{tmp_path / "mask.npy"}" }}
[model]
use = "core/variational"
regulariser = {{ use = "core/directional-tv", weight = 0.1, reference = {{ file = "{tmp_path / "reference.npy"}" }} }}
"""
    path = tmp_path / "config.toml"
    path.write_text(text)
    prepared = prepare(load(path))
    truth = torch.ones(1, 1, 6, 8, dtype=prepared.operator.domain.dtype)
    assert torch.equal(prepared.operator.forward(truth)[0, 0], torch.from_numpy(mask))
    objective = prepared.methods[0].model.objective(prepared.y, prepared.operator)
    # Differences along the reference's gradient cost nothing: an image that changes with it is free.
    ramp = torch.from_numpy(reference).float()[None, None]
    across = torch.from_numpy(np.outer(np.arange(6.0), np.ones(8))).float()[None, None]
    fit = [0.5 * float((prepared.operator.forward(x) - prepared.y).square().sum()) for x in (ramp, across)]
    values = [float(objective.value(x)[0]) - f for x, f in zip((ramp, across), fit, strict=True)]
    assert values[0] < 0.05 * values[1]
    path.write_text(text.replace('mask.npy"', 'mask.npy", centred = true'))
    with pytest.raises(ConfigError, match="operator.mask: key is 'centred', expected only file"):
        prepare(load(path))


def test_the_versions_of_a_registry_without_distributions_are_unknown():
    found = versions(Registry([], environ={}))
    assert found["torch"] == torch.__version__
    assert "" not in found
    assert "unknown" in found.values()
