"""Which variational reconstructions move with their measurements, against dense minimisers."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from invkit import explain
from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import GroupL1, huber_fit
from invkit.functionals.regularisers import h1, l1, squared_l2, total_variation
from invkit.models import Variational
from invkit.operators import Blur, Downsampling, Fourier, Identity, LinearOperator, group, inpainting, materialise

NAME = "equivariant-reconstruction"
N = 6
EVEN = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], dtype=torch.float64) / 16
LOPSIDED = torch.tensor([[0.0, 0.1, 0.0], [0.0, 0.5, 0.4], [0.0, 0.0, 0.0]], dtype=torch.float64)
CENTRED = torch.zeros(N, N, dtype=torch.float64)
CENTRED[1:-1, 1:-1] = 1


def penalty(space):
    return h1(space, boundary="periodic")


def roughness() -> np.ndarray:
    """D*D of periodic forward differences, by numpy."""
    units = np.eye(N * N).reshape(-1, N, N)
    return sum((2 * units - np.roll(units, 1, a) - np.roll(units, -1, a)).reshape(N * N, N * N) for a in (1, 2))


def broken(operator: LinearOperator, name: str) -> float:
    """How far argmin 0.5 |A x - A g u|^2 + 0.1 h1(x) is from g times that for A u, over some g and one u."""
    a = materialise(operator).numpy()
    inverse = np.linalg.inv(a.conj().T @ a + 0.1 * roughness())
    u = torch.randn(1, 1, N, N, dtype=operator.domain.dtype, generator=torch.Generator().manual_seed(0))

    def found(image: torch.Tensor) -> torch.Tensor:
        x = inverse @ (a.conj().T @ (a @ image.numpy().ravel()))
        return torch.from_numpy(x).reshape(1, 1, N, N)

    moves = [group(name).sample((N, N), generator=torch.Generator().manual_seed(seed)) for seed in range(6)]
    return max(float((found(g.act(u)) - g.act(found(u))).abs().max()) for g in moves)


LINES = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 1.0]).reshape(1, N)

CASES = {
    "even periodic blur": (Blur(EVEN, (N, N)), "D4 + translations"),
    "lopsided periodic blur": (Blur(LOPSIDED, (N, N)), "translations"),
    "even blur, zeros beyond the edge": (Blur(EVEN, (N, N), boundary="zero"), "D4"),
    "even blur, what is known only": (Blur(EVEN, (N, N), boundary="valid"), "D4"),
    "identity": (Identity((N, N), 1, torch.float64), "D4 + translations"),
    "mask that the group leaves alone": (inpainting(CENTRED), "D4"),
    "half the pixels": (Downsampling((N, N), dtype=torch.float64), "D4"),
    "sampled frequencies": (Fourier((N, N), LINES, dtype=torch.complex128), "translations"),
    "all frequencies": (Fourier((N, N), dtype=torch.complex128), "D4 + translations"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_names_the_groups_with_which_dense_minimisers_move(case: str) -> None:
    operator, name = CASES[case]
    node = explain(Variational(penalty, 0.1), operator).theorem(NAME)
    assert node.holds
    assert node.basis is BY_CONSTRUCTION
    assert node.claim is not None
    assert node.claim.params["group"] == name
    assert broken(operator, name) < 1e-10
    if "translations" not in name:
        assert broken(operator, "translations") > 1e-3
    if "D4" not in name:
        assert broken(operator, "D4") > 1e-3


def test_with_a_mask_only_the_proximal_map_is_equivariant() -> None:
    mask = inpainting(torch.ones(N, N, dtype=torch.float64).tril())
    tree = explain(Variational(penalty, 0.1), mask)
    node = tree.theorem(NAME)
    assert not node.holds
    (failing,) = node.failing
    assert failing.statement.startswith("A = Diagonal")
    assert "only the proximal map" in failing.remedy
    assert tree.theorem("invariant-functional-equivariant-prox").holds
    assert tree.holds  # a further property: the method converges all the same
    assert min(broken(mask, "D4"), broken(mask, "translations")) > 1e-3


def test_what_is_not_invariant_is_named_first() -> None:
    node = explain(Variational(total_variation, 0.1), Blur(EVEN, (N, N))).theorem(NAME)
    assert not node.holds
    assert node.failing[0].statement.startswith("J = ")
    weighted = Variational(lambda s: l1(s) + GroupL1((1,)), 0.1)
    assert explain(weighted, Identity((N, N))).theorem(NAME).claim.params["group"] == "flips + translations"


@pytest.mark.parametrize(
    ("fidelity", "operator", "group"),
    [
        ("least-squares", CASES["sampled frequencies"][0], "translations"),
        ("l1", CASES["sampled frequencies"][0], "translations"),
        ("l1", Blur(EVEN, (N, N)), "D4 + translations"),
        ("kullback-leibler", Blur(EVEN, (N, N)), "D4 + translations"),
    ],
)
def test_the_data_fidelity_must_not_mind_either(fidelity: str, operator: LinearOperator, group: str) -> None:
    node = explain(Variational(penalty, 0.1, data_fidelity=fidelity), operator).theorem(NAME)
    assert node.claim is not None
    assert node.claim.params["group"] == group


def test_a_data_fidelity_that_is_not_known_may_be_anything() -> None:
    model = Variational(penalty, 0.1, data_fidelity=functools.partial(huber_fit, delta=0.1))
    node = explain(model, Identity((N, N), 1, torch.float64)).theorem(NAME)
    assert not node.holds
    assert "data fidelity" in node.failing[0].statement


def test_one_minimiser_or_a_set_of_them() -> None:
    unique = explain(Variational(squared_l2, 0.1), Blur(EVEN, (N, N))).theorem(NAME)
    assert unique.statement.startswith("the minimiser of")
    several = explain(Variational(penalty, 0.0), inpainting(CENTRED)).theorem(NAME)
    assert several.statement.startswith("the set of minimisers")
    nothing = explain(Variational(None, nonnegative=True), Blur(LOPSIDED, (N, N))).theorem(NAME)
    assert nothing.claim.params["group"] == "translations"


class Theirs(Variational):
    """A class of another package, which may do anything."""


def test_it_speaks_of_the_model_itself_only_and_no_stronger_than_its_calls() -> None:
    assert NAME not in {node.rule for node in explain(Theirs(penalty), Identity((N, N))).walk()}
    model = Variational(penalty)
    model.forward = lambda y, operator: y.flip(-1)
    assert explain(model, Identity((N, N))).theorem(NAME).basis is ASSUMED
