"""What the algebra says of groups, of random expressions, against dense matrices and the values of functionals."""

from __future__ import annotations

import functools
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.derivations.symmetry import (
    MOTIONS,
    SYMMETRIES,
    Diagonal,
    Monomial,
    Moved,
    Phase,
    contained,
    keeps_blocks,
    keeps_groups,
    largest,
    motions,
)
from invkit.functionals import (
    L1,
    L2,
    Ball,
    Box,
    GroupL1,
    Huber,
    LInfinity,
    NuclearNorm,
    Simplex,
    SmoothedNorm,
    SquaredL2,
    WeightedL1,
    Zero,
    h1,
    huber_tv,
    least_squares,
    tgv,
    total_variation,
    vector_tv,
)
from invkit.functionals.conjugate import ScaledConjugate
from invkit.functionals.on_part import OnPart
from invkit.operators import (
    Adjoint,
    Blur,
    Downsampling,
    Exp,
    FiniteDifference,
    Fourier,
    FromFunction,
    Identity,
    Interval,
    Linearisation,
    Normal,
    Operator,
    Restriction,
    Shift,
    Softplus,
    Space,
    group,
    inpainting,
    materialise,
    stack,
)
from invkit.operators import Diagonal as Weights

SHAPES = ((4, 4), (3, 3), (3, 4))
EVEN = torch.tensor([[0.1, 0.2, 0.1], [0.2, 0.5, 0.2], [0.1, 0.2, 0.1]], dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator(seed))


def elements(name: str, shape: tuple[int, ...]):
    """All of a small group, some of a large one."""
    this = group(name)
    if this.order(shape) <= 16:
        return this.elements(shape)
    return tuple(this.sample(shape, generator=generator(seed)) for seed in range(4))


def moves(g, space: Space) -> torch.Tensor:
    """The matrix of g on tensors of a space."""
    units = torch.eye(space.size, dtype=space.dtype).reshape(-1, *space.shape)
    return torch.stack([g.act(unit).flatten() for unit in units], dim=1)


def canonical(rows: torch.Tensor) -> list[tuple[complex, ...]]:
    """Rows up to a factor of modulus 1: the first entry that is not small is made positive."""
    found = []
    for row in rows:
        big = (row.abs() > 1e-9 * (1 + rows.abs().max())).nonzero()
        phase = row[big[0]] / row[big[0]].abs() if len(big) else 1.0
        found.append(tuple((row / phase).to(torch.complex128).numpy().round(8).tolist()))
    return [tuple(z + 0 for z in row) for row in found]  # no negative zeros


def confirm(operator, name: str) -> None:
    """What ``carried`` says of one group, row by row of the dense matrix."""
    space, dims = operator.domain, len(operator.domain.shape) - 1
    carried = operator.carried(Moved(name, 1, dims))
    if carried is None:
        return
    a = materialise(operator)
    for g in elements(name, space.shape[1:]):
        moved = a @ moves(g, space)
        if isinstance(carried, Moved):
            assert carried == Moved(name, len(operator.codomain.shape) - dims, dims)
            torch.testing.assert_close(moved, moves(g, operator.codomain) @ a, atol=1e-10, rtol=1e-10)
        elif isinstance(carried, Diagonal):
            for before, after in zip(canonical(a), canonical(moved), strict=True):
                assert torch.allclose(torch.tensor(before), torch.tensor(after), atol=1e-7)
        else:
            assert isinstance(carried, Monomial)
            assert near(Counter(canonical(a)), Counter(canonical(moved)))


