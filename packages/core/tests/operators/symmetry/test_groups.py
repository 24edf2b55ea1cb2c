"""Groups act exactly: pixels change places, and what comes out is what torch's own rotations, flips and rolls give."""

from __future__ import annotations

import itertools

import pytest
import torch

from invkit.errors import ConfigError, ShapeError
from invkit.operators import group
from invkit.operators.symmetry.groups import GROUPS, is_symmetric

GENERATOR = torch.Generator().manual_seed(0)
PLANE = (-2, -1)


def image(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(2, 3, *shape, dtype=dtype, generator=GENERATOR)


def matrix(g, shape: tuple[int, ...]) -> torch.Tensor:
    """The dense matrix of an element on images of that shape."""
    units = torch.eye(torch.Size(shape).numel(), dtype=torch.complex128).reshape(-1, *shape)
    return torch.stack([g.act(unit).flatten() for unit in units], dim=1)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_c4_is_made_of_quarter_turns(n: int) -> None:
    x = image(n, n)
    for k, g in enumerate(group("C4").elements((n, n))):
        assert torch.equal(g.act(x), torch.rot90(x, k, PLANE))


@pytest.mark.parametrize("n", [4, 5])
def test_d4_is_made_of_quarter_turns_and_their_mirror_images(n: int) -> None:
    x = image(n, n)
    turns = [torch.rot90(x, k, PLANE) for k in range(4)]
    wanted = [*turns, *(turn.flip(-1) for turn in turns)]
    got = [g.act(x) for g in group("D4").elements((n, n))]
    assert len(got) == 8
    assert all(sum(torch.equal(a, b) for b in got) == 1 for a in wanted)


@pytest.mark.parametrize("shape", [(4, 5), (3, 3), (6, 1)])
def test_half_turns_and_reflections_act_on_every_size(shape: tuple[int, ...]) -> None:
    x = image(*shape)
    still, half = group("C2").elements(shape)
    assert torch.equal(still.act(x), x)
    assert torch.equal(half.act(x), x.flip(-2, -1))
    wanted = [x, x.flip(-1), x.flip(-2), x.flip(-2, -1)]
    for name in ("D2", "flips"):
        got = [g.act(x) for g in group(name).elements(shape)]
        assert len(got) == 4
        assert all(any(torch.equal(a, b) for b in got) for a in wanted)


def test_translations_are_rolls() -> None:
    x, shape = image(4, 3), (4, 3)
    rolls = [x.roll(shifts, PLANE) for shifts in itertools.product(range(4), range(3))]
    got = [g.act(x) for g in group("translations").elements(shape)]
    assert all(torch.equal(a, b) for a, b in zip(got, rolls, strict=True))


def test_in_space_the_plane_of_the_last_axes_turns_and_flips_take_every_axis() -> None:
    x = image(2, 3, 3)
    assert torch.equal(group("C4").elements((2, 3, 3))[1].act(x), torch.rot90(x, 1, PLANE))
    assert len(group("flips").elements((2, 3, 3))) == 8
    assert torch.equal(group("flips").elements((2, 3, 3))[-1].act(x), x.flip(-3, -2, -1))


@pytest.mark.parametrize(("name", "shape"), [("C4", (3, 3)), ("D4", (2, 2)), ("D2", (2, 3)), ("flips", (2, 3)),
                                             ("translations", (2, 3)), ("permutations", (2, 2))])  # fmt: skip
def test_each_is_a_group_of_unitary_maps(name: str, shape: tuple[int, ...]) -> None:
    found = [matrix(g, shape) for g in group(name).elements(shape)]
    assert len(found) == group(name).order(shape)
    assert torch.equal(found[0], torch.eye(len(found[0]), dtype=found[0].dtype))
    for a, b in itertools.product(found[:8], found[:8]):
        assert torch.equal(a @ a.mH, found[0])
        assert any(torch.equal(a @ b, c) for c in found)


@pytest.mark.parametrize("name", [*GROUPS, "D4 + translations"])
def test_a_sample_is_unitary_and_drawn_from_the_generator(name: str) -> None:
    draw = [group(name).sample((3, 3), generator=torch.Generator().manual_seed(4)) for _ in range(2)]
    x = image(3, 3, dtype=torch.complex128)
    assert torch.equal(draw[0].act(x), draw[1].act(x))
    m = matrix(draw[0], (3, 3))
    torch.testing.assert_close(m @ m.mH, torch.eye(9, dtype=m.dtype))


def test_what_is_generated_contains_what_no_part_does() -> None:
    both, x = group("flips + translations"), image(5, 4)
    found = [both.sample((5, 4), generator=torch.Generator().manual_seed(seed)).act(x) for seed in range(20)]
    parts = [g.act(x) for name in ("flips", "translations") for g in group(name).elements((5, 4))]
    assert any(not any(torch.equal(a, b) for b in parts) for a in found)


def test_acting_changes_neither_the_image_nor_shares_its_memory() -> None:
    x = image(3, 3)
    before = x.clone()
    for name in set(GROUPS) - {"U1"}:
        g = (
            group(name).elements((3, 3))[0]
            if name != "permutations"
            else group(name).sample((3, 3), generator=GENERATOR)
        )
        g.act(x).zero_()
        assert torch.equal(x, before), name


def test_a_quarter_turn_of_what_is_no_square_says_what_to_do() -> None:
    with pytest.raises(ShapeError, match="C4: image_shape is \\(4, 5\\), expected as many pixels"):
        group("C4").elements((4, 5))
    with pytest.raises(ShapeError, match="GridMotion: image has \\(4, 5\\) pixels"):
        group("C4").elements((4, 4))[1].act(image(4, 5))
    with pytest.raises(ShapeError, match="D2: image_shape is \\(7,\\), expected at least two axes"):
        group("D2").elements((7,))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="group: name is 'translation'.*translations"):
        group("translation")
    with pytest.raises(ConfigError, match="Did you mean [CD]4"):
        group("c4")
    with pytest.raises(ConfigError, match="Choose one of"):
        group("monster")


def test_what_is_too_large_or_infinite_is_not_listed() -> None:
    with pytest.raises(ConfigError, match="permutations: there are 2.43e\\+18 elements"):
        group("permutations").elements((4, 5))
    with pytest.raises(ConfigError, match="U1: order is infinite"):
        group("U1").elements((4, 5))
    with pytest.raises(ShapeError, match="expected a complex one"):
        group("U1").sample((3, 3), generator=GENERATOR).act(image(3, 3))
    with pytest.raises(ShapeError, match="image has 6 pixels, expected 9"):
        group("permutations").sample((3, 3), generator=GENERATOR).act(image(2, 3))


def test_weights_are_symmetric_only_if_no_pixel_differs() -> None:
    disc = (torch.linspace(-1, 1, 5)[:, None].square() + torch.linspace(-1, 1, 5).square() < 0.8).double()
    assert all(is_symmetric(disc, name, 2) for name in ("C2", "C4", "D2", "D4", "flips"))
    assert not any(is_symmetric(disc, name, 2) for name in ("translations", "permutations"))
    dented = disc.clone()
    dented[0, 2] += 1e-7
    assert not any(is_symmetric(dented, name, 2) for name in ("C2", "C4", "D4", "flips"))
    lines = torch.tensor([1.0, 0.0, 1.0]).reshape(1, 3)
    assert is_symmetric(lines, "flips", 2)
    assert not is_symmetric(lines, "C4", 2)
    assert all(is_symmetric(torch.tensor(2.0), name, 2) for name in set(GROUPS) - {"U1"})
    assert not is_symmetric(torch.ones(4, 5), "C4", 2)
