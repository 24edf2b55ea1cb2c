"""Pages that are written at build time from the packages themselves, so that they cannot drift from them.

``_generated/catalogue.md`` comes from ``invkit list --json``; ``_generated/reference/`` has one page per subpackage;
``_generated/claims/`` has the tables that ``claims.md`` includes.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
GENERATED = DOCS / "_generated"


def read_catalogue() -> list[Mapping[str, Any]]:
    """The registered objects, as the command line lists them. Raises: RuntimeError with the command's own words."""
    code = "import sys; from invkit.cli.app import main; sys.exit(main())"
    # Strict, because a plugin that cannot be used would otherwise be missing from the page in silence.
    done = subprocess.run(
        [sys.executable, "-c", code, "list", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"INVKIT_STRICT_PLUGINS": "1"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"invkit list --json: exit code is {done.returncode}, expected 0. {done.stderr}")
    return json.loads(done.stdout)["objects"]


def cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def catalogue_page(objects: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "# Catalogue"
    yield ""
    yield "What `invkit list` prints where every package of this repository is installed. This page is written from it."
    for kind, group in groupby(sorted(objects, key=lambda o: (o["kind"], o["id"])), key=lambda o: o["kind"]):
        yield f"\n## {kind}\n"
        yield "| id | what it is | role | devices | claims |"
        yield "| --- | --- | --- | --- | --- |"
        for item in group:
            columns = (cell(item.get(name)) for name in ("summary", "role", "devices"))
            claims = [c["property"] if isinstance(c, Mapping) else c for c in item.get("claims") or ()]
            yield " | ".join([f"| `{item['id']}`", *columns, f"{cell(claims)} |"])


def properties_table() -> Iterator[str]:
    """The vocabulary of claims."""
    from invkit.claims import MEANING, PROPERTIES

    yield "| property | parameters | meaning |"
    yield "| --- | --- | --- |"
    for name, parameters in PROPERTIES.items():
        ranges = [f"{key}: {allowed}" for key, allowed in parameters.items()]
        yield f"| `{name}` | {cell(ranges)} | {code(MEANING[name])} |"


def derivations_table() -> Iterator[str]:
    """The rules of the algebra of claims, in one table for each kind of object."""
    from invkit.derivations import DERIVATIONS

    for kind, group in groupby(DERIVATIONS, key=lambda rule: rule.of):
        yield f"\n### {kind}\n"
        yield "| of | property | rule | source |"
        yield "| --- | --- | --- | --- |"
        for rule in group:
            texts = (cell(text).replace("*", "\\*") for text in (rule.statement, rule.source))
            yield " | ".join([f"| {code(rule.construction)}", f"`{rule.property}`", *texts]) + " |"


def code(text: str) -> str:
    """Mathematics as it stands in the code; a bar in a table needs a backslash even there."""
    return "`" + text.replace("|", "\\|") + "`"


def load_specimens() -> tuple[Any, ...]:
    """The wrong specimens of the tests, which lie beside them and belong to no package."""
    folder = DOCS.parent / "packages" / "core" / "tests" / "testing" / "specimens"
    spec = importlib.util.spec_from_file_location(
        "specimens", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{folder}: it cannot be imported, expected the specimens of the checks.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["specimens"] = module
    spec.loader.exec_module(module)
    return tuple(module.SPECIMENS)


def specimens_page(specimens: Iterable[Any]) -> Iterator[str]:
    """A table for each kind of object: what is wrong with a specimen, and what catches it."""
    yield "# Specimens"
    yield ""
    yield "Objects with one mistake that people make. Each check stands beside those that it must refute, and each rule"
    yield "beside settings that it must refuse; the tests run them all, and this page is written from them."
    for kind, group in groupby(specimens, key=lambda one: one.kind):
        several = list(group)
        yield f"\n## {kind}\n"
        caught_by = "the rule, and the premise that fails" if kind == "rule" else "caught by the check"
        yield f"{len(several)} specimens, {len({one.caught_by for one in several})} ways to be caught.\n"
        yield f"| what is wrong | {caught_by} |"
        yield "| --- | --- |"
        for one in several:
            yield f"| {cell(one.what_is_wrong)} | `{cell(one.caught_by)}` |"


def module_names(package: Path) -> list[str]:
    """The public modules of a package folder, the package itself first."""
    names = [package.name]
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if path.name != "__init__.py":
            names.append(".".join(parts))
        elif path.parent != package:
            names.append(".".join(parts[:-1]))
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def has_public_names(package: Path) -> bool:
    """Whether the package's ``__init__.py`` lists its public names in ``__all__``."""
    source = package / "__init__.py"
    tree = ast.parse(source.read_text(encoding="utf-8")) if source.is_file() else ast.Module([], [])
    targets = [t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def reference_page(title: str, names: list[str], package: Path) -> Iterator[str]:
    """The public names of a package under the path from which they are imported, then what each of its files is for."""
    public = has_public_names(package)
    yield from (title, "=" * len(title), "")
    for name in names:
        if name != title:
            yield from (name, "-" * len(name), "")
        yield f".. automodule:: {name}"
        if name != title and public:
            yield from ("   :no-members:", "   :no-index:")
        yield ""


def write(path: Path, lines: Iterator[str] | list[str]) -> None:
    """Write only what changed, so that a second build reads only what changed."""
    text = "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def generate(app: Any) -> None:
    write(GENERATED / "catalogue.md", catalogue_page(read_catalogue()))
    write(GENERATED / "claims" / "properties.txt", properties_table())
    write(GENERATED / "claims" / "derivations.txt", derivations_table())
    write(GENERATED / "specimens.md", specimens_page(sorted(load_specimens(), key=lambda one: one.kind)))
    pages: dict[str, list[str]] = {}
    folders: dict[str, Path] = {}
    for package in sorted(path.parent for path in DOCS.parent.glob("packages/*/src/*/py.typed")):
        for name in module_names(package):
            # core has a page for each subpackage, a plugin has one page.
            parts = name.split(".")
            page = parts[:2] if parts[0] == "invkit" else parts[:1]
            pages.setdefault(".".join(page), []).append(name)
            folders[".".join(page)] = package.parent.joinpath(*page)
    for stale in (GENERATED / "reference").glob("*.rst"):
        if stale.stem not in pages:
            stale.unlink()
    for title, names in pages.items():
        write(GENERATED / "reference" / f"{title}.rst", reference_page(title, names, folders[title]))


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True}
