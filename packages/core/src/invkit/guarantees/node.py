"""Node: one statement of a guarantee tree, with its number, its basis, and what it rests on."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..claims import Basis, Claim
from ..derivations.numbers import at_least, at_most
from ..errors import UnknownNameError

#: Version of the layout of ``Node.as_dict``. It changes when a key is removed or changes its meaning.
SCHEMA_VERSION = 1

#: What every tree speaks of, said once below it.
NOTE = "The theorems are statements in exact arithmetic; the bounds of norms include rounding."


@dataclass(frozen=True, kw_only=True)
class Node:
    """A conclusion above the premises it rests on, or a premise.

    statement: what is said.   holds: whether it does.   basis: how strongly it is known; None where it does not hold.
    claim: what it amounts to in the vocabulary of claims.   value, bound: the number and what it is compared with.
    lower: whether the number of a conclusion is a lower bound; any other is an upper bound or a setting.
    how: where the number comes from.   formula, source: of the theorem.   remedy: what to change where it fails.
    error: why a rule could not be evaluated.   children: what it rests on.
    rule, concludes: of a theorem's node, its name and the property that it concludes.
    id: ``plugin/name`` of the rule, which says whose it is; empty for one that was passed by hand.
    part: what the claim is about where that is not the whole method.   further: a property beside convergence.
    """

    statement: str
    holds: bool
    basis: Basis | None = None
    claim: Claim | None = None
    value: float | None = None
    bound: float | None = None
    lower: bool = False
    how: str = ""
    formula: str = ""
    source: str = ""
    remedy: str = ""
    error: str = ""
    rule: str = ""
    id: str = ""
    concludes: str = ""
    part: str = ""
    further: bool = False
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and everything below it, top down."""
        yield self
        for child in self.children:
            yield from child.walk()

    def theorem(self, name: str) -> Node:
        """The first node below that is of the theorem of that name or id: ``"fista-rate"``, ``"core/fista-rate"``.

        Raises: UnknownNameError if no such rule spoke of this method, naming those that did.
        """
        spoke = [node for node in self.walk() if node.rule]
        for node in spoke:
            if name in (node.rule, node.id):
                return node
        names = dict.fromkeys(node.rule for node in spoke)
        raise UnknownNameError(
            f"{self.statement}: theorem is {name!r}, expected one that speaks of this: {', '.join(names) or 'none'}. "
            "Run 'invkit list rule' for all."
        )

    @property
    def failing(self) -> tuple[Node, ...]:
        """The deepest nodes below that do not hold: the premises to look at."""
        return tuple(node for node in self.walk() if not node.holds and all(c.holds for c in node.children))

    def __str__(self) -> str:
        return self.render_text()

    @property
    def shown(self) -> str:
        """The number and what it is compared with, with as many digits as tell them apart.

        The number of a conclusion is a bound, and rounded to the side on which it holds.
        """
        if self.value is None:
            return ""
        if self.claim is not None and self.bound is None:
            return at_least(self.value) if self.lower else at_most(self.value)
        other = 1.0 if self.bound is None else self.bound
        digits = 6 if self.value == other or f"{self.value:.6g}" != f"{other:.6g}" else 15
        value = f"{self.value:.{digits}g}"
        return value if self.bound is None else f"{value} against {self.bound:.{digits}g}"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, with ``schema_version`` and ``note`` at the top; None for a number that JSON has no word for."""
        return {"schema_version": SCHEMA_VERSION, "note": NOTE, **self._as_dict()}

    def _as_dict(self) -> dict[str, Any]:
        return {
            "statement": self.statement,
            "holds": self.holds,
            "basis": None if self.basis is None else self.basis.label,
            "claim": None if self.claim is None else self.claim.as_dict(),
            "value": _finite(self.value),
            "bound": _finite(self.bound),
            "shown": self.shown,
            "how": self.how,
            "formula": self.formula,
            "source": self.source,
            "remedy": self.remedy,
            "error": self.error,
            "rule": self.rule,
            "id": self.id,
            "part": self.part,
            "further": self.further,
            "children": [child._as_dict() for child in self.children],
        }

    def render_text(self, *, note: bool = True, width: int | None = None) -> str:
        """The tree as indented lines, and a last one that says in which arithmetic it holds.

        width: break lines that are longer, further in than they began; None breaks none.
        """
        lines = (*self._lines(0), *((NOTE,) if note else ()))
        return "\n".join(lines if width is None else (_broken(line, width) for line in lines))

    def _lines(self, depth: int) -> Iterator[str]:
        margin = "  " * depth
        if self.further and not self.holds and not self.error:
            yield f"{margin}- {self._in_one_line()}"
            return
        yield f"{margin}{'+' if self.holds else 'x'} {self.statement}{self._tail()}"
        details = [
            self.formula,
            "; ".join(filter(None, (self.id if self.rule else "", f"source: {self.source}" if self.source else ""))),
            f"what to change: {self.remedy}" if self.remedy and not self.holds else "",
            f"not evaluated: {self.error}" if self.error else "",
        ]
        for detail in filter(None, details):
            yield f"{margin}    {detail}"
        for child in self.children:
            yield from child._lines(depth + 1)

    def _in_one_line(self) -> str:
        """A further property that does not hold: every premise that fails and what to change."""
        lacking = dict.fromkeys(f"{node.statement}{node._tail()}" for node in self.failing)
        remedies = dict.fromkeys(node.remedy for node in self.failing if node.remedy)
        name = f" ({self.id})" if self.id else ""
        why = f"because {'this does' if len(lacking) == 1 else 'these do'} not hold: {'; '.join(lacking)}"
        remedy = f"; to have it: {'; '.join(remedies)}" if remedies else ""
        return f"not given{name}: {self.statement}, {why}{remedy}"

    def _tail(self) -> str:
        numbers = f": {self.shown}" if self.shown else ""
        how = f" ({self.how})" if self.how else ""
        basis = f" [{self.basis.label}]" if self.basis is not None else " [does not hold]"
        return f"{numbers}{how}{basis}"


def _broken(line: str, width: int) -> str:
    """The line in several of that width, those after the first indented by four more."""
    margin = " " * (len(line) - len(line.lstrip()) + 4)
    whole = textwrap.TextWrapper(
        width=max(width, len(margin) + 40), subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )
    return whole.fill(line)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
