"""Ratios of times: every candidate in turn, many rounds, the fastest of each; and the records they are kept in."""

from __future__ import annotations

import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent / "records"


def fastest(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of the fastest call of each; interleaved, so that a slow spell of the machine meets all alike."""
    best = dict.fromkeys(candidates, float("inf"))
    for function in candidates.values():
        function()
    for _ in range(rounds):
        for name, function in candidates.items():
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def machine() -> str:
    """The kind of machine, such as ``2-core x86-64 CPU``."""
    return f"{os.cpu_count()}-core {platform.machine().replace('_', '-')} CPU"


def save(name: str, packages: tuple[str, ...], results: Mapping[str, Any]) -> None:
    """Write ``records/<name>.json`` and print it."""
    record = {
        "benchmark": name,
        "command": f"python benchmarks/{name}.py",
        "machine": machine(),
        "threads": 1,
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
        "results": results,
    }
    text = json.dumps(record, indent=2) + "\n"
    RECORDS.mkdir(exist_ok=True)
    (RECORDS / f"{name}.json").write_text(text)
    print(text, end="")
