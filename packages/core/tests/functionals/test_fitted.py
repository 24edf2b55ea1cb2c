"""Tensors that a functional was built from: in the precision of the images, and for as many images."""

from __future__ import annotations

import pytest
import torch

from invkit.errors import ShapeError
from invkit.functionals import L1, Differentiable, Huber, KullbackLeibler, SmoothKullbackLeibler, SquaredL2, translate
from invkit.functionals.algebra import scale
from invkit.functionals.base import Functional
from invkit.functionals.weighted_squared_l2 import WeightedSquaredL2
from invkit.operators import Dense

SHAPE = (2, 5)


def built(batch: int, dtype: torch.dtype) -> dict[str, Functional]:
    """Functionals with data of that batch and precision."""
    generator = torch.Generator().manual_seed(4)
    data = torch.rand((batch, *SHAPE), dtype=torch.float64, generator=generator).to(dtype) + 0.5
    weights = torch.rand(SHAPE, dtype=torch.float64, generator=generator).to(dtype) + 0.5
    return {
        "square": SquaredL2(data),
        "weighted": WeightedSquaredL2(weights, data),
        "weights per image": WeightedSquaredL2(data),
        "counts": KullbackLeibler(data, 0.3),
        "counts and background": KullbackLeibler(data, weights),
        "smooth counts": SmoothKullbackLeibler(data, weights),
        "translated": translate(L1(), data),
        "translated and smooth": translate(Huber(0.3), data),
    }


def calls(f: Functional, x: torch.Tensor):
    """The results of every call, by name."""
    yield "value", f.value(x)
    if isinstance(f, Differentiable):
        yield "gradient", f.gradient(x)
        yield "hessian_vector", f.hessian_vector(x, x)
        if hasattr(f, "_hessian_diagonal"):
            yield "hessian_diagonal", f._hessian_diagonal(x)
    for name, g in (("f", f), ("conjugate", f.conjugate), ("scaled", scale(0.6, f)), ("sc", f.scaled_conjugate(0.6))):
        for tau in (0.7, torch.tensor(0.7, dtype=torch.float64), torch.full((len(x),), 0.7, dtype=torch.float64)):
            yield f"{name}.prox", g.prox(x, tau)
        yield f"{name}.value", g.value(x)


@pytest.mark.parametrize("name", built(1, torch.float64))
def test_parameters_of_double_precision_do_not_widen_the_images(name) -> None:
    x = torch.rand((3, *SHAPE), generator=torch.Generator().manual_seed(5))
    wide, narrow = built(3, torch.float64)[name], built(3, torch.float32)[name]
    for (call, got), (_, want) in zip(calls(wide, x), calls(narrow, x), strict=True):
        assert got.dtype == torch.float32, call
        torch.testing.assert_close(got, want, rtol=2e-5, atol=2e-5, equal_nan=True)
    for call, got in calls(narrow, x.double()):  # nor do those of single precision narrow them
        assert got.dtype == torch.float64, call


@pytest.mark.parametrize("images", [0, 1, 2, 4])
@pytest.mark.parametrize("name", built(1, torch.float64))
def test_data_of_another_batch_are_refused_by_every_call(name, images) -> None:
    f, x = built(3, torch.float64)[name], torch.ones((images, *SHAPE), dtype=torch.float64)
    refused = pytest.raises(ShapeError, match=r"has shape \(3, 2, 5\), expected one that broadcasts to the images")
    for g in (f, f.conjugate, scale(0.6, f), f.scaled_conjugate(0.6)):
        with refused:
            g.value(x)
        with refused:
            g.prox(x, 0.7)
    if isinstance(f, Differentiable):
        with refused:
            f.gradient(x)
    for _, got in calls(built(1, torch.float64)[name], x):  # one serves every batch
        assert len(got) == images


def test_a_fit_says_that_images_and_measurements_are_not_as_many() -> None:
    operator, y = Dense(torch.eye(4)), torch.ones(3, 4)
    for f in (SquaredL2(y) @ operator, translate(L1(), y) @ operator):
        with pytest.raises(
            ShapeError, match=r"has shape \(3, 4\), expected one that broadcasts to the images, \(1, 4\)"
        ):
            f.value(torch.zeros(1, 4))


def test_a_complex_centre_of_real_images_is_refused() -> None:
    with pytest.raises(ShapeError, match="centre has dtype torch.complex64, expected a real one for torch.float32"):
        SquaredL2(torch.ones(1, 3) + 0j).value(torch.ones(1, 3))
