"""From a configuration to objects: dataset, operator and noise, each filled in from the data it is for."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.formats import read
from ..data.sample import Sample
from ..errors import ConfigError, DataError
from ..operators import LinearOperator
from ..operators.sampling import PATTERNS
from ..operators.space import complex_dtype
from ..plugins import Registry
from ..plugins.build import blamed_on, build_with
from ..plugins.device import resolve_device, resolve_dtype
from .config import Config, Use
from .streams import stream
from .tables import from_file, tuples
from .values import check_values

logger = logging.getLogger("invkit")


def resolve_input(config: Config, registry: Registry) -> Config:
    """The configuration with ``input`` moved to where it is read.

    A dataset that takes a ``path`` gets it. Any other gives way to the dataset whose role is that of the operator with
    ``-input`` behind it (a ray transform wants attenuation, several coils want k-space), or else to core/image.
    """
    if config.input is None:
        return config
    parameters = config.data.parameters
    name = config.data.use
    if "path" not in inspect.signature(registry.load(registry.find("dataset", name))).parameters:
        role = f"{registry.find('operator', config.operator.use).spec.role}-input"
        readers = [entry for entry in registry.entries("dataset") if entry.spec.role == role]
        name = max(readers, key=lambda entry: entry.spec.priority).id if readers else "core/image"
        parameters = {"normalise": "percentile"} if name == "core/image" else {}
        logger.info("data: %s is read by %s, in place of %s", config.input, name, config.data.use)
    data = Use.model_validate({"use": name, **parameters, "path": config.input})
    return config.model_copy(update={"data": data, "input": None})


def build_sample(config: Config, registry: Registry) -> Sample:
    """The sample of the dataset that the configuration chooses.

    Raises: ConfigError if the dataset has no such index, or takes no such parameter; DataError from files.
    """
    entry = registry.find("dataset", config.data.use)
    given = tuples(config.data.parameters)
    check_values("data", entry.id, registry.load(entry), given)
    dataset = build_with(registry, "dataset", entry.id, given)
    if config.index >= len(dataset):
        raise ConfigError(
            f"{entry.id}: index is {config.index}, expected less than {len(dataset)}, the number of samples. Lower it."
        )
    with blamed_on(entry.id, config.data.parameters):  # files are read, and phantoms drawn, only now
        return dataset[config.index]


def build_operator(config: Config, registry: Registry, sample: Sample) -> LinearOperator:
    """The operator, its size and pixel size taken from the sample unless the configuration says otherwise."""
    entry = registry.find("operator", config.operator.use, device=resolve_device(config.device))
    given = tuples(config.operator.parameters)
    context = _context(sample)
    target = registry.load(entry)
    table = given.pop("sampling_pattern", None)
    given = {name: from_file(value, f"operator.{name}") for name, value in given.items()}
    check_values("operator", entry.id, target, given)
    if table is not None:
        if not isinstance(table, Mapping):
            raise ConfigError(
                f"operator.sampling_pattern: value is {table!r}, expected a table. "
                'Write { use = "variable-density", fraction = 0.25 }.'
            )
        shape = given.get("image_shape", context["image_shape"])
        given["sampling_pattern"] = sampling_pattern(table, shape, config.seed)
    accepted = inspect.signature(target).parameters
    if "sampling_pattern" in accepted:
        given["sampling_pattern"] = _acquired(given.get("sampling_pattern"), sample)
    for name, value in context.items():
        if name in accepted and name not in given:
            given[name] = value
    given = {name: _placed(value, config) for name, value in given.items()}
    return build_with(
        registry, "operator", entry.id, given, device=config.device, dtype=_dtype_for(entry.spec.dtypes, config.dtype)
    )


def build_noise(config: Config, registry: Registry, operator: LinearOperator) -> Any:
    """The noise model, told the operator's sampling pattern if it wants one; None without noise."""
    if config.noise is None:
        return None
    entry = registry.find("noise", config.noise.use)
    target = registry.load(entry)
    parameters = {name: from_file(value, f"noise.{name}") for name, value in tuples(config.noise.parameters).items()}
    check_values("noise", entry.id, target, parameters)
    pattern = pattern_of(operator)
    if "sampling_pattern" in inspect.signature(target).parameters and pattern is not None:
        parameters.setdefault("sampling_pattern", pattern)
    return build_with(registry, "noise", entry.id, parameters)


