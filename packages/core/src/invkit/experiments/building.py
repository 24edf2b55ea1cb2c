"""From a configuration to objects: dataset, operator, noise and models, each filled in from the data it is for."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.formats import read
from ..data.sample import Sample
from ..errors import ConfigError, DataError
from ..functionals import Functional
from ..models import Denoiser, Reconstructor, Stopping, Variational
from ..operators import LinearOperator
from ..operators.sampling import PATTERNS
from ..operators.space import Space, complex_dtype, same_kind
from ..plugins import Entry, Registry
from ..plugins.build import blamed_on, build_with, check_names, parameters_of
from ..plugins.device import resolve_device, resolve_dtype
from .config import Config, Use
from .streams import stream

logger = logging.getLogger("invkit")

_STOPPING = tuple(field.name for field in fields(Stopping))


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
    dataset = build_with(registry, "dataset", entry.id, _tuples(config.data.parameters))
    if config.index >= len(dataset):
        raise ConfigError(
            f"{entry.id}: index is {config.index}, expected less than {len(dataset)}, the number of samples. Lower it."
        )
    with blamed_on(entry.id, config.data.parameters):  # files are read, and phantoms drawn, only now
        return dataset[config.index]


def build_operator(config: Config, registry: Registry, sample: Sample) -> LinearOperator:
    """The operator, its size and pixel size taken from the sample unless the configuration says otherwise."""
    entry = registry.find("operator", config.operator.use, device=resolve_device(config.device))
    given = _tuples(config.operator.parameters)
    context = _context(sample)
    if isinstance(given.get("sampling_pattern"), Mapping):
        shape = given.get("image_shape", context["image_shape"])
        given["sampling_pattern"] = sampling_pattern(given["sampling_pattern"], shape, config.seed)
    given = {name: _from_file(value, f"operator.{name}") for name, value in given.items()}
    target = registry.load(entry)
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
    target = registry.load(registry.find("noise", config.noise.use))
    parameters = _tuples(config.noise.parameters)
    pattern = pattern_of(operator)
    if "sampling_pattern" in inspect.signature(target).parameters and pattern is not None:
        parameters.setdefault("sampling_pattern", pattern)
    return build_with(registry, "noise", config.noise.use, parameters)


def build_model(use: Use, registry: Registry) -> Reconstructor:
    """A model; the tables ``regulariser``, ``solver`` and ``denoiser`` inside it become objects first.

    ``regulariser.weight`` is the model's weight; ``rtol atol max_steps check_every`` in ``solver`` say when it stops.
    """
    parameters = _tuples(use.parameters)
    regulariser, solver = parameters.get("regulariser"), parameters.get("solver")
    if regulariser is not None:
        inner = _table(regulariser, "model.regulariser")
        entry = registry.find("regulariser", _named(inner, "model.regulariser"))
        target = registry.load(entry)
        _check_keys(entry, target, inner)
        if "weight" in inner:
            parameters["weight"] = inner.pop("weight")
        parameters["regulariser"] = _factory(entry, target, inner)
    if solver is not None:
        inner = _table(solver, "model.solver")
        entry = registry.find("solver", _named(inner, "model.solver"))
        _check_keys(entry, registry.load(entry), inner)
        stopping = {key: inner.pop(key) for key in _STOPPING if key in inner}
        if stopping:
            with blamed_on("model.solver", stopping):
                parameters["stopping"] = Stopping(**stopping)
        parameters["solver"] = build_with(registry, "solver", entry.id, inner)
    if "denoiser" in parameters:
        inner = _table(parameters["denoiser"], "model.denoiser")
        parameters["denoiser"] = _denoiser(inner, registry)
    model = build_with(registry, "model", use.use, parameters)
    if not isinstance(model, Reconstructor):
        raise ConfigError(
            f"model: {use.use} is a {type(model).__name__}, expected a reconstruction method. Choose one."
        )
    return model


def _denoiser(table: dict[str, Any], registry: Registry) -> Denoiser:
    """A denoiser; the table ``regulariser`` inside it becomes a function of the images' space first."""
    name = _named(table, "model.denoiser")
    if "regulariser" in table:
        inner = _table(table["regulariser"], "model.denoiser.regulariser")
        entry = registry.find("regulariser", _named(inner, "model.denoiser.regulariser"))
        if "weight" in inner:
            table["weight"] = inner.pop("weight")
        table["regulariser"] = _factory(entry, registry.load(entry), inner)
    made = build_with(registry, "model", name, table)
    if not isinstance(made, Denoiser):
        raise ConfigError(
            f"model.denoiser: {name} is a {type(made).__name__}, expected a denoiser. 'invkit list model' names them."
        )
    return made


