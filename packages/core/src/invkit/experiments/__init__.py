"""Experiments: configurations, runs and their records."""

from __future__ import annotations

from .config import Config, load, parse
from .experiment import Method, Outcome, Prepared, prepare, run
from .record import write_run
from .report import Case, render

__all__ = ["Case", "Config", "Method", "Outcome", "Prepared", "load", "parse", "prepare", "render", "run", "write_run"]
