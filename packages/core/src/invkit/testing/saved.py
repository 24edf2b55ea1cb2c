"""Counterexamples on file: what refuted a claim, so that it can be looked at and evaluated again, here or elsewhere.

Each is two files of one name: ``.safetensors`` with the tensors, ``.json`` with everything else. Complex tensors are
stored as pairs of real numbers, because the format has no complex128; the .json says which. It also holds a hash of the
tensors and one of itself, so that a file that was altered is none that a check wrote.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from ..errors import ConfigError, DataError
from ..measures.measurement import Datum
from .check import CheckResult, Outcome

#: What stands in every file, so that no other JSON is taken for one.
FORMAT = "invkit counterexample"
SCHEMA_VERSION = 1

_TEXTS = ("subject", "example", "check", "property", "dtype", "device")
_KEYS = (*_TEXTS, "claim", "seed", "value", "bound", "tensors", "numbers", "sha256", "digest")


@dataclass(frozen=True, eq=False, kw_only=True)
class Counterexample:
    """One refutation as it stands on file: which object, which check, the numbers then, and the tensors.

    claim: the parameters of the claim that it refutes; None if it is about no claim of the object.
    """

    subject: str
    example: str
    check: str
    property: str
    dtype: str
    device: str
    seed: int
    value: float
    bound: float
    where: str
    data: Mapping[str, Datum]
    versions: Mapping[str, str]
    claim: Mapping[str, Any] | None = None


def save(result: CheckResult, folder: Path) -> Path:
    """Write one refutation; the path of its .json file. The folder is made if it is not there.

    Raises: ConfigError if the result refutes nothing; DataError if it cannot be written.
    """
    if result.outcome is not Outcome.REFUTED:
        raise ConfigError(
            f"check {result.check} of {result.subject}: it is {result.outcome.value}, expected 'refuted'. "
            "Only what refutes a claim is saved."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: it cannot be made a folder ({error.strerror}). Name another.") from error
    tensors = {name: datum for name, datum in result.counterexample.items() if isinstance(datum, Tensor)}
    stored = dump_tensors({name: _storable(tensor) for name, tensor in tensors.items()})
    described = _described(result, tensors) | {"sha256": hashlib.sha256(stored).hexdigest()}
    described["digest"] = _digest(described)
    # Part of the digest in the name: objects of one class, which have one name, do not overwrite each other.
    file = folder / f"{_name(result)}-{described['digest'][:8]}.json"
    # The tensors first: a .json file then always has what it names.
    _write(file.with_name(f"{file.stem}.safetensors"), lambda path: path.write_bytes(stored))
    text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
    _write(file, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return file


def _write(file: Path, writer: Callable[[Path], object]) -> None:
    """Into a temporary file first, so that what stands under the name is always whole."""
    temporary = file.with_name(f".{uuid.uuid4().hex}")
    try:
        writer(temporary)
        os.replace(temporary, file)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{file}: cannot be written ({error}). Check the folder and its space.") from error
    finally:
        temporary.unlink(missing_ok=True)


def load(file: Path) -> Counterexample:
    """Read one back.

    Raises: DataError if it is no counterexample, is incomplete or altered, or its tensors are missing or broken.
    """
    found = _read_json(file)
    _require_unaltered(file, found)
    tensors = file.with_name(f"{file.stem}.safetensors")
    try:
        stored = tensors.read_bytes()
        if hashlib.sha256(stored).hexdigest() != found["sha256"]:
            raise ValueError("they are other tensors than those that were saved")
        loaded = load_tensors(stored)
        data: dict[str, Datum] = {
            name: _restored(loaded[name], described["dtype"]) for name, described in found["tensors"].items()
        }
        data |= {name: _number(value) for name, value in found["numbers"].items()}
        return Counterexample(
            **{name: found[name] for name in _TEXTS},
            seed=found["seed"],
            value=float(found["value"]),
            bound=float(found["bound"]),
            where=str(found.get("where", "")),
            data=data,
            versions=dict(found.get("versions", {})),
            claim=None if found["claim"] is None else dict(found["claim"]["params"]),
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise DataError(
            f"{file}: its counterexample cannot be read from {tensors.name} ({type(error).__name__}: {error}), "
            "expected the tensors that the .json names. Keep the two files together, or check the object again."
        ) from error


def _require_unaltered(file: Path, found: Mapping[str, Any]) -> None:
    for name in _TEXTS:
        if not isinstance(found[name], str):
            raise DataError(f"{file}: {name} is {found[name]!r}, expected a text. Check the object again.")
    seed = found["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise DataError(f"{file}: seed is {seed!r}, expected an integer from 0 below 2^63. Check the object again.")
    if _digest(found) != found["digest"]:
        raise DataError(
            f"{file}: its digest is not that of what stands in it, expected the file that a check wrote. "
            "It was altered: check the object again."
        )


def _digest(described: Mapping[str, Any]) -> str:
    """A hash of everything in the .json but this."""
    rest = {name: value for name, value in described.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise DataError(f"{file}: cannot be read ({reason}), expected a file of 'invkit check --save'.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{file}: it is another JSON, expected a file of 'invkit check --save'. Name its .json file.")
    if found.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"{file}: schema_version is {found.get('schema_version')!r}, expected {SCHEMA_VERSION}. "
            "Use the version of invkit that wrote it, or check the object again."
        )
    missing = [key for key in _KEYS if key not in found]
    if missing:
        raise DataError(f"{file}: {', '.join(missing)} is missing, expected in a counterexample. Check again.")
    return found


def _described(result: CheckResult, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    measurement = result.measurement
    numbers = {name: datum for name, datum in result.counterexample.items() if name not in tensors}
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "subject": result.subject,
        "example": result.example,
        "check": result.check,
        "property": result.concerns,
        "claim": None if result.stated is None else result.stated.as_dict(),
        "dtype": result.dtype,
        "device": result.device,
        "seed": result.seed,
        "value": _jsonable(math.nan if measurement is None else measurement.value),
        "bound": _jsonable(math.nan if measurement is None else measurement.bound),
        "where": result.reason,
        "tensors": {
            name: {"shape": list(tensor.shape), "dtype": _dtype_name(tensor.dtype)} for name, tensor in tensors.items()
        },
        "numbers": {name: _jsonable(datum) for name, datum in numbers.items()},
        "versions": versions(result.subject),
    }


def versions(subject: str) -> dict[str, str]:
    """The versions on which a number depends: Python, torch, invkit, and the plugin that brings the object."""
    found = {"python": platform.python_version(), "torch": str(torch.__version__)}
    provider = subject.partition("/")[0] if "/" in subject else ""
    for package in ("invkit", f"invkit-{provider}"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _name(result: CheckResult) -> str:
    about = "" if result.measurement is not None and not result.claim else result.claim or result.concerns
    parts = (result.subject, result.example, result.check, about, result.dtype, result.device, f"seed{result.seed}")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(filter(None, parts)))[:200]


def _storable(tensor: Tensor) -> Tensor:
    dense = tensor.detach().to("cpu")
    dense = dense if dense.layout == torch.strided else dense.to_dense()
    return (torch.view_as_real(dense.resolve_conj()) if dense.is_complex() else dense).contiguous().clone()


def _restored(tensor: Tensor, dtype: str) -> Tensor:
    return torch.view_as_complex(tensor) if dtype.startswith("complex") else tensor


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _jsonable(datum: Datum) -> Any:
    """JSON has no word for infinity and not-a-number: they stand as text."""
    return str(datum) if isinstance(datum, float) and not math.isfinite(datum) else datum


def _number(value: Any) -> Datum:
    return float(value) if value in ("inf", "-inf", "nan") else value
