"""Links from type annotations: to the one documented object of that name, or none where it is not in the reference.

An annotation says ``Space`` where the reference lists ``invkit.operators.Space``, and ``Tensor`` or an internal class
where nothing here can be linked. A full name that starts with ``invkit`` and does not exist stays an error.
"""

from __future__ import annotations

import pkgutil
from typing import Any

from sphinx.util.nodes import make_refnode


def exists(name: str) -> bool:
    """Whether the dotted name leads to an object."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        return False
    return True


def _resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"].lstrip("~.")
    found = {
        name: entry
        for name, entry in env.get_domain("py").objects.items()
        if name.rpartition(".")[2] == target.rpartition(".")[2] and name.startswith("invkit") and not entry.aliased
    }
    if len(found) == 1:
        ((name, entry),) = found.items()
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)
    return contnode if exists(target) or not target.startswith("invkit") else None


def setup(app: Any) -> dict[str, bool]:
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
