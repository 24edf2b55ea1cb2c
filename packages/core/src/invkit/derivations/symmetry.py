"""How groups that act on images pass through operators and leave functionals as they are; no torch, only the rules.

An action is a set of unitary maps g of a space. A map F carries it to another one if for every g there is a g' of the
other with F(g x) = g' F(x); a functional f is invariant under it if f(g x) = f(x) for every g.
"""

from __future__ import annotations

from dataclasses import dataclass

from .derivation import Derivation

#: The groups that move pixels, the largest first; ``operators.groups`` says what their elements are.
MOTIONS = ("permutations", "D4", "C4", "flips", "D2", "C2", "translations")

#: What each contains whatever the number of axes; in two dimensions D4 contains the flips too.
_CONTAINS = {
    "permutations": set(MOTIONS) - {"permutations"},
    "D4": {"C4", "D2", "C2"},
    "C4": {"C2"},
    "flips": {"D2", "C2"},
    "D2": {"C2"},
}
#: Those whose motions are a permutation of each axis by itself.
_AXIS_BY_AXIS = {"flips", "D2", "C2", "translations"}


@dataclass(frozen=True)
class Moved:
    """The group moves the pixels, which are the last ``dims`` axes behind ``leading`` others, alike for all of those.

    dims: None if it is not known.
    """

    group: str
    leading: int = 1
    dims: int | None = None


@dataclass(frozen=True)
class Phase:
    """One factor of modulus 1 for the whole of a complex image: the group U1."""


@dataclass(frozen=True)
class Diagonal:
    """A factor of modulus 1 for each entry, whichever they are."""


@dataclass(frozen=True)
class Monomial:
    """Every entry goes to one place, times a factor of modulus 1: a signed permutation where numbers are real."""


Action = Moved | Phase | Diagonal | Monomial


def motions(image_shape: tuple[int, ...] | None) -> tuple[str, ...]:
    """The groups that move the pixels of such images; all, if the shape is not known."""
    if image_shape is None:
        return MOTIONS
    if not image_shape:
        return ()
    names = [name for name in MOTIONS if name not in ("D4", "C4", "D2", "C2")]
    if len(image_shape) >= 2:
        names += ["D2", "C2"]
        if image_shape[-1] == image_shape[-2]:
            names += ["D4", "C4"]
    return tuple(name for name in MOTIONS if name in names)


def largest(names: tuple[str, ...], dims: int | None) -> tuple[str, ...]:
    """Those that no other of them contains, on images of ``dims`` axes."""
    return tuple(name for name in names if not any(name in contained(other, dims) for other in names))


def contained(group: str, dims: int | None) -> set[str]:
    """The names of the groups that a group contains, itself not."""
    found = set(_CONTAINS.get(group, ()))
    return found | {"flips"} if group == "D4" and dims == 2 else found


def keeps_blocks(action: Moved, *blocks: tuple[int, ...]) -> bool:
    """Whether each motion permutes the indices of each block of axes, and of the axes that remain, by themselves."""
    if action.group in _AXIS_BY_AXIS:
        return True
    if action.group not in MOTIONS:
        return False
    named = [{axis for axis in block if axis >= action.leading} for block in blocks]
    if action.dims is None:
        return not any(named)
    last = action.leading + action.dims
    mixed = set(range(action.leading if action.group == "permutations" else last - 2, last))
    return all(not (block & mixed) or mixed <= block for block in named)


def keeps_groups(action: Action, axes: tuple[int, ...] | None, *, even: bool = True) -> bool:
    """Whether it leaves sum_p h(x_i, i in p) as it is, h symmetric in the entries of a group.

    axes: of a group, None for the whole image.   even: h depends on magnitudes only.
    """
    if isinstance(action, Moved):
        return axes is None or keeps_blocks(action, tuple(axes))
    if isinstance(action, Monomial):
        return even and not axes
    return even


def stacked(actions: list[Action | None]) -> Action | None:
    """That of (A_1 x, ..., A_m x), flattened into one axis."""
    if any(action is None for action in actions):
        return None
    if all(isinstance(action, Phase) for action in actions):
        return Phase()
    return Diagonal() if all(isinstance(action, Phase | Diagonal) for action in actions) else Monomial()


def summed(actions: list[Action | None]) -> Action | None:
    """That of a sum: the terms must be carried to the same g', so only actions that name it count."""
    first = actions[0]
    same = all(action == first for action in actions)
    return first if same and isinstance(first, Moved | Phase) else None


_LEMMA = "dissertation, Lemma 2.3.1"


def _of(name: str, prop: str, construction: str, statement: str, source: str) -> Derivation:
    return Derivation(
        name=name, of="symmetry", property=prop, construction=construction, statement=statement, source=source
    )


COMPOSITION_EQUIVARIANT = _of(
    "equivariance-of-a-composition", "equivariant", "F G",
    "where G carries an action to a second one and F that to a third, F G carries the first to the third", _LEMMA,
)  # fmt: skip
SUM_EQUIVARIANT = _of(
    "equivariance-of-a-sum", "equivariant", "F_1 + ... + F_m",
    "where every term carries each g to the same linear g', so does the sum", "linearity of g'",
)  # fmt: skip
MULTIPLE_EQUIVARIANT = _of(
    "equivariance-of-a-multiple", "equivariant", "c F", "c F is equivariant where F is", "linearity of g'"
)
ADJOINT_EQUIVARIANT = _of(
    "equivariance-of-an-adjoint", "equivariant", "A*",
    "where A g = g' A with unitary g and g' for every g of a group, A* g' = g A*", "the adjoint of A g^-1 = g'^-1 A",
)  # fmt: skip
NORMAL_EQUIVARIANT = _of(
    "equivariance-of-a-normal-operator", "equivariant", "A* A",
    "where A g = g' A with unitary g and g', A* A g = g A* A", "g* A* A g = (A g)* (A g) = (g' A)* (g' A) = A* A",
)  # fmt: skip
COMPOSITION_INVARIANT = _of(
    "invariance-of-a-composition", "invariant", "f @ F",
    "where F carries an action to one under which f is invariant, f(F(x)) is invariant under the first",
    "f(F(g x)) = f(g' F(x)) = f(F(x))",
)  # fmt: skip
SUM_INVARIANT = _of(
    "invariance-of-a-sum", "invariant", "f_1 + ... + f_m", "a sum is invariant where every term is", "the definition"
)
MULTIPLE_INVARIANT = _of(
    "invariance-of-a-multiple", "invariant", "c f", "c f is invariant where f is", "the definition"
)
CONJUGATE_INVARIANT = _of(
    "invariance-of-a-conjugate", "invariant", "f*", "where f is invariant under unitary g, so is f*",
    "sup_x Re <x, g z> - f(x) = sup_x Re <g* x, z> - f(g* x)",
)  # fmt: skip

#: What the classes of operators and functionals apply.
SYMMETRIES: tuple[Derivation, ...] = (
    COMPOSITION_EQUIVARIANT,
    SUM_EQUIVARIANT,
    MULTIPLE_EQUIVARIANT,
    ADJOINT_EQUIVARIANT,
    NORMAL_EQUIVARIANT,
    COMPOSITION_INVARIANT,
    SUM_INVARIANT,
    MULTIPLE_INVARIANT,
    CONJUGATE_INVARIANT,
)