def sampling_pattern(table: Mapping[str, Any], image_shape: tuple[int, ...], seed: int) -> Tensor:
    """``{ use = "variable-density-lines", fraction = 0.25 }``, or ``{ file = "mask.npy", centred = true }``.

    Raises: ConfigError if neither is named, or a value is of the wrong type; DataError if the file does not fit.
    """
    with blamed_on("operator.sampling_pattern", {**table, "image_shape": image_shape}):
        return _pattern(dict(table), tuple(image_shape), seed)


def _pattern(inner: dict[str, Any], image_shape: tuple[int, ...], seed: int) -> Tensor:
    if "file" in inner:
        array = np.squeeze(read(inner.pop("file")).array)
        centred = inner.pop("centred", True)
        if inner:
            raise ConfigError(f"sampling_pattern: key is {next(iter(inner))!r}, expected file or centred. Remove it.")
        if array.shape != image_shape:
            raise DataError(f"sampling_pattern: the file has shape {array.shape}, expected {image_shape}. Rebuild it.")
        pattern = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
        return torch.fft.ifftshift(pattern) if centred else pattern
    name = inner.pop("use", None)
    if name not in PATTERNS:
        raise ConfigError(f"sampling_pattern: use is {name!r}, expected {' or '.join(PATTERNS)}, or file. Choose one.")
    generator = stream(int(inner.pop("seed", seed)), "sampling pattern")
    known = inspect.signature(PATTERNS[name]).parameters
    for key in inner:
        if key not in known:
            raise ConfigError(
                f"sampling_pattern: key is {key!r}, expected one of {', '.join([*known][1:])}. Correct it."
            )
    if "fraction" not in inner:
        raise ConfigError("sampling_pattern: fraction is missing, expected a number in (0, 1]. Use 0.25 for 4x.")
    return PATTERNS[name](image_shape, generator=generator, **inner)


def pattern_of(operator: Any) -> Tensor | None:
    """The sampling pattern of an operator or of one of the parts it is composed of."""
    found = getattr(operator, "sampling_pattern", None)
    if isinstance(found, Tensor):
        return found
    for part in ("left", "right", "operator"):
        inner = getattr(operator, part, None)
        if inner is not None and (found := pattern_of(inner)) is not None:
            return found
    return None


def _acquired(pattern: Tensor | None, sample: Sample) -> Tensor | None:
    """The pattern asked for, restricted to what the measurement has: a sample that was never acquired is no zero.

    Raises: DataError if nothing is left.
    """
    acquired = sample.metadata.get("sampling_pattern")
    if sample.measurement is None or not isinstance(acquired, Tensor) or bool(acquired.all()):
        return pattern
    kept = acquired.to(torch.float32) if pattern is None else pattern * acquired
    if not bool(kept.any()):
        raise DataError(
            f"{sample.name}: none of the {int((pattern != 0).sum()) if pattern is not None else 0} samples of the "
            f"sampling pattern were acquired, expected some of {int(acquired.sum())}. Leave sampling_pattern out."
        )
    return kept


def _context(sample: Sample) -> dict[str, Any]:
    """What a sample knows that an operator may want."""
    spatial: tuple[int, ...] = ()
    for tensor in (sample.truth, sample.measurement):
        if tensor is not None:
            spatial = tuple(tensor.shape[2:])
            break
    context: dict[str, Any] = {"image_shape": spatial}
    if sample.spacing is not None and len(set(sample.spacing)) == 1:
        context["pixel_size"] = float(sample.spacing[0])
    if sample.coil_sensitivities is not None:
        context["coil_sensitivities"] = sample.coil_sensitivities
    return context


def _placed(value: Any, config: Config) -> Any:
    if not isinstance(value, Tensor):
        return value
    dtype = resolve_dtype(config.dtype)
    return value.to(config.device, complex_dtype(dtype) if value.is_complex() else dtype)


def _dtype_for(supported: tuple[str, ...], wanted: str) -> str:
    """``wanted``, or the complex dtype of its precision for an operator that takes only complex images."""
    return wanted if wanted in supported else {"float32": "complex64", "float64": "complex128"}[wanted]
