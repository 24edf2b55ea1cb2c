"""``invkit list claims``: the properties that an object may claim and a configuration may require."""

from __future__ import annotations

from ..claims import MEANING, PROPERTIES
from .output import ExitCode, table, write, write_json

#: What asks for the vocabulary in the place of a kind of objects.
NAMES = ("claim", "claims", "property", "properties")


def list_properties(*, as_json: bool) -> ExitCode:
    """Print every property, its parameters with their ranges, and its meaning."""
    described = {name: {key: str(allowed) for key, allowed in PROPERTIES[name].items()} for name in PROPERTIES}
    if as_json:
        rows = [
            {"property": name, "parameters": ranges, "meaning": MEANING[name]} for name, ranges in described.items()
        ]
        write_json({"properties": rows})
        return ExitCode.DONE
    cells = [
        (name, ", ".join(f"{key} in {allowed}" for key, allowed in ranges.items()) or "-", MEANING[name])
        for name, ranges in described.items()
    ]
    write(table(("PROPERTY", "PARAMETERS", "MEANING"), cells))
    return ExitCode.DONE