def near(a: Counter, b: Counter) -> bool:
    """The same rows as often, up to the rounding of the last digit."""
    left = list(b.elements())
    for row in a.elements():
        wanted = torch.tensor(row)
        match = next((other for other in left if torch.allclose(torch.tensor(other), wanted, atol=1e-6)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def leaves(shape: tuple[int, ...]) -> list:
    """Operators of images of that shape to themselves."""
    upright = torch.tensor([[1.0], [2.0], [1.0]], dtype=torch.float64)
    centred = torch.zeros(shape, dtype=torch.float64)
    centred[1:-1, 1:-1] = 1
    found = [
        Identity(shape, 1, torch.float64),
        inpainting(centred),
        inpainting(randn(*shape).abs().clamp(max=1)),
        Weights(torch.tensor(-1.5, dtype=torch.float64), (1, *shape)),
        FiniteDifference(shape, boundary="periodic", dtype=torch.float64).normal(),
        FiniteDifference(shape, dtype=torch.float64, spacing=(1.0, 2.0)).normal(),
    ]
    for boundary in ("periodic", "zero"):
        kernels = (EVEN, upright, randn(2, 3), torch.ones(2, 2, dtype=torch.float64))
        found += [Blur(kernel, shape, boundary=boundary) for kernel in kernels]
    return found


@st.composite
def expressions(draw, depth: int = 3):
    """A random operator of images to themselves."""
    shape = draw(st.sampled_from(SHAPES))

    def build(depth: int):
        kind = draw(st.sampled_from(("leaf", "leaf", "+", "@", "c", "H", "normal"))) if depth else "leaf"
        if kind == "leaf":
            return draw(st.sampled_from(leaves(shape)))
        if kind == "+":
            return build(depth - 1) + build(depth - 1)
        if kind == "@":
            return build(depth - 1) @ build(depth - 1)
        if kind == "c":
            return draw(st.sampled_from((-2.0, 0.0, 0.5))) * build(depth - 1)
        return build(depth - 1).H if kind == "H" else build(depth - 1).normal()

    return build(depth)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(expressions())
def test_every_group_that_comes_through_a_random_operator_does(operator) -> None:
    for name in motions(operator.domain.shape[1:]):
        confirm(operator, name)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(expressions(depth=2), st.sampled_from(("neumann", "periodic")))
def test_so_do_those_that_come_through_differences_and_stacks_of_it(operator, boundary: str) -> None:
    shape = operator.domain.shape[1:]
    differences = FiniteDifference(shape, boundary=boundary, dtype=torch.float64)
    for whole in (differences @ operator, stack([operator, differences]), stack([differences @ operator, operator]).H):
        if whole.domain == operator.domain:
            for name in motions(shape):
                confirm(whole, name)


def complex_operators() -> list:
    lines = torch.tensor([1.0, 0.0, 1.0, 1.0]).reshape(1, 4)
    full, sampled = Fourier((4, 4), dtype=torch.complex128), Fourier((4, 4), lines, dtype=torch.complex128)
    half = Restriction(sampled.codomain, 2, torch.tensor([0, 2]))
    differences = FiniteDifference((4, 4), boundary="periodic", dtype=torch.complex128)
    return [full, sampled, half @ sampled, sampled.normal(), full.H @ full, differences, differences @ sampled.normal(),
            stack([sampled, half @ full]), 1j * sampled, sampled + full]  # fmt: skip


@pytest.mark.parametrize("operator", complex_operators(), ids=repr)
def test_a_shift_is_a_phase_of_each_frequency(operator) -> None:
    for name in motions(operator.domain.shape[1:]):
        confirm(operator, name)


OTHERS = [
    Downsampling((4, 4), dtype=torch.float64),
    Downsampling((4, 6), (2, 3), dtype=torch.float64),
    Downsampling((4, 4), (2, 1), dtype=torch.float64),
    Downsampling((4, 4), method="decimate", dtype=torch.float64),
    Blur(torch.ones(3, 3, dtype=torch.float64), (5, 5), boundary="valid"),
    Blur(torch.ones(2, 2, dtype=torch.float64), (5, 5), boundary="valid"),
    Blur(torch.ones(1, 3, dtype=torch.float64), (5, 5), boundary="valid"),
    Blur(randn(3, 3), (5, 5), boundary="valid"),
    Blur(torch.ones(4, 4, dtype=torch.float64), (4, 4)),
    FiniteDifference((3, 2, 2), dtype=torch.float64),
    FiniteDifference((2, 2, 2), boundary="periodic", dtype=torch.float64, spacing=(2.0, 1.0, 1.0)),
    FiniteDifference((1, 4), boundary="periodic", dtype=torch.float64),
    FiniteDifference((5,), dtype=torch.float64),
    Restriction(Space((3, 2, 2), torch.float64), 0, torch.tensor([2, 0])),
    Restriction(Space((1, 4, 4), torch.float64), 1, torch.tensor([0, 3])),
]


@pytest.mark.parametrize("operator", OTHERS, ids=repr)
def test_what_comes_through_a_single_operator_does(operator) -> None:
    for name in motions(operator.domain.shape[1:]):
        confirm(operator, name)


def test_the_groups_are_those_that_one_expects() -> None:
    even, odd = torch.ones(3, 3) / 9, torch.ones(2, 2) / 4
    assert Identity((4, 4)).equivariances() == ("permutations",)
    assert Blur(even, (6, 6)).equivariances() == ("D4", "translations")
    assert Blur(even, (6, 5)).equivariances() == ("flips", "translations")
    assert Blur(even, (6, 6), boundary="zero").equivariances() == ("D4",)
    assert Blur(odd, (6, 6)).equivariances() == ("translations",)
    assert Blur(randn(3, 3), (6, 6), boundary="zero").equivariances() == ()
    assert FiniteDifference((4, 4), boundary="periodic").equivariances() == ("translations",)
    assert FiniteDifference((4, 4)).equivariances() == ()
    assert FiniteDifference((4, 4)).normal().equivariances() == ("D4",)
    assert Downsampling((4, 4)).equivariances() == ("D4",)
    assert Downsampling((4, 4), method="decimate").equivariances() == ()
    assert Fourier((4, 4), torch.eye(4)).normal().equivariances() == ("translations",)
    assert Exp(Space((1, 4, 4))).equivariances() == ("permutations",)


def test_nonlinear_maps_pass_on_what_their_parts_do() -> None:
    blur = Blur(torch.ones(3, 3, dtype=torch.float64), (4, 4))
    space, mask = blur.codomain, inpainting(randn(4, 4).abs().clamp(max=1))
    cases = {
        Softplus(space) @ blur: ("D4", "translations"),
        Softplus(space) @ blur + Exp(space): ("D4", "translations"),
        2.0 * Softplus(space): ("permutations",),
        Softplus(space) @ mask: (),
        Softplus(space) @ blur + mask: (),
        Softplus(FiniteDifference((4, 4), dtype=torch.float64).codomain)
        @ FiniteDifference((4, 4), dtype=torch.float64): (),
    }
    for operator, groups in cases.items():
        assert operator.equivariances() == groups
        x = randn(1, 1, 4, 4)
        for name in groups:
            for g in elements(name, (4, 4)):
                torch.testing.assert_close(operator(g.act(x)), g.act(operator(x)), atol=1e-12, rtol=1e-12)


def functionals(shape: tuple[int, ...]) -> list:
    space = Space((2, *shape), torch.float64)
    weights = randn(2, *shape, seed=5).abs()
    found = [L1(), L2(), SquaredL2(), SquaredL2(weights), GroupL1((0,)), GroupL1((1,)), GroupL1((0, 2)),
             GroupL1((1, 2)), LInfinity(), LInfinity((1,)), LInfinity((2,)), Huber(0.3, (0,)), Zero(), Box(0.0),
             SmoothedNorm(0.3, (1,)),
             Box(weights - 1, weights), Simplex(1.0), Simplex(1.0, (0,)), Simplex(1.0, (2,)), Ball(0.4, (1,)),
             Ball(0.4, None), NuclearNorm((0,), (1, 2)), NuclearNorm((1,), (2,)), NuclearNorm((0, 1), (2,)),
             NuclearNorm((0,), (2,)), WeightedL1(weights), 0.3 * L1() + Box(-1.0, 1.0),
             L1() + WeightedL1(weights)]  # fmt: skip
    for boundary in ("neumann", "periodic"):
        found += [
            h1(space, boundary=boundary),
            h1(space, boundary=boundary, spacing=(1.0, 2.0)),
            total_variation(space, boundary=boundary),
            total_variation(space, boundary=boundary, isotropic=False),
            vector_tv(space, boundary=boundary),
            huber_tv(space, boundary=boundary, isotropic=False),
            h1(space, boundary=boundary) + 0.5 * L1(),
            h1(space, boundary=boundary) + WeightedL1(weights),
        ]
    identity = Identity(shape, 2, torch.float64)
    found += [least_squares(identity, weights[None]), tgv(space)]
    blur = Blur(torch.ones(3, 3, dtype=torch.float64), shape, 2)
    found += [L1() @ blur, GroupL1((0,)) @ blur, Box(0.0) @ blur, GroupL1((1,)) @ blur, total_variation(space) @ blur,
              L1() @ (Exp(space) @ blur), L1() @ stack([blur, identity])]  # fmt: skip
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_functionals_do_not_change_where_they_say_so(shape: tuple[int, ...]) -> None:
    space, some = Space((2, *shape), torch.float64), 0
    for functional in functionals(shape):
        for name in functional.invariances(space):
            some += 1
            for x in (randn(1, 2, *shape), randn(1, 2, *shape, seed=1).abs(), torch.full((1, 2, *shape), 0.5).double()):
                for g in elements(name, shape):
                    assert torch.allclose(functional(g.act(x)), functional(x), rtol=1e-12, atol=0), (functional, name)
    assert some > 40


@pytest.mark.parametrize("shape", SHAPES)
def test_what_they_do_not_say_of_reflections_and_turns_is_mostly_wrong(shape: tuple[int, ...]) -> None:
    space = Space((2, *shape), torch.float64)
    x = randn(1, 2, *shape)

    def changes(functional, name: str) -> bool:
        values = [float(functional(g.act(x))) for g in elements(name, shape)]
        return max(values) - min(values) > 1e-6 * abs(values[0])

    for functional in (
        total_variation(space),
        vector_tv(space),
        huber_tv(space),
        total_variation(space, boundary="periodic"),
    ):
        for name in set(motions(shape)) & {"flips", "D2", "C2", "C4", "D4"}:
            assert changes(functional, name), (functional, name)
            assert name not in functional.invariances()
    for functional in (h1(space), total_variation(space, isotropic=False), total_variation(space)):
        assert changes(functional, "translations")
    assert changes(NuclearNorm((0,), (2,)), "permutations")
    if shape[0] == shape[1]:
        assert changes(GroupL1((1,)), "C4")
        assert changes(h1(space, spacing=(1.0, 2.0)), "C4")


def test_the_invariances_are_those_that_one_expects() -> None:
    square, oblong = Space((2, 4, 4), torch.float64), Space((2, 4, 3), torch.complex128)
    assert L1().invariances() == GroupL1((0,)).invariances() == Box(0.0).invariances() == ("permutations",)
    assert GroupL1((1,)).invariances() == ("flips", "translations")
    assert L1().invariances(oblong) == ("permutations", "U1")
    assert h1(square).invariances() == total_variation(square, isotropic=False).invariances() == ("D4",)
    assert h1(square, boundary="periodic").invariances() == ("D4", "translations")
    assert h1(oblong).invariances() == ("flips", "U1")
    assert total_variation(oblong).invariances() == ("U1",)
    assert total_variation(square, boundary="periodic").invariances() == ("translations",)
    assert h1(square, spacing=(1.0, 2.0)).invariances() == ("flips",)
    assert h1(Space((1, 3, 4, 4))).invariances() == ("D4", "flips")
    assert SquaredL2(torch.zeros(1, 2, 4, 4)).invariances() == tgv(square).invariances() == ()


def test_conjugates_are_invariant_where_the_functional_is() -> None:
    space = Space((2, 4, 4), torch.float64)
    with_conjugates = (
        *(L1(), L2(), GroupL1((0,)), SquaredL2(), 0.3 * SquaredL2(), Huber(0.3, (1,)), Box(-1.0, 2.0), Simplex(2.0)),
        *(LInfinity((1,)), NuclearNorm((0,), (1, 2)), 0.5 * NuclearNorm((1,), (2,)), Zero()),
    )
    for functional in with_conjugates:
        assert set(functional.invariances(space)) <= set(functional.conjugate.invariances(space)), functional


class Everything(Blur):
    """A convolution that says it commutes with whatever it is asked."""

    def _carried(self, action):
        return action


class SignsOnly(FiniteDifference):
    """Differences that forget that their axes may have different spacings."""

    def _carried(self, action):
        return Monomial()


class PhasesOnly(Fourier):
    """A Fourier transform that takes every motion for a shift."""

    def _carried(self, action):
        return Diagonal()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (Everything(randn(3, 3), (4, 4)), "C4"),
        (Everything(torch.ones(3, 3).double(), (4, 4), boundary="zero"), "translations"),
        (SignsOnly((4, 4), spacing=(1.0, 2.0), dtype=torch.float64), "C4"),
        (SignsOnly((4, 4), dtype=torch.float64), "translations"),
        (PhasesOnly((4, 4), dtype=torch.complex128), "flips"),
        (2.0 * Everything(randn(3, 3), (4, 4)) @ Identity((4, 4), 1, torch.float64), "flips"),
    ],
    ids=repr,
)
def test_an_operator_that_says_too_much_is_seen(wrong, name: str) -> None:
    with pytest.raises(AssertionError, match=r"assert|not close"):
        confirm(wrong, name)


