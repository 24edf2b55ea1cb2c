"""Sphinx configuration. Built by ``nox -s docs``, where every warning is an error."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

with (HERE.parent / "packages" / "core" / "pyproject.toml").open("rb") as file:
    release = tomllib.load(file)["project"]["version"]

project = "invkit"
author = "The invkit authors"
copyright = "2026, The invkit authors"
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "plain_docstrings",
    "generated_pages",
    "outside_names",
    "rule_outputs",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "examples/thirdparty"]  # a package, with a README of its own
nitpicky = True

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True, "no-value": True}
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"invkit {release}"
html_show_sourcelink = False
