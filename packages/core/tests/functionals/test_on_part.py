from __future__ import annotations

import pytest
import torch

from invkit.errors import ShapeError
from invkit.functionals import L1, Box, SquaredL2, lifted, tgv
from invkit.functionals.on_part import OnPart
from invkit.operators import Restriction, Space
from invkit.solvers import PDHG

SPACE = Space((3, 2, 2), torch.float64)
RESTRICTION = Restriction(SPACE, 0, torch.tensor([0, 2]))


def test_the_proximal_map_is_that_of_the_part_and_leaves_the_rest(draw) -> None:
    v = draw((2, 3, 2, 2))
    part = torch.stack((v[:, 0], v[:, 2]), 1)
    for g, want in (
        (L1(), part.sign() * (part.abs() - 0.7).clamp_min(0)),
        (Box(0.0), part.clamp_min(0)),
        (SquaredL2(part.flip(0)), (part + 0.7 * part.flip(0)) / 1.7),
    ):
        f = OnPart(g, RESTRICTION)
        found = f.prox(v, 0.7)
        torch.testing.assert_close(found[:, [0, 2]], want)
        assert torch.equal(found[:, 1], v[:, 1])
        torch.testing.assert_close(f.value(v), g.value(part))
        torch.testing.assert_close(f.prox(v, torch.tensor([0.7, 0.1]).double())[0], found[0])


def test_the_conjugate_forbids_the_rest(draw) -> None:
    f = OnPart(L1(), RESTRICTION)
    z = 0.3 * draw((2, 3, 2, 2)).clamp(-3, 3)
    assert f.conjugate.value(z).tolist() == [float("inf")] * 2
    z[:, 1] = 0
    assert f.conjugate.value(z).tolist() == [0.0, 0.0]
    # Moreau: v = prox_f(v) + prox_{f*}(v).
    v = draw((2, 3, 2, 2), seed=1)
    torch.testing.assert_close(f.prox(v, 1.0) + f.conjugate.prox(v, 1.0), v)
    assert not torch.allclose(f.prox(v, 1.0) + f.prox(v, 1.0), v)
    torch.testing.assert_close(f.conjugate.conjugate.value(v), f.value(v))
    with pytest.raises(ShapeError, match="expected"):
        f.value(v[:, :2])


def test_an_indicator_stays_the_proximable_term_of_a_lifted_objective(draw) -> None:
    f = tgv(Space((1, 4, 3), torch.float64))
    joint, _ = lifted(f + Box(0.0))
    problem = PDHG().prepare(SquaredL2(draw((2, 1, 4, 3))) + f + Box(0.0))
    assert repr(problem.proximable) == "Box(0, inf) @ Restriction"
    assert len(problem.blocks) == 3
    u = draw((2, 3, 4, 3))
    assert bool((problem.proximable.prox(u, 1.0)[:, :1] >= 0).all())
    assert joint.domain == problem.objective.domain


def test_a_part_alone_is_not_strongly_convex() -> None:
    part = OnPart(SquaredL2(), Restriction(Space((3,)), 0, torch.tensor([0, 2])))
    x = torch.tensor([[0.0, 1.0, 0.0]])
    assert part.convexity() == 0.0
    assert part.value(x).item() == 0.0  # (m/2) |x|^2 would be more
