"""Linear operators: what is known of c A, A + B, A B, A*, A*A, A* W A, stacks and restrictions.

Norms are intervals; of two bounds that a statement names, the upper one is rounded up and the lower one down.
"""

from __future__ import annotations

from .derivation import Derivation

_KREYSZIG = "Kreyszig (1978), Introductory Functional Analysis with Applications"


def _of(name: str, prop: str, construction: str, statement: str, source: str) -> Derivation:
    return Derivation(
        name=name, of="operator", property=prop, construction=construction, statement=statement, source=source
    )


MULTIPLE_ADJOINT = _of(
    "adjoint-of-a-multiple", "adjoint", "c A", "(c A)* = conj(c) A*", f"{_KREYSZIG}, Theorem 3.9-4 (c)"
)
MULTIPLE_NORM = _of("norm-of-a-multiple", "norm_bound", "c A", "|c A| = |c| |A|", f"{_KREYSZIG}, section 2.7")
MULTIPLE_SELF_ADJOINT = _of(
    "self-adjoint-multiple", "self_adjoint", "c A",
    "a real multiple of a self-adjoint operator is self-adjoint",
    f"{_KREYSZIG}, Theorem 3.9-4 (c): (c A)* = conj(c) A*",
)  # fmt: skip
MULTIPLE_PSD = _of(
    "positive-multiple", "positive_semidefinite", "c A",
    "a positive semidefinite operator times a fixed number c >= 0 is positive semidefinite",
    "<c A x, x> = c <A x, x>",
)  # fmt: skip
MULTIPLE_ISOMETRIC = _of(
    "isometric-multiple", "isometric", "c A", "an isometric operator times a fixed number with |c| = 1 is isometric",
    "|c A x| = |c| |A x|",
)  # fmt: skip
MULTIPLE_UNITARY = _of(
    "unitary-multiple", "unitary", "c A", "a unitary operator times a fixed number with |c| = 1 is unitary",
    "(c A)* (c A) = |c|^2 A*A, and likewise on the other side",
)  # fmt: skip

SUM_ADJOINT = _of("adjoint-of-a-sum", "adjoint", "A + B", "(A + B)* = A* + B*", f"{_KREYSZIG}, Theorem 3.9-4 (b)")
SUM_NORM = _of(
    "norm-of-a-sum", "norm_bound", "A + B", "| |A| - |B| | <= |A + B| <= |A| + |B|",
    f"{_KREYSZIG}, section 2.7: the triangle inequality",
)  # fmt: skip
SUM_SELF_ADJOINT = _of(
    "self-adjoint-sum", "self_adjoint", "A + B", "a sum of self-adjoint operators is self-adjoint",
    f"{_KREYSZIG}, Theorem 3.9-4 (b)",
)  # fmt: skip
SUM_PSD = _of(
    "positive-sum", "positive_semidefinite", "A + B",
    "a sum of positive semidefinite operators is positive semidefinite", "<(A + B) x, x> = <A x, x> + <B x, x>",
)  # fmt: skip

COMPOSITION_ADJOINT = _of(
    "adjoint-of-a-composition", "adjoint", "A B", "(A B)* = B* A*", f"{_KREYSZIG}, Theorem 3.9-4 (g)"
)
COMPOSITION_NORM = _of(
    "norm-of-a-composition", "norm_bound", "A B", "|A B| <= |A| |B|", f"{_KREYSZIG}, section 2.7, eq. (7)"
)
COMPOSITION_NORM_LEFT = _of(
    "norm-behind-an-isometry", "norm_bound", "A B", "|A B| = |A| |B| if A is isometric", "|A B x| = |B x|"
)
COMPOSITION_NORM_RIGHT = _of(
    "norm-before-a-unitary", "norm_bound", "A B", "|A B| = |A| |B| if B is unitary",
    "B maps the unit sphere onto the unit sphere",
)  # fmt: skip
COMPOSITION_ISOMETRIC = _of(
    "composition-of-isometries", "isometric", "A B", "a composition of isometric operators is isometric",
    "|A B x| = |B x| = |x|",
)  # fmt: skip
COMPOSITION_UNITARY = _of(
    "composition-of-unitaries", "unitary", "A B", "a composition of unitary operators is unitary",
    f"{_KREYSZIG}, Theorem 3.10-6 (d)",
)  # fmt: skip

