"""Run folders: everything a run needs to be understood and repeated, moved into place in one step."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import shutil
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch

from ..data.formats import write
from ..errors import DataError
from ..plugins import Registry, get_registry
from .experiment import Outcome, Prepared
from .report import Case, render

#: Version of the layout of record.json.
SCHEMA_VERSION = 1


def write_run(runs: Path, name: str, prepared: Prepared, outcomes: list[Outcome], *, interrupted: bool = False) -> Path:
    """Write a new run folder below ``runs`` and return it. It appears complete or not at all.

    Raises: DataError if the folder cannot be written.
    """
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    hidden = runs / f".{safe}-{uuid.uuid4().hex[:8]}"
    try:
        hidden.mkdir(parents=True)
        _fill(hidden, prepared, outcomes, interrupted)
        folder = _free(runs / f"{stamp}-{safe}")
        hidden.rename(folder)
    except OSError as error:
        raise DataError(
            f"{runs}: cannot be written ({error.strerror or error}). Choose another --runs folder."
        ) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return folder


def check_writable(runs: Path) -> None:
    """Ask before long work whether run folders can be made below ``runs``.

    Raises: DataError if it is a file, or neither it nor the folder it would be made in can be written to.
    """
    existing = next(path for path in (runs.absolute(), *runs.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise DataError(f"--runs: {existing} is no folder to write to, expected one. Choose another --runs folder.")


def record(prepared: Prepared, outcomes: list[Outcome], *, interrupted: bool = False) -> dict[str, Any]:
    """What record.json holds."""
    sample = prepared.sample
    return {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "interrupted": interrupted,
        "config": prepared.config.as_dict(),
        "seed": prepared.config.seed,
        "versions": versions(),
        "data": {
            "name": Path(sample.name).name,
            "spacing_mm": list(sample.spacing) if sample.spacing else None,
            "units": sample.units,
            # Files name the patient as the subject; a record is shown around.
            "metadata": plain({key: value for key, value in sample.metadata.items() if key != "subject"}),
            "notes": list(prepared.notes),
        },
        "operator": repr(prepared.operator),
        "methods": [method_record(outcome) for outcome in outcomes],
    }


def method_record(outcome: Outcome) -> dict[str, Any]:
    """One method in record.json."""
    entry: dict[str, Any] = {
        "name": outcome.method.name,
        "use": outcome.method.use.use,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
        "metrics": {key: plain(value) for key, value in outcome.metrics.items()},
        "guarantee": outcome.method.guarantee.as_dict(),
    }
    if outcome.solution is not None:
        solution = outcome.solution
        entry["solution"] = {
            "steps": int(solution.steps[0]),
            "relative_residual": plain(float(solution.optimality[0])),
            "history": {
                "steps": list(solution.history.steps),
                "relative_residual": plain(solution.history.optimality[:, 0]),
                "objective": None if solution.history.objective is None else plain(solution.history.objective[:, 0]),
            },
        }
    return entry


def versions(registry: Registry | None = None) -> dict[str, str]:
    """Python, torch, and every invkit package in use."""
    found = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    for status in (registry or get_registry()).statuses:
        try:
            found[status.distribution] = version(status.distribution)
        except (PackageNotFoundError, ValueError):  # a plugin that no distribution brought has no name
            found[status.distribution or status.name] = "unknown"
    return found


def plain(value: Any) -> Any:
    """Numbers, strings, lists and tables only; NaN and infinities become None, large tensors their shape."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return plain(value.tolist()) if value.ndim <= 1 and value.size < 10_000 else f"array of shape {value.shape}"
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _fill(folder: Path, prepared: Prepared, outcomes: list[Outcome], interrupted: bool) -> None:
    (folder / "config.toml").write_text(tomli_w.dumps(prepared.config.as_dict()), encoding="utf-8")
    kept = record(prepared, outcomes, interrupted=interrupted)
    (folder / "record.json").write_text(json.dumps(kept, indent=2, allow_nan=False), encoding="utf-8")
    write(folder / "measurement.npy", prepared.y.cpu().numpy())
    spacing = prepared.sample.spacing
    if prepared.truth is not None:
        write(folder / "truth.npy", prepared.truth.cpu().numpy())
    for index, outcome in enumerate(outcomes):
        stem = "reconstruction" if index == 0 else f"reconstruction-{index + 1}"
        array = outcome.x.cpu().numpy()
        write(folder / f"{stem}.npy", array)
        write_picture(folder / f"{stem}.png", array, spacing)
    case = Case.of(prepared, outcomes)
    title = prepared.config.title or Path(prepared.sample.name).name
    html = render(title, [case], versions=versions(), interrupted=interrupted)
    (folder / "report.html").write_text(html, encoding="utf-8")


def write_text(file: Path, text: str) -> None:
    """Write beside the target and move it into place, so that a reader never meets half a file."""
    hidden = file.with_name(f".{file.name}-{uuid.uuid4().hex[:8]}")
    try:
        hidden.write_text(text, encoding="utf-8")
        hidden.replace(file)
    except OSError as error:
        raise DataError(f"{file}: cannot be written ({error.strerror or error}). Choose another folder.") from error
    finally:
        hidden.unlink(missing_ok=True)


def write_picture(path: Path, array: np.ndarray, spacing: tuple[float, ...] | None) -> None:
    """A picture of the first image: its magnitude if complex, the middle slice of a volume."""
    image = array.reshape(-1, *array.shape[2:])[0]
    if np.iscomplexobj(image):
        image = np.abs(image)
    while image.ndim > 2:
        image = image[len(image) // 2]
    write(path, image, spacing=spacing[-2:] if spacing else None)


def _free(folder: Path) -> Path:
    candidate, number = folder, 2
    while candidate.exists():
        candidate = folder.with_name(f"{folder.name}-{number}")
        number += 1
    return candidate
