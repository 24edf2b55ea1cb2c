"""What an object has to be: the interface of its kind, and that of the role which it fills."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..functionals.base import Functional
from ..guarantees.theorem_nodes import problem_of_rule
from ..models.base import Reconstructor
from ..models.denoiser import Denoiser
from ..operators.base import LinearOperator, Operator
from ..operators.wavelet import WaveletTransform
from ..plugins import Entry
from ..solvers.base import Solver
from .registered import problem_of_check

#: Kind -> what its example has to be.
KIND: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "operator": (Operator,),
        "regulariser": (Functional,),
        "solver": (Solver,),
        "model": (Reconstructor, Denoiser),
    }
)

#: Role -> what its example has to be; roles that plugins make up among themselves are not known here.
ROLE: Mapping[str, type] = MappingProxyType(
    {
        "denoiser": Denoiser,
        "fourier-sampling": LinearOperator,
        "multi-coil-fourier": LinearOperator,
        "ray-transform": LinearOperator,
        "wavelet-transform": WaveletTransform,
    }
)


def problem_of_target(entry: Entry, target: object) -> str:
    """What is wrong with a loaded target, naming the plugin; empty if nothing is. A rule and a check are the object."""
    if entry.kind == "check":
        return problem_of_check(entry, target)
    if entry.kind == "rule":
        return problem_of_rule(entry, target)
    if entry.kind != "experiment" and not callable(target):
        return (
            f"{entry.id} ({entry.origin}): target is {type(target).__name__}, expected a callable that returns the "
            f"{entry.kind}. Name a class or a function."
        )
    return ""


def problem_of_instance(entry: Entry, subject: Any) -> str:
    """What the example lacks of the interface of its kind or role; empty if nothing."""
    wanted = KIND.get(entry.kind, (object,))
    if not isinstance(subject, wanted):
        return (
            f"example is {type(subject).__name__}, expected {' or '.join(cls.__name__ for cls in wanted)} as every "
            f"{entry.kind}. Derive from it."
        )
    role = ROLE.get(entry.spec.role)
    if role is not None and not isinstance(subject, role):
        return (
            f"example is {type(subject).__name__}, expected a {role.__name__} as every {entry.spec.role!r}. "
            "Derive from it, or drop the role."
        )
    return ""
