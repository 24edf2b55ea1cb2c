"""``invkit explain``: the guarantees of a configuration, before anything runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..claims import CERTIFIED
from ..experiments import load
from ..experiments.experiment import Guarantee, guarantees
from ..guarantees import Node, missing, require
from ..guarantees.node import NOTE
from ..guarantees.rule import THE_MINIMISER
from .output import ExitCode, write, write_json


def run(
    config: Path,
    *,
    overrides: Sequence[str] = (),
    input_file: Path | None = None,
    as_json: bool = False,
    brief: bool = False,
) -> ExitCode:
    """Print the tree of theorems and premises of each method, and what gives the guarantees that are required.

    brief: a line for each theorem in the place of the tree.

    Raises: after the trees are printed, GuaranteeError if the first method lacks what the configuration requires;
    ConfigError if a method refuses a value.
    """
    settings = load(config, overrides, input_file)
    methods = guarantees(settings)
    tree = methods[0].tree
    if as_json:
        trees = [{"name": method.name, "guarantee": method.tree.as_dict()} for method in methods]
        write_json({"config": str(config), "methods": trees, "missing": missing(tree, settings.require)})
    else:
        shown = (_brief(method) if brief else _whole(method) for method in methods)
        write("\n\n".join((*shown, "\n".join((NOTE, *_required(tree, settings.require))))))
    require(tree, settings.require)
    for method in methods:
        if method.refusal is not None:
            raise method.refusal
    return ExitCode.DONE


def _whole(method: Guarantee) -> str:
    # Whoever reads a file or a pipe wants one statement a line; a terminal would break them anywhere.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return f"{method.name}\n{method.tree.render_text(note=False, width=width)}"


def _brief(method: Guarantee) -> str:
    """The root, a line for each theorem and claim, and below one that fails its failing premises; what to change there
    is left to the tree, unless it is the method that fails."""
    return "\n".join((method.name, _line(method.tree, method.tree.statement), *_children(method.tree)))


def _children(tree: Node) -> Iterator[str]:
    for node in tree.children:
        yield f"  {_line(node, _name(node))}"
        if not node.holds:
            for premise in node.failing:
                if premise is not node:
                    yield f"      {_line(premise, premise.statement)}"
                if premise.remedy and not node.further:
                    yield f"          what to change: {premise.remedy}"


def _line(node: Node, what: str) -> str:
    number = f": {node.shown}" if node.shown else ""
    sign = "+" if node.holds else "-" if node.further else "x"
    basis = "does not hold" if node.basis is None else node.basis.label
    return f"{sign} {what}{number} [{basis}]"


def _name(node: Node) -> str:
    return node.id or node.rule or node.statement


def _required(tree: Node, required: Sequence[str]) -> Iterator[str]:
    """For each required property, what gives it and on which basis."""
    absent = missing(tree, required)
    for name in dict.fromkeys(required):
        given = [node for node in (tree, *tree.children) if node.holds and _gives(node, name)]
        if name in absent or not given:
            yield f"required: {name} - not given"
        else:
            best = max(given, key=lambda node: (not node.part, node.claim.basis))  # type: ignore[union-attr]
            assert best.claim is not None
            of = f", of {best.part}" if best.part else ""
            yield f"required: {name} - given by {_name(best)}{of} [{best.claim.basis.label}]"


def _gives(node: Node, name: str) -> bool:
    known = node.claim is not None and node.claim.property == name and node.claim.basis >= CERTIFIED
    return known and node.part in ("", THE_MINIMISER)
