from __future__ import annotations

import importlib
import logging
import subprocess
import sys

import pytest
import torch

import invkit
import invkit_ct_astra
from invkit.cli import app
from invkit_ct_astra import _plugin

SPECS = [*_plugin.invkit_operators(), *_plugin.invkit_models(), *_plugin.invkit_datasets()]


def resolve(target: str):
    module, attribute = target.split(":")
    return getattr(importlib.import_module(module), attribute)


def test_announcing_imports_neither_torch_nor_astra() -> None:
    code = (
        "import sys; from invkit_ct_astra import _plugin as p; p.invkit_operators(); p.invkit_models(); "
        "p.invkit_datasets(); print(sorted({'torch', 'astra', 'scipy', 'pydicom', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_target_and_example_is_there(spec) -> None:
    assert callable(resolve(spec.target))
    if spec.example:
        for dtype in spec.dtypes:
            assert resolve(spec.example)("cpu", getattr(torch, dtype)) is not None


def test_the_public_names_are_these() -> None:
    assert dir(invkit_ct_astra) == [
        "CALIBRATIONS",
        "Calibration",
        "CtSlice",
        "DicomSlice",
        "FilteredBackprojection",
        "ParallelBeam2d",
        "RayTransform",
        "parallel_beam_2d",
        "simulate_low_dose",
    ]
    assert all(getattr(invkit_ct_astra, name) is not None for name in dir(invkit_ct_astra))
    with pytest.raises(AttributeError, match="has no attribute 'fan_beam'"):
        invkit_ct_astra.fan_beam  # noqa: B018


def test_it_is_built_by_its_id_and_by_its_role() -> None:
    for ref in ("ct-astra/parallel-beam-2d", "ray-transform"):
        operator = invkit.build("operator", ref, image_shape=(8, 9), num_angles=3, dtype="float64")
        assert isinstance(operator, invkit_ct_astra.RayTransform)
        assert operator.domain.dtype == torch.float64
    model = invkit.build("model", "ct-astra/filtered-backprojection", filter="hann")
    assert model(operator.codomain.zeros(), operator).shape == (1, 1, 8, 9)
    assert invkit.build("dataset", "ct-astra/ct-slice")[0].truth.shape == (1, 1, 128, 128)


def test_the_program_checks_the_plugin_and_finds_nothing_wrong(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    logger = logging.getLogger("invkit")
    level, handlers = logger.level, list(logger.handlers)
    try:
        assert app.main(["check", "ct-astra"]) == 0
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers
    printed = capsys.readouterr().out
    for name in ("parallel-beam-2d", "filtered-backprojection", "dicom-slice", "ct-slice"):
        assert f"ct-astra/{name}" in printed
    assert "failed" not in printed


def test_the_checks_would_refuse_a_ray_transform_with_an_unmatched_adjoint() -> None:
    class Unmatched(invkit_ct_astra.RayTransform):
        def _adjoint(self, y):
            return super()._adjoint(y) * torch.linspace(0.9, 1.1, self.domain.shape[-1])

    report = invkit.check(Unmatched.from_geometry(invkit_ct_astra.ParallelBeam2d.uniform((8, 9), num_angles=4)))
    assert "adjoint" in {result.check for result in report.refuted}