def test_parameters_that_differ_from_pixel_to_pixel_claim_nothing() -> None:
    space = Space((1, 4, 4), torch.float64)
    assert Shift(space, 0.3).equivariances() == ("permutations",)
    assert Shift(space, randn(4, 4)).equivariances() == ()
    assert Box(0.0, randn(1, 4, 4).abs()).invariances() == ()
    assert Box(torch.tensor(0.0)).invariances() == ("permutations",)


def test_a_class_that_says_nothing_claims_nothing() -> None:
    assert Operator._carried(Identity((4, 4)), Moved("C4", 1, 2)) is None
    assert FiniteDifference((4, 4)).carried(Moved("C4", 2, 2)) is None
    assert FiniteDifference((4, 4)).carried(Moved("C4", 1, None)) is None
    assert FiniteDifference((4, 4)).carried(Phase()) is None
    assert FiniteDifference((4, 4), dtype=torch.complex64).carried(Phase()) == Phase()


def test_a_derivative_that_is_linear_over_the_reals_only_carries_no_phase() -> None:
    space = Space((1, 2, 2), torch.complex128)
    power = FromFunction(lambda x: x * x.conj(), space, space)
    derivative = Linearisation(power, torch.ones(1, 1, 2, 2, dtype=torch.complex128), bound=Interval.exact(2.0))
    for operator in (derivative, 2.0 * derivative, Identity((2, 2), 1, torch.complex128) @ derivative):
        assert operator.carried(Phase()) is None
        assert (L1() @ operator).invariances() == ()
    x = torch.randn(1, 1, 2, 2, dtype=torch.complex128, generator=generator())
    assert not torch.allclose(derivative(1j * x).abs(), derivative(x).abs())


