"""What a check needs besides the object: where it works, a measurement, and the answer known from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ..errors import ConfigError
from ..functionals.base import Functional
from ..models.base import Reconstructor
from ..models.denoiser import Denoiser
from ..operators.base import LinearOperator, Operator
from ..operators.space import Space
from ..solvers.base import Solver

#: A distance that no tolerance explains.
_MOST_ACCURACY = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Example:
    """A tiny instance of a registered object, as ``Spec.example`` makes it for a device and a dtype.

    ``Spec.example`` may return several, in a list: odd and even sizes, not square, of several channels. The checks look
    at each.

    name: what is special about this one of several, such as ``odd``.
    subject: the object.
    space: for functionals, denoisers and nonlinear maps, where the images come from; operators say it themselves.
    operator, y: for models, what to reconstruct from what.
    objective: for solvers, the objective as a function of ``y``, so that it can be posed for one image alone.
    expected: the minimiser or reconstruction for ``y``, from a closed form or dense linear algebra in float64; a check
        of a solver fails without it.
    accuracy: the relative distance to ``expected`` that the method's tolerance explains, 0.1 at most.

    Raises: ConfigError if a model comes without operator and y, a solver without objective and y, or the accuracy is
    not above 0 and at most 0.1.
    """

    subject: Any
    name: str = ""
    space: Space | None = None
    operator: LinearOperator | None = None
    y: Tensor | None = None
    objective: Callable[[Tensor], Functional] | None = None
    expected: Tensor | None = None
    accuracy: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.accuracy <= _MOST_ACCURACY:
            raise ConfigError(
                f"Example of {type(self.subject).__name__}: accuracy is {self.accuracy!r}, expected above 0 and at "
                f"most {_MOST_ACCURACY}: beyond, wrong results pass. Let the method run longer on a smaller problem."
            )
        needs: tuple[str, ...] = ()
        if isinstance(self.subject, Reconstructor):
            needs = ("operator", "y")
        elif isinstance(self.subject, Solver):
            needs = ("objective", "y")
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            raise ConfigError(
                f"Example of {type(self.subject).__name__}: {' and '.join(missing)} is None, expected a value. "
                f"Return Example(subject=..., {', '.join(f'{name}=...' for name in needs)})."
            )

    @property
    def domain(self) -> Space:
        """The space of the images that the subject takes.

        Raises: ConfigError if nothing says it.
        """
        found = self.space or getattr(self.subject, "domain", None) or getattr(self.operator, "domain", None)
        if not isinstance(found, Space):
            raise ConfigError(
                f"check of {type(self.subject).__name__}: space is None, expected that of the images it takes. "
                "Call invkit.check(object, space=Space((1, 5, 4))), or give the Example a space."
            )
        return found


def as_examples(made: Any, space: Space | None = None) -> tuple[Example, ...]:
    """What an example callable returned: one or several, bare objects wrapped; several without names are numbered.

    Raises: ConfigError if there is none, or two have one name.
    """
    if not isinstance(made, Sequence):
        return (made if isinstance(made, Example) else Example(subject=made, space=space),)
    several = [one if isinstance(one, Example) else Example(subject=one, space=space) for one in made]
    named = tuple(replace(one, name=one.name or str(i)) for i, one in enumerate(several, 1))
    if not named:
        raise ConfigError("Spec.example: it returned no example, expected at least one. Return Example(subject=...).")
    names = [one.name for one in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"Spec.example: two examples have the name {twice!r}, expected different names. Rename one.")
    return named


def as_example(made: Any, space: Space | None = None) -> Example:
    """The first of ``as_examples``."""
    return as_examples(made, space)[0]


def kind_of(subject: Any) -> str:
    """The kind of a live object, by its type.

    Raises: ConfigError if it is none that can be checked.
    """
    for kind, base in _BASES:
        if isinstance(subject, base):
            return kind
    raise ConfigError(
        f"check: object is {type(subject).__name__}, expected an operator, functional, solver, model or denoiser. "
        "Pass an instance of one, or the id of a registered object."
    )


def problem_of_subject(target: object, subject: object) -> str:
    """What is wrong if a target is a class and its example another object; empty if nothing is."""
    if not isinstance(target, type) or isinstance(subject, target):
        return ""
    return (
        f"the example is a {type(subject).__name__}, the target makes {target.__name__}: nothing of the target would "
        "be measured. Return an instance of the target."
    )


_BASES: tuple[tuple[str, type], ...] = (
    ("operator", Operator),
    ("regulariser", Functional),
    ("solver", Solver),
    ("model", Reconstructor),
    ("denoiser", Denoiser),
)

#: What checks can look at, by the type of the live object.
KINDS = tuple(kind for kind, _ in _BASES)