def configuration_keys(kind: str) -> dict[str, inspect.Parameter]:
    """What the table of a regulariser or solver in a model takes beside the parameters of the object itself."""
    if kind == "regulariser":
        return {"weight": inspect.signature(Variational).parameters["weight"]}
    return dict(inspect.signature(Stopping).parameters) if kind == "solver" else {}


def _check_keys(entry: Entry, target: Any, table: Mapping[str, Any]) -> None:
    """Raises: ConfigError for a key that neither the object nor its place in the model takes."""
    known = parameters_of(target)
    if known is None or any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    check_names(entry.id, table, [*configuration_keys(entry.kind), *(name for name in known if name != "domain")])


def _factory(entry: Entry, target: Any, parameters: Mapping[str, Any]) -> Callable[[Space], Functional]:
    """The regulariser on a domain that is known only when the model meets an operator."""
    parameters = {name: _from_file(value, f"regulariser.{name}") for name, value in parameters.items()}

    def build(domain: Space) -> Functional:
        placed = {name: _on(value, domain) for name, value in parameters.items()}
        with blamed_on(entry.id, parameters):
            made: Functional = target(domain, **placed)
        return made

    return build


def _from_file(value: Any, where: str) -> Any:
    """``{ file = "mask.npy" }`` as a tensor, such as a mask, a kernel or a reference image; anything else as it is.

    Raises: ConfigError if the table says more; DataError if the file cannot be read.
    """
    if not isinstance(value, Mapping) or "file" not in value:
        return value
    if len(value) > 1:
        other = next(key for key in value if key != "file")
        raise ConfigError(f"{where}: key is {other!r}, expected only file. Remove it.")
    array = np.squeeze(read(value["file"]).array)
    wanted = np.complex64 if array.dtype.kind == "c" else np.float32
    return torch.from_numpy(np.ascontiguousarray(array, dtype=wanted))


def _on(value: Any, domain: Space) -> Any:
    """A tensor on the device and in the precision of the images."""
    if not isinstance(value, Tensor):
        return value
    return value.to(domain.device, same_kind(domain.dtype, value.dtype))


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


def _table(value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, str):
        return {"use": value}
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where}: value is {value!r}, expected a table or a name. Write {{ use = "..." }}.')
    return dict(value)


def _named(table: dict[str, Any], where: str) -> str:
    name = table.pop("use", None)
    if not isinstance(name, str):
        raise ConfigError(f'{where}: use is {name!r}, expected the name of a registered object. Add use = "...".')
    return name


def _tuples(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has lists where constructors take tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()}


def _placed(value: Any, config: Config) -> Any:
    if not isinstance(value, Tensor):
        return value
    dtype = resolve_dtype(config.dtype)
    return value.to(config.device, complex_dtype(dtype) if value.is_complex() else dtype)


def _dtype_for(supported: tuple[str, ...], wanted: str) -> str:
    """``wanted``, or the complex dtype of its precision for an operator that takes only complex images."""
    return wanted if wanted in supported else {"float32": "complex64", "float64": "complex128"}[wanted]
