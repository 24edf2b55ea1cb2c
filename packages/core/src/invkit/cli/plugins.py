"""``invkit plugins list`` and ``invkit plugins doctor``: the state of each plugin, and of what it stands on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..errors import MissingDependencyError, PluginError
from ..plugins import CORE_API, Registry, Status
from ..plugins.discovery import describe
from ..plugins.loading import SEE_DOCTOR
from ..plugins.repeated import repeated_hooks, said_of
from .output import ExitCode, table, write, write_json

#: Distributions whose versions explain most of what can be wrong.
_DISTRIBUTIONS = (
    "invkit",
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "pluggy",
    "typer",
    "pydantic",
    "astra-toolbox",
    "pydicom",
    "h5py",
    "nibabel",
)


def list_plugins(registry: Registry, *, as_json: bool) -> int:
    """Print one row per plugin with its state; always succeeds, however broken a plugin is."""
    if as_json:
        write_json({"core_api": list(CORE_API), "plugins": [_describe(status) for status in registry.statuses]})
        return ExitCode.DONE
    rows = [
        (status.name, status.state.value, _origin(status), str(len(status.entries)), _remark(status))
        for status in registry.statuses
    ]
    write(table(("PLUGIN", "STATE", "FROM", "OBJECTS", "REASON"), rows))
    return ExitCode.DONE


def doctor(registry: Registry, *, as_json: bool) -> int:
    """Load every target, make every example and its claims, and say what is wrong.

    Returns ``UNHEALTHY`` if anything is, or an enabled plugin cannot be used as a whole.
    """
    versions, devices = _versions(), _devices()
    found = [(status, _troubles(registry, status)) for status in registry.statuses]
    is_healthy = not registry.unhealthy and not any(lines for _, lines in found)
    if as_json:
        plugins = [{**_describe(status), "troubles": list(lines)} for status, lines in found]
        write_json({"healthy": is_healthy, "versions": versions, "devices": devices, "plugins": plugins})
        return ExitCode.DONE if is_healthy else ExitCode.UNHEALTHY
    write(table(("PACKAGE", "VERSION"), list(versions.items())))
    write("\n" + table(("DEVICE", "STATE"), list(devices.items())) + "\n")
    for status, lines in found:
        write(f"{status.name} ({_origin(status)}): {status.state}{', ' + _remark(status) if _remark(status) else ''}")
        if status.entries:
            write(f"  {len(status.entries)} objects, {len(lines)} with trouble")
        for line in lines:
            write(f"  {line}")
    well = "Everything loads, and every example can be made. 'invkit plugins test NAME' measures what it claims."
    write(f"\n{well}" if is_healthy else "\nSomething is wrong: see above.")
    return ExitCode.DONE if is_healthy else ExitCode.UNHEALTHY


def _troubles(registry: Registry, status: Status) -> tuple[str, ...]:
    """One line per object that cannot be loaded, is not what its kind needs, or raises in its example or its claims.

    What only lacks an optional module is no trouble.
    """
    from ..plugins.device import resolve_dtype
    from ..testing.check import Context, Skip  # imports torch, as the doctor may
    from ..testing.manifest import trouble_with

    twice = said_of(repeated_hooks(status), status.target) if status.entries else ""
    lines = [twice] if twice else []
    for entry in status.entries:
        try:
            context = Context(dtype=resolve_dtype(entry.spec.dtypes[-1])) if entry.spec.dtypes else Context()
            problem = trouble_with(registry, entry, context)
        except (MissingDependencyError, Skip):
            continue
        except PluginError as error:
            problem = str(error)
        except Exception as error:  # an author's function may raise anything
            problem = describe(error)
        if problem:
            named = problem if problem.startswith(entry.id) else f"{entry.id} ({entry.origin}): {problem}"
            lines.append(" ".join(named.split()).removesuffix(SEE_DOCTOR).rstrip())
    return tuple(lines)


def _describe(status: Status) -> dict[str, Any]:
    return {
        "name": status.name,
        "state": status.state.value,
        "reason": status.reason,
        "distribution": status.distribution,
        "version": status.version,
        "target": status.target,
        "core_api": None if status.api is None else list(status.api),
        "objects": [entry.id for entry in status.entries],
        "notes": list(status.notes),
    }


def _origin(status: Status) -> str:
    return " ".join(part for part in (status.distribution or status.target, status.version) if part)


def _remark(status: Status) -> str:
    remarks: Sequence[str] = [status.reason] if status.reason else status.notes
    return "; ".join(remarks)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "core API": ".".join(map(str, CORE_API))}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _devices() -> dict[str, str]:
    try:
        import torch
    except Exception as error:  # a broken installation of torch is what a doctor is for
        return {"torch": f"cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}"}
    if not torch.cuda.is_available():
        return {"cpu": "yes", "cuda": "no"}
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {"cpu": "yes", "cuda": f"yes: {', '.join(names)}"}
