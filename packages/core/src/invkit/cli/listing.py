"""``invkit list`` and ``invkit info``: what is registered, read from the Specs. ``list`` imports no target."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from ..claims import PROPERTIES
from ..errors import ConfigError, InvkitError
from ..plugins import Entry, Registry, parameters_of, singular
from .output import ExitCode, complain, table, write, write_json


def list_objects(registry: Registry, kind: str | None, *, claim: str | None, device: str | None, as_json: bool) -> int:
    """Print the registered objects of one kind or of all, those with the claim, those for the device."""
    if kind is not None:
        kind = singular(kind)
    if claim is not None:
        claim = _property(claim)
    wanted = None if device is None else device.partition(":")[0].casefold()
    entries = [
        entry
        for entry in registry.entries(kind)
        if (claim is None or any(stated.property == claim for stated in entry.spec.claims))
        and (wanted is None or wanted in entry.spec.devices)
    ]
    if as_json:
        write_json({"objects": [describe(registry, entry) for entry in entries]})
        return ExitCode.DONE
    if entries:
        rows = [(entry.kind, entry.id, entry.spec.role or "-", _summary(registry, entry)) for entry in entries]
        write(table(("KIND", "ID", "ROLE", "SUMMARY"), rows))
    else:
        complain("no registered object matches.")
    return ExitCode.DONE


def info(registry: Registry, ref: str, *, as_json: bool) -> int:
    """Print everything about the objects of this id, bare name or role, their parameters included."""
    entries = registry.find_all(ref)
    if as_json:
        objects = [{**describe(registry, entry), "parameters": _parameters(registry, entry)[0]} for entry in entries]
        write_json({"objects": objects})
        return ExitCode.DONE
    write("\n\n".join(_paragraph(registry, entry) for entry in entries))
    return ExitCode.DONE


def describe(registry: Registry, entry: Entry) -> dict[str, Any]:
    """The entry as it stands in ``--json`` output."""
    spec, missing = entry.spec, registry.missing(entry)
    return {
        "id": entry.id,
        "kind": entry.kind,
        "summary": spec.summary,
        "plugin": entry.provider,
        "distribution": entry.distribution,
        "version": entry.version,
        "available": not missing,
        "missing": list(missing),
        "role": spec.role,
        "priority": spec.priority,
        "devices": list(spec.devices),
        "dtypes": list(spec.dtypes),
        "dims": list(spec.dims),
        "claims": [claim.as_dict() for claim in spec.claims],
        "requires": list(spec.requires),
        "references": list(spec.references),
        "target": spec.target,
        "example": spec.example,
    }


def _summary(registry: Registry, entry: Entry) -> str:
    missing = registry.missing(entry)
    return entry.spec.summary + (f" (unavailable: needs {', '.join(missing)})" if missing else "")


def _paragraph(registry: Registry, entry: Entry) -> str:
    spec = entry.spec
    parameters, trouble = _parameters(registry, entry)
    lines = [
        f"{entry.id} ({entry.kind}): {_summary(registry, entry)}",
        f"  from        {entry.origin}",
        f"  target      {spec.target}",
        f"  role        {spec.role or '-'}, priority {spec.priority}",
        f"  devices     {', '.join(spec.devices)}",
        f"  dtypes      {', '.join(spec.dtypes)}",
        f"  dimensions  {', '.join(map(str, spec.dims))}",
    ]
    lines += [f"  claim       {claim} ({claim.basis.label})" for claim in spec.claims]
    lines += [f"  needs       {module}" for module in spec.requires]
    lines += [f"  source      {reference}" for reference in spec.references]
    if trouble:
        return "\n".join([*lines, f"  parameters  cannot be read: {trouble}"])
    return "\n".join([*lines, *(f"  parameter   {_signature(parameter)}" for parameter in parameters)])


def _signature(parameter: dict[str, Any]) -> str:
    text = parameter["name"] + (f": {parameter['type']}" if parameter["type"] else "")
    return f"{text} (required)" if parameter["required"] else f"{text} = {parameter['default']}"


def _parameters(registry: Registry, entry: Entry) -> tuple[list[dict[str, Any]], str]:
    """The parameters of the target in order, or none and why they cannot be read."""
    try:
        target = registry.load(entry)
    except InvkitError as error:
        return [], str(error)
    if not callable(target):  # a rule or a check is the object itself
        return [], ""
    return [
        {
            "name": str(parameter) if parameter.kind is parameter.VAR_KEYWORD else name,
            "type": _annotation(parameter.annotation),
            "required": parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD,
            "default": None if parameter.default is parameter.empty else repr(parameter.default),
        }
        for name, parameter in (parameters_of(target) or {}).items()
    ], ""


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _property(name: str) -> str:
    folded = name.strip().casefold().replace("-", "_")
    if folded in PROPERTIES:
        return folded
    near = difflib.get_close_matches(folded, PROPERTIES, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(PROPERTIES)}."
    raise ConfigError(f"--claim: property is {name!r}, expected a known one. {hint}")
