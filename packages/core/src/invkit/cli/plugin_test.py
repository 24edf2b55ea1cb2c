"""``invkit plugins test``: the whole suite of one plugin, without pytest."""

from __future__ import annotations

from tqdm.auto import tqdm

from ..plugins import get_registry
from ..testing import Report
from ..testing.items import find_status, items_of_plugin
from .check import code_of
from .output import ExitCode, complain, is_watched, write, write_json


def run(
    name: str, *, device: str | None = None, dtype: str | None = None, as_json: bool = False, seed: int = 0
) -> ExitCode:
    """Ask everything; ``UNHEALTHY`` if the plugin cannot be used, ``REFUTED`` if an answer is bad.

    ``FAILED`` if nothing is wrong but that checks of other plugins raised.

    Raises: UnknownNameError if it is not installed; ConfigError if it is switched off; MissingDependencyError if what
    it needs is not installed.
    """
    registry = get_registry()
    status = find_status(registry, name)
    described = {"plugin": status.name, "state": status.state.value, "reason": status.reason, "seed": seed}
    if not status.state.is_healthy:
        if as_json:
            write_json({**described, **Report(()).as_dict(), "passed": False})
        complain(f"plugin {status.name}: state is {status.state}, expected ok. {status.reason}")
        return ExitCode.UNHEALTHY
    items = items_of_plugin(registry, name, device=device, dtype=dtype, seed=seed)
    watched = tqdm(items, desc="test", unit="check", leave=False, disable=not is_watched())
    report = Report(tuple(item.run() for item in watched))
    if as_json:
        write_json({**described, **report.as_dict()})
    else:
        write(str(report))
    return code_of(report)
