"""invkit evaluate: compare the reconstructions in a run folder with the truth, again or with another truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.formats import read
from ..errors import DataError
from ..metrics import data_range_of, psnr, psnr_in_region, relative_error, ssim, ssim_in_region
from .output import ExitCode, table, write_json
from .output import write as say


def run(run: Path, *, truth: Path | None = None, mask: Path | None = None, as_json: bool = False) -> int:
    """Print PSNR, SSIM and relative error of every reconstruction of a run, in a region too if there is a mask."""
    names = _methods(run)
    reference = _load_truth(run, truth)
    region = None if mask is None else _load_mask(mask, reference)
    results: list[dict[str, Any]] = []
    for index, name in enumerate(names):
        file = run / ("reconstruction.npy" if index == 0 else f"reconstruction-{index + 1}.npy")
        x = _as_batch(read(file).array, reference.shape, str(file))
        results.append({"method": name, **_compare(x, reference, region)})
    if as_json:
        write_json({"run": str(run), "results": results})
    else:
        columns = [key for key in results[0] if key != "method"] if results else []
        rows = [(r["method"], *(f"{r[key]:.4f}" for key in columns)) for r in results]
        say(table(("method", *columns), rows))
    return ExitCode.DONE


def _compare(x: Tensor, truth: Tensor, region: Tensor | None) -> dict[str, float]:
    magnitude = truth.abs() if truth.is_complex() else truth
    data_range = data_range_of(magnitude)
    found = {
        "psnr": psnr(x, truth, data_range=data_range),
        "ssim": ssim(x, truth, data_range=data_range),
        "relative_error": relative_error(x, truth),
    }
    if region is not None:
        found["psnr_in_region"] = psnr_in_region(x, truth, region, data_range=data_range)
        found["ssim_in_region"] = ssim_in_region(x, truth, region, data_range=data_range)
    return {name: float(value[0]) for name, value in found.items()}


def _methods(run: Path) -> list[str]:
    file = run / "record.json"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return [str(method["name"]) for method in kept["methods"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file}: it cannot be read ({error}), expected the record of a run. Name a run folder."
        ) from error


def _load_truth(run: Path, given: Path | None) -> Tensor:
    file = given or run / "truth.npy"
    if given is None and not file.exists():
        raise DataError(f"{run}: it has no truth.npy, expected a ground truth. Pass one with --truth FILE.")
    shape = tuple(read(run / "reconstruction.npy").array.shape)
    return _as_batch(read(file).array, shape, str(file))


def _load_mask(file: Path, truth: Tensor) -> Tensor:
    array = np.squeeze(read(file).array)
    if array.shape != tuple(truth.shape[2:]):
        raise DataError(
            f"{file}: mask has shape {array.shape}, expected {tuple(truth.shape[2:])}. Bring it to this grid."
        )
    return torch.from_numpy(np.ascontiguousarray(array != 0))


def _as_batch(array: np.ndarray, shape: tuple[int, ...], name: str) -> Tensor:
    """The array with the axes of ``shape``. Raises: DataError if its image is of another size."""
    if tuple(np.squeeze(array).shape) != tuple(n for n in shape if n != 1):
        raise DataError(f"{name}: image has shape {array.shape}, expected {tuple(shape)}. Bring it to this grid.")
    return torch.from_numpy(np.ascontiguousarray(array).reshape(shape))