def test_every_rule_of_symmetry_derives_a_claim_and_is_named_in_it() -> None:
    space = Space((1, 4, 4), torch.float64)
    blur = Blur(EVEN, (4, 4))
    half = Restriction(Space((2, 4, 4), torch.float64), 0, torch.tensor([1]))
    derived = (
        *(blur @ blur.H, blur + blur, 2.0 * blur, Adjoint(Blur(EVEN, (4, 4))), Normal(blur)),
        *(Softplus(space) @ blur, Softplus(space) + blur, 2.0 * Softplus(space)),
        *(L1() @ blur, L1() + L2(), 2.0 * L1(), L1() @ (Softplus(space) @ blur), OnPart(L1(), half)),
        *((2.0 * Huber(0.1)).conjugate, (2.0 * NuclearNorm((0,), (1,))).conjugate, ScaledConjugate(2.0, L1())),
    )
    seen = set()
    for thing in derived:
        rules = {rule for rule in thing.derivations if rule in SYMMETRIES}
        for claim in thing.claims():
            if claim.property in ("equivariant", "invariant") and rules:
                assert all(rule.statement in claim.evidence and rule.source in claim.source for rule in rules)
                seen |= rules
    assert seen == set(SYMMETRIES)


def test_groups_contain_each_other_as_their_elements_do() -> None:
    for shape in ((3, 3), (2, 2, 2)):
        found = {
            name: {tuple(moves(g, Space((1, *shape))).argmax(1).tolist()) for g in group(name).elements(shape)}
            for name in motions(shape)
            if name != "permutations"
        }
        for name, members in found.items():
            inside = {other for other, theirs in found.items() if other != name and theirs <= members}
            assert contained(name, len(shape)) & set(found) <= inside | {name}
    assert largest(MOTIONS, None) == ("permutations",)
    assert largest(("D4", "flips", "translations"), 2) == ("D4", "translations")
    assert largest(("D4", "flips", "translations"), 3) == ("D4", "flips", "translations")


def test_blocks_of_axes_are_kept_only_by_what_does_not_mix_them() -> None:
    turn, shuffle, flip = (functools.partial(Moved, name) for name in ("C4", "permutations", "flips"))
    assert keeps_blocks(turn(1, 2), (0,))
    assert keeps_blocks(turn(1, 2), (1, 2))
    assert not keeps_blocks(turn(1, 2), (1,))
    assert keeps_blocks(turn(1, 3), (1,))
    assert not keeps_blocks(shuffle(1, 3), (1,))
    assert keeps_blocks(flip(1, None), (1,))
    assert not keeps_blocks(turn(1, None), (1, 2))
    assert not keeps_blocks(Moved("SO3", 1, 3), (0,))
    assert keeps_groups(Monomial(), ())
    assert keeps_groups(Monomial(), None)
    assert not keeps_groups(Monomial(), (0,))
    assert not keeps_groups(Monomial(), (), even=False)
    assert keeps_groups(Diagonal(), (0,))
    assert not keeps_groups(Phase(), (0,), even=False)
