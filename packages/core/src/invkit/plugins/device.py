"""Is the requested device there, and what is the requested dtype called? Answered before anything is built.

torch is imported inside the functions, so that the registry itself stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """The device as torch knows it, tried out.

    Raises: ConfigError if it is no device at all; MissingDependencyError if it is not on this machine.
    """
    import torch

    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(
            f"device: name is {device!r}, expected 'cpu', 'cuda' or 'cuda:0'. Choose one that is there."
        ) from error
    if resolved.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (resolved.index or 0) >= count:
            seen = f"one of the {count} CUDA devices that torch {torch.__version__} sees. Choose another one, or 'cpu'."
            none = f"one that is there: torch {torch.__version__} sees no CUDA device. Choose 'cpu'."
            raise MissingDependencyError(f"device: name is '{resolved}', expected {seen if count else none}")
        return resolved
    try:
        torch.empty(0, device=resolved)
    except Exception as error:  # each backend raises its own kind
        raise MissingDependencyError(
            f"device: name is '{resolved}', expected one that torch {torch.__version__} can use here. Choose 'cpu'."
        ) from error
    return resolved


def resolve_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """``"float64"`` and ``torch.float64`` are both ``torch.float64``. Raises: ConfigError if none, or of integers."""
    import torch

    found: Any = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not (found.is_floating_point or found.is_complex):
        raise ConfigError(
            f"dtype: name is {dtype!r}, expected 'float32', 'float64', 'complex64' or 'complex128'. Choose one of them."
        )
    return found
