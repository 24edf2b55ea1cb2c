from __future__ import annotations

import dataclasses

import pytest
import torch

from invkit.data import Sample, check_finite
from invkit.errors import DataError


def test_check_finite_says_how_many_and_where_the_first_is() -> None:
    x = torch.zeros(2, 3, 4)
    x[1, 2, 0], x[1, 2, 3] = torch.nan, torch.inf
    with pytest.raises(DataError, match=r"scan: 2 of 24 values are NaN or inf \(the first at index \(1, 2, 0\)\)"):
        check_finite(x, "scan")


def test_check_finite_sees_the_imaginary_part() -> None:
    with pytest.raises(DataError, match="1 of 3"):
        check_finite(torch.tensor([1, complex(0, float("nan")), 2]), "k-space")


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128, torch.int64, torch.bool])
def test_check_finite_accepts_finite_and_empty_tensors(dtype: torch.dtype) -> None:
    check_finite(torch.ones(4).to(dtype), "x")
    check_finite(torch.ones(0, 3).to(dtype), "x")


def test_sample_rejects_a_truth_with_nan() -> None:
    with pytest.raises(DataError, match="Sample a: truth: 4 of 4 values"):
        Sample(name="a", subject="s", truth=torch.full((1, 1, 2, 2), torch.nan))


@pytest.mark.parametrize("shape", [(4, 4), (2, 1, 4, 4)])
def test_sample_rejects_an_image_without_its_own_batch_axis(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="Add the batch and channel axes"):
        Sample(name="a", subject="s", truth=torch.zeros(shape))


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, -1.0), (1.0, float("nan")), (1.0, 1.0, 1.0)])
def test_sample_rejects_a_spacing_that_does_not_fit(spacing: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="expected 2 positive lengths in mm"):
        Sample(name="a", subject="s", truth=torch.zeros(1, 1, 4, 4), spacing=spacing)


def test_sample_is_frozen_and_copies_its_metadata() -> None:
    metadata = {"scale": 1.0}
    sample = Sample(name="a", subject="s", metadata=metadata)
    metadata["scale"] = 2.0
    assert sample.metadata["scale"] == 1.0
    with pytest.raises(dataclasses.FrozenInstanceError, match="name"):
        sample.name = "b"  # type: ignore[misc]
