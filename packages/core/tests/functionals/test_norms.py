from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import optimize

from invkit.errors import ConfigError
from invkit.functionals import L1, L2, GroupL1, Proximable, SquaredL2, Zero

CENTRE = torch.randn(1, 2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(9))


@dataclass
class Case:
    """A functional beside its value, and that of its conjugate, as numpy would write them for one image."""

    functional: Proximable
    value: Callable[[np.ndarray], float]
    conjugate: Callable[[np.ndarray], float]


def inside(condition: bool) -> float:
    return 0.0 if condition else np.inf


def pixel_norms(x: np.ndarray) -> np.ndarray:
    return np.sqrt((np.abs(x) ** 2).sum(0))


CASES = {
    "squared": Case(
        SquaredL2(), lambda x: 0.5 * (np.abs(x) ** 2).sum(), lambda z: 0.5 * (np.abs(z) ** 2).sum()
    ),
    "shifted": Case(
        SquaredL2(CENTRE),
        lambda x: 0.5 * (np.abs(x - CENTRE[0].numpy()) ** 2).sum(),
        lambda z: 0.5 * (np.abs(z) ** 2).sum() + (z * CENTRE[0].numpy()).sum().real,
    ),
    "l1": Case(L1(), lambda x: np.abs(x).sum(), lambda z: inside(np.abs(z).max() <= 1 + 1e-14)),
    "group": Case(GroupL1((0,)), lambda x: pixel_norms(x).sum(), lambda z: inside(pixel_norms(z).max() <= 1 + 1e-14)),
    "l2": Case(
        L2(), lambda x: np.linalg.norm(x.ravel()), lambda z: inside(np.linalg.norm(z.ravel()) <= 1 + 1e-14)
    ),
    "zero": Case(Zero(), lambda x: 0.0, lambda z: inside(np.abs(z).max() == 0)),
}  # fmt: skip
DTYPES = [torch.float64, torch.complex128]


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [1.0, 0.3, torch.tensor(2.5, dtype=torch.float64)])
def test_values_are_the_closed_forms(case: Case, dtype, weight, draw) -> None:
    x = draw((3, 2, 3, 2), dtype)
    got = (weight * case.functional).value(x)
    assert got.shape == (3,)
    assert got.dtype is torch.float64
    for i in range(3):
        assert got[i].item() == pytest.approx(float(weight) * case.value(x[i].numpy()), rel=1e-13)
    strided = torch.stack([x, x], -1)[..., 0]
    torch.testing.assert_close((weight * case.functional).value(strided), got, rtol=1e-14, atol=0)
    assert case.functional.value(x[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_conjugates_are_the_closed_forms(case: Case, dtype, weight, draw) -> None:
    for size in (0.0, 0.05, 10.0):
        z = size * draw((2, 2, 3, 2), dtype, 1)
        got = (weight * case.functional).conjugate.value(z)
        for i in range(2):
            assert got[i].item() == pytest.approx(weight * case.conjugate(z[i].numpy() / weight), rel=1e-12)


@pytest.mark.parametrize("weight", [1.0, 0.3])
@pytest.mark.parametrize("tau", [0.2, 3.0])
def test_the_prox_is_scipys_minimiser_started_elsewhere(case: Case, weight, tau, draw) -> None:
    """Nelder and Mead need no gradient; the start is noise that knows nothing of the answer."""
    v = draw((1, 2, 1, 1), torch.float64, 2)
    functional, value = case.functional, case.value
    if functional is CASES["shifted"].functional:
        functional = SquaredL2(CENTRE[:, :, :1, :1])
        centre = CENTRE[0, :, :1, :1].numpy()

        def value(x):
            return 0.5 * ((x - centre) ** 2).sum()

    def target(flat: np.ndarray) -> float:
        x = flat.reshape(2, 1, 1)
        return weight * value(x) + ((x - v[0].numpy()) ** 2).sum() / (2 * tau)

    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 5000, "maxfev": 5000}
    start = np.random.default_rng(3).normal(size=2) + 5
    found = optimize.minimize(target, start, method="Nelder-Mead", options=options)
    got = (weight * functional).prox(v, tau)[0].numpy().ravel()
    np.testing.assert_allclose(got, found.x, atol=2e-6)
    assert target(got) <= found.fun + 1e-12


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_probe_beats_the_prox(case: Case, dtype, draw) -> None:
    v, tau = draw((3, 2, 3, 2), dtype, 4), torch.tensor([0.1, 1.0, 4.0], dtype=torch.float64)
    functional = 0.7 * case.functional
    p = functional.prox(v, tau)

    def target(x):
        return functional.value(x) + (x - v).abs().square().flatten(1).sum(1) / (2 * tau)

    best = target(p)
    for seed in range(40):
        step = 10.0 ** -(seed % 5) * draw(v.shape, dtype, 100 + seed)
        assert (target(p + step) >= best - 1e-12).all()
    # The probes reject a prox that forgets the weight, or tau.
    if not isinstance(functional.functional if hasattr(functional, "functional") else functional, Zero):
        wrong = case.functional.prox(v, 1.0)
        assert any((target(wrong + s * (p - wrong)) < target(wrong) - 1e-9).any() for s in (0.01, 0.1, 0.5))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_moreaus_identity_joins_the_prox_to_that_of_the_conjugate(case: Case, dtype, weight, draw) -> None:
    """prox_{tau f}(v) + tau prox_{f*/tau}(v / tau) = v; the conjugates are checked on their own above."""
    functional = weight * case.functional
    v = draw((3, 2, 3, 2), dtype, 5)
    for tau in (0.2, torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)):
        column = tau.reshape(-1, 1, 1, 1) if isinstance(tau, torch.Tensor) else tau
        back = functional.prox(v, tau) + column * functional.conjugate.prox(v / column, 1 / tau)
        torch.testing.assert_close(back, v, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_fenchel_and_young_with_equality_at_the_prox(case: Case, dtype, draw) -> None:
    functional = 0.3 * case.functional
    x, z = draw((4, 2, 3, 2), dtype, 6), 0.05 * draw((4, 2, 3, 2), dtype, 7)
    product = (x * z.conj()).real.flatten(1).sum(1)
    assert (functional.value(x) + functional.conjugate.value(z) >= product - 1e-12).all()
    p = functional.prox(x, 0.5)
    z = (x - p) / 0.5  # a subgradient at p
    product = (p * z.conj()).real.flatten(1).sum(1)
    total = functional.value(p) + functional.conjugate.value(z.mul(1 - 1e-14))
    torch.testing.assert_close(total, product, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_conjugate_of_the_conjugate_is_the_functional(case: Case, dtype, draw) -> None:
    x = draw((2, 2, 3, 2), dtype)
    functional = 0.3 * case.functional
    torch.testing.assert_close(functional.conjugate.conjugate.value(x), functional.value(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("centre", [None, CENTRE])
def test_gradient_and_hessian_of_the_square_are_those_of_autograd(dtype, centre, draw) -> None:
    for functional in (0.4 * SquaredL2(centre), (0.4 * SquaredL2(centre)).conjugate):
        x, v = draw((2, 2, 3, 2), dtype).requires_grad_(), draw((2, 2, 3, 2), dtype, 1)
        (want,) = torch.autograd.grad(functional.value(x).sum(), x, create_graph=True)
        torch.testing.assert_close(functional.gradient(x), want)
        (product,) = torch.autograd.grad(want, x, v)
        torch.testing.assert_close(functional.hessian_vector(x, v), product)


def test_soft_thresholding_gives_exact_zeros_and_keeps_the_precision() -> None:
    for dtype in (torch.float32, torch.complex64, torch.float64):
        v = torch.randn(2, 2, 40, 40, dtype=dtype, generator=torch.Generator().manual_seed(0))
        for functional in (0.37 * L1(), 0.37 * GroupL1((0,)), torch.tensor(0.37, dtype=torch.float64) * GroupL1((0,))):
            p = functional.prox(v, 1.3)
            assert p.dtype is dtype
            size = v.abs() if functional.functional.axes == () else torch.linalg.vector_norm(v, dim=1, keepdim=True)
            small = (size < 0.37 * 1.3 * (1 - 1e-6)).expand_as(v)
            assert small.any()
            assert (p[small] == 0).all()


def test_per_image_steps_equal_single_ones_and_keep_the_precision(case: Case, draw) -> None:
    v = draw((3, 2, 3, 2), torch.float32)
    if case.functional is CASES["shifted"].functional:
        case = Case(SquaredL2(CENTRE.float()), case.value, case.conjugate)
    taus = torch.tensor([0.1, 1.0, 4.0], dtype=torch.float64)
    for functional in (case.functional, (0.5 * case.functional).conjugate):
        got = functional.prox(v, taus)
        assert got.dtype is torch.float32
        for i in range(3):
            torch.testing.assert_close(got[i : i + 1], functional.prox(v[i : i + 1], float(taus[i])))


def test_gradients_reach_image_weight_tau_and_centre(draw) -> None:
    v, centre = draw((2, 2, 2, 1)).requires_grad_(), draw((2, 2, 2, 1), seed=1).requires_grad_()
    weight, tau = torch.tensor(0.6).double().requires_grad_(), torch.tensor([0.3, 0.8]).double().requires_grad_()
    for functional in (L1(), GroupL1((0,)), L2(), SquaredL2()):
        assert torch.autograd.gradcheck(
            lambda v, w, t, f=functional: ((w * f).prox(v, t), (w * f).conjugate.prox(v, t), (w * f).value(v)),
            (v, weight, tau),
        )
        assert torch.autograd.gradgradcheck(lambda v, w, f=functional: (w * f).prox(v, 0.7), (v, weight))
    assert torch.autograd.gradcheck(lambda v, c: (SquaredL2(c).prox(v, 0.3), SquaredL2(c).value(v)), (v, centre))


def test_derivatives_of_first_and_second_order_are_finite_at_zero() -> None:
    for functional in (L1(), GroupL1((0,)), L2(), L1().conjugate, GroupL1((0,)).conjugate):
        v = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
        p = functional.prox(v, 0.5)
        (first,) = torch.autograd.grad(p.square().sum() + p.sum(), v, create_graph=True)
        assert torch.isfinite(first).all()
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), v)
            assert torch.isfinite(second).all()
        if functional.value(v).requires_grad:
            (gradient,) = torch.autograd.grad(functional.value(v).sum(), v)
            assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("weight", [0.0, torch.tensor(0.0, dtype=torch.float64)])
def test_weight_zero_drops_the_term(case: Case, weight, draw) -> None:
    v = draw((2, 2, 3, 2))
    functional = weight * case.functional
    assert (functional.value(v) == 0).all()
    torch.testing.assert_close(functional.prox(v, 0.5), v)
    torch.testing.assert_close(functional.conjugate.prox(v, 0.5), torch.zeros_like(v))
    assert (functional.conjugate.value(torch.zeros_like(v)) == 0).all()
    assert (functional.conjugate.value(v) == torch.inf).all()


def test_negative_axes_are_refused_because_one_is_the_batch() -> None:
    with pytest.raises(ConfigError, match=r"axes are \(-1,\), expected numbers >= 0"):
        GroupL1((-1,))


@pytest.mark.parametrize("tau", [0.0, -1.0, float("nan")])
def test_steps_that_are_not_positive_are_refused(case: Case, tau: float) -> None:
    with pytest.raises(ConfigError, match="tau is .*, expected a positive number"):
        case.functional.prox(torch.ones(1, 2, 3, 2, dtype=torch.float64), tau)


def test_the_changed_result_never_changes_the_argument(case: Case, draw) -> None:
    v = draw((2, 2, 3, 2))
    before = v.clone()
    case.functional.prox(v, 0.5).zero_()
    case.functional.conjugate.prox(v, 0.5).zero_()
    assert torch.equal(v, before)