ADJOINT_ADJOINT = _of("adjoint-of-the-adjoint", "adjoint", "A*", "(A*)* = A", f"{_KREYSZIG}, Theorem 3.9-4 (d)")
ADJOINT_NORM = _of("norm-of-the-adjoint", "norm_bound", "A*", "|A*| = |A|", f"{_KREYSZIG}, Theorem 3.9-2")
ADJOINT_SELF_ADJOINT = _of(
    "self-adjoint-adjoint", "self_adjoint", "A*", "the adjoint of a self-adjoint operator is self-adjoint", "A* = A"
)
ADJOINT_PSD = _of(
    "positive-adjoint", "positive_semidefinite", "A*",
    "the adjoint of a positive semidefinite operator is positive semidefinite", "A* = A",
)  # fmt: skip
ADJOINT_ISOMETRIC = _of(
    "isometric-adjoint", "isometric", "A*",
    "the adjoint of a unitary operator is isometric; that of an isometric one need not be",
    f"{_KREYSZIG}, Theorem 3.10-6 (a) and (c)",
)  # fmt: skip
ADJOINT_UNITARY = _of(
    "unitary-adjoint", "unitary", "A*", "the adjoint of a unitary operator is unitary",
    f"{_KREYSZIG}, Theorem 3.10-6 (c)",
)  # fmt: skip

NORMAL_ADJOINT = _of("adjoint-of-the-normal-operator", "adjoint", "A*A", "(A*A)* = A*A", f"{_KREYSZIG}, Theorem 3.9-4")
NORMAL_NORM = _of(
    "norm-of-the-normal-operator", "norm_bound", "A*A", "|A*A| = |A|^2", f"{_KREYSZIG}, Theorem 3.9-4 (e)"
)
NORMAL_SELF_ADJOINT = _of(
    "self-adjoint-normal-operator", "self_adjoint", "A*A", "A*A is self-adjoint",
    f"{_KREYSZIG}, Theorem 3.9-4 (d) and (g)",
)  # fmt: skip
NORMAL_PSD = _of(
    "positive-normal-operator", "positive_semidefinite", "A*A", "A*A is positive semidefinite", "<A*A x, x> = |A x|^2"
)
NORMAL_ISOMETRIC = _of(
    "isometric-normal-operator", "isometric", "A*A", "A*A = id if A is isometric",
    "<A*A x, z> = <A x, A z> = <x, z> by polarisation",
)  # fmt: skip
NORMAL_UNITARY = _of(
    "unitary-normal-operator", "unitary", "A*A", "A*A = id is unitary if A is isometric",
    "<A*A x, z> = <A x, A z> = <x, z> by polarisation",
)  # fmt: skip

WEIGHTED_NORMAL_ADJOINT = _of(
    "adjoint-of-the-weighted-normal-operator", "adjoint", "A* W A", "(A* W A)* = A* W A for real weights",
    f"{_KREYSZIG}, Theorem 3.9-4 (g)",
)  # fmt: skip
WEIGHTED_NORMAL_NORM = _of(
    "norm-of-the-weighted-normal-operator", "norm_bound", "A* W A",
    "min w |A|^2 <= |A* W A| <= max w |A|^2 for weights >= 0; only |A* W A| <= max |w| |A|^2 for others",
    "<A* W A x, x> = sum w |A x|^2",
)  # fmt: skip
WEIGHTED_NORMAL_SELF_ADJOINT = _of(
    "self-adjoint-weighted-normal-operator", "self_adjoint", "A* W A", "A* W A is self-adjoint for real weights",
    f"{_KREYSZIG}, Theorem 3.9-4 (g)",
)  # fmt: skip
WEIGHTED_NORMAL_PSD = _of(
    "positive-weighted-normal-operator", "positive_semidefinite", "A* W A",
    "A* W A is positive semidefinite for weights >= 0", "<A* W A x, x> = sum w |A x|^2",
)  # fmt: skip

STACK_ADJOINT = _of(
    "adjoint-of-a-stack", "adjoint", "(A_1, ..., A_m)", "(A_1, ..., A_m)* y = sum A_i* y_i",
    "<A x, y> = sum <A_i x, y_i>",
)  # fmt: skip
STACK_NORM = _of(
    "norm-of-a-stack", "norm_bound", "(A_1, ..., A_m)", "max |A_i| <= |(A_1, ..., A_m)| <= (sum |A_i|^2)^(1/2)",
    "|A x|^2 = sum |A_i x|^2",
)  # fmt: skip

RESTRICTION_NORM = _of("norm-of-a-restriction", "norm_bound", "R", "|R| = 1, hence |R A| <= |A|", "R R* = id")
RESTRICTION_ISOMETRIC = _of(
    "isometric-restriction", "isometric", "R", "a restriction to all entries is isometric", "it is a permutation"
)
RESTRICTION_UNITARY = _of(
    "unitary-restriction", "unitary", "R", "a restriction to all entries is unitary", "it is a permutation"
)
PROJECTION_NORM = _of(
    "norm-under-a-projection", "norm_bound", "P A", "|P A| <= |A| for an orthogonal projection P",
    f"{_KREYSZIG}, Theorem 9.5-1 and section 2.7, eq. (7)",
)  # fmt: skip

#: Every rule about linear operators.
OPERATORS: tuple[Derivation, ...] = tuple(rule for rule in globals().values() if isinstance(rule, Derivation))
