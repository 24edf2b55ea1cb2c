"""The regulariser that a setting speaks of, and the images on which."""

from __future__ import annotations

from dataclasses import dataclass

from ....claims import ASSUMED, BY_CONSTRUCTION, Basis
from ....functionals.base import Functional
from ....models.denoiser_symmetry import is_one_formula
from ....models.denoisers import ProximalDenoiser, on_a_small_image
from ....models.variational import Variational
from ....operators.space import Space
from ...rule import Setting


@dataclass(frozen=True, eq=False)
class Regulariser:
    """R, the space of its images if known, and how strongly it is known that this is R for them."""

    functional: Functional
    space: Space | None
    basis: Basis = BY_CONSTRUCTION

    @property
    def groups(self) -> tuple[str, ...]:
        """The largest groups of motions under which R is known to be invariant."""
        return tuple(name for name in self.functional.invariances(self.space) if name != "U1")


def regulariser_of(setting: Setting) -> Regulariser | None:
    """R of a functional alone, of a variational model, or of a proximal denoiser whose R is one for all images."""
    subject, operator = setting.subject, setting.operator
    if isinstance(subject, Functional):
        return Regulariser(subject, subject.domain) if setting.solver is None else None
    if type(subject) is Variational and subject.regulariser is not None and operator is not None:
        return Regulariser(subject.regulariser(operator.domain), operator.domain)
    if type(subject) is ProximalDenoiser:
        if operator is not None:
            return Regulariser(subject.regulariser(operator.domain), operator.domain)
        found = on_a_small_image(subject)
        known = BY_CONSTRUCTION if is_one_formula(subject.regulariser) else ASSUMED
        return Regulariser(found, None, known) if found is not None and found.domain is None else None
    return None
