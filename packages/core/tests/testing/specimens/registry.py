"""What a specimen is: an object with one mistake that people make, and the check that must catch it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from invkit.functionals import Functional
from invkit.models import Denoiser
from invkit.operators import Space
from invkit.testing import Example

SPACE = Space((1, 5, 4), torch.float64)


@dataclass(frozen=True)
class Specimen:
    """kind: of the object; ``rule`` for a setting that a theorem must refuse.

    make: the object, or an ``Example`` of it; for a rule the wrong setting, a ``theorems.Case``.
    caught_by: the name of the check; for a rule ``rule-name: premise``, the premise in the words of its page.
    honest: the right object beside it, of which nothing may be refuted; for a rule the setting of which it holds.
    """

    kind: str
    what_is_wrong: str
    make: Callable[[], Any]
    caught_by: str
    honest: Callable[[], Any] | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}-{re.sub(r'[^a-z0-9]+', '-', self.what_is_wrong.lower()).strip('-')}"


def of_kind(kind: str) -> Callable[..., Specimen]:
    """A specimen of that kind, from what is wrong, the object, and the check."""

    def wrong(
        what_is_wrong: str, make: Callable[[], Any], caught_by: str, honest: Callable[[], Any] | None = None
    ) -> Specimen:
        return Specimen(kind, what_is_wrong, make, caught_by, honest)

    return wrong


def as_checked(made: Any) -> Any:
    """What a specimen makes, in the form in which it is checked: what takes images of any shape is given some."""
    needs_space = isinstance(made, Functional | Denoiser) and getattr(made, "domain", None) is None
    return Example(subject=made, space=SPACE) if needs_space else made
