"""``invkit list`` and ``invkit info``: what is registered, read from the Specs. ``list`` imports no target."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from ..claims import PROPERTIES
from ..errors import ConfigError, InvkitError
from ..plugins import Entry, Registry, parameters_of, singular
from .output import ExitCode, complain, table, write, write_json
from .vocabulary import NAMES as VOCABULARY
from .vocabulary import list_properties

#: Kinds of devices that torch has and a Spec may name; those that a plugin adds are known through its Specs.
_DEVICES = ("cpu", "cuda", "mps", "xpu")


def list_objects(registry: Registry, kind: str | None, *, claim: str | None, device: str | None, as_json: bool) -> int:
    """Print the registered objects of one kind or of all, those with the claim, those for the device."""
    if kind is not None and kind.strip().casefold() in VOCABULARY:
        return list_properties(as_json=as_json)
    if kind is not None:
        kind = singular(kind)
    if claim is not None:
        claim = _property(claim)
    wanted = None if device is None else _device_type(registry, device)
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
        objects = [
            {
                **describe(registry, entry),
                "parameters": _parameters(registry, entry)[0],
                "configuration_keys": _configuration_keys(registry, entry),
                **({} if (theorem := _theorem(registry, entry)) is None else {"theorem": theorem}),
            }
            for entry in entries
        ]
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
    lines += [f"  parameter   {_signature(parameter)}" for parameter in parameters]
    lines += _theorem_lines(registry, entry)
    keys = _configuration_keys(registry, entry)
    lines += [f"  config key  {_signature(key)} (in the {entry.kind} table of a model)" for key in keys]
    return "\n".join(lines)


def _theorem_lines(registry: Registry, entry: Entry) -> list[str]:
    """The theorem of a rule: its statement, formula, source and premises."""
    theorem = _theorem(registry, entry)
    if theorem is None:
        return []
    if "trouble" in theorem:
        return [f"  theorem     cannot be read: {theorem['trouble']}"]
    return [
        f"  theorem     {theorem['statement']}",
        f"  formula     {theorem['formula']}",
        f"  source      {theorem['source']}",
        f"  concludes   {theorem['concludes']}",
        *(f"  premise     {premise['statement']}" for premise in theorem["premises"]),
    ]


def _theorem(registry: Registry, entry: Entry) -> dict[str, Any] | None:
    """What a rule says, JSON-ready, or why it cannot be read; None for anything else."""
    if entry.kind != "rule" or registry.missing(entry):
        return None
    from ..guarantees.theorem_nodes import problem_of_rule  # imports torch

    try:
        rule = registry.load(entry)
    except InvkitError as error:
        return {"trouble": str(error)}
    if problem := problem_of_rule(entry, rule):
        return {"trouble": problem}
    return {
        "statement": rule.statement,
        "formula": rule.formula,
        "source": rule.source,
        "concludes": rule.concludes,
        "further": rule.further,
        "premises": [{"statement": one.statement, "concerns": list(one.concerns)} for one in rule.premises],
    }


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
    parameters = dict(parameters_of(target) or {})
    if entry.kind == "regulariser":
        parameters.pop("domain", None)  # the model gives it
    return [_described(parameter) for parameter in parameters.values()], ""


def _configuration_keys(registry: Registry, entry: Entry) -> list[dict[str, Any]]:
    """What a configuration may set beside the parameters, such as the weight of a regulariser."""
    if entry.kind not in ("regulariser", "solver") or registry.missing(entry):
        return []
    from ..experiments.methods import configuration_keys  # imports torch

    return [_described(key) for key in configuration_keys(entry.kind).values()]


def _described(parameter: inspect.Parameter) -> dict[str, Any]:
    is_open = parameter.kind is parameter.VAR_KEYWORD
    return {
        "name": str(parameter) if is_open else parameter.name,
        "type": _annotation(parameter.annotation),
        "required": parameter.default is parameter.empty and not is_open,
        "default": None if parameter.default is parameter.empty else repr(parameter.default),
    }


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _device_type(registry: Registry, device: str) -> str:
    name, _, index = device.strip().casefold().partition(":")
    known = dict.fromkeys([*_DEVICES, *(one for entry in registry.entries() for one in entry.spec.devices)])
    if name not in known or (":" in device and not index.isdecimal()):
        raise ConfigError(f"--device: name is {device!r}, expected {', '.join(known)}, or cuda:0. Choose one of them.")
    return name


def _property(name: str) -> str:
    folded = name.strip().casefold().replace("-", "_")
    if folded in PROPERTIES:
        return folded
    near = difflib.get_close_matches(folded, PROPERTIES, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Run 'invkit list claims' to see them."
    raise ConfigError(f"--claim: property is {name!r}, expected a known one. {hint}")
