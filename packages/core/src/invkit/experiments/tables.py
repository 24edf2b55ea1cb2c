"""Tables of a configuration, as they are before objects are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.formats import read
from ..errors import ConfigError
from ..operators.space import Space, same_kind


def from_file(value: Any, where: str) -> Any:
    """``{ file = "mask.npy" }`` as a tensor, such as a mask, a kernel or a reference image; anything else as it is.

    Raises: ConfigError if the table says more; DataError if the file cannot be read.
    """
    if not isinstance(value, Mapping) or "file" not in value:
        return value
    if len(value) > 1:
        other = next(key for key in value if key != "file")
        raise ConfigError(f"{where}: key is {other!r}, expected only file. Remove it.")
    if not isinstance(value["file"], str):
        raise ConfigError(f"{where}.file: value is {value['file']!r}, expected a path. Write it in quotes.")
    array = np.squeeze(read(value["file"]).array)
    wanted = np.complex64 if array.dtype.kind == "c" else np.float32
    return torch.from_numpy(np.ascontiguousarray(array, dtype=wanted))


def placed_on(value: Any, domain: Space) -> Any:
    """A tensor on the device and in the precision of the images."""
    if not isinstance(value, Tensor):
        return value
    return value.to(domain.device, same_kind(domain.dtype, value.dtype))


def as_table(value: Any, where: str) -> dict[str, Any]:
    """A table as it is, and a name as the table of that name. Raises: ConfigError for anything else."""
    if isinstance(value, str):
        return {"use": value}
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where}: value is {value!r}, expected a table or a name. Write {{ use = "..." }}.')
    return dict(value)


def take_name(table: dict[str, Any], where: str) -> str:
    """The name that a table gives in ``use``, which leaves it. Raises: ConfigError if there is none."""
    name = table.pop("use", None)
    if not isinstance(name, str):
        raise ConfigError(f'{where}: use is {name!r}, expected the name of a registered object. Add use = "...".')
    return name


def tuples(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has lists where constructors take tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()}
