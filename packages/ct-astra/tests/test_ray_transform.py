from __future__ import annotations

import copy
import logging
import pickle
from dataclasses import replace

import astra
import numpy as np
import pytest
import torch

from invkit.claims import find_claim
from invkit.data.phantoms import Ellipse, ellipse_sinogram, half_width_of, random_ellipses, rasterise
from invkit.errors import ConfigError, MissingDependencyError, ShapeError
from invkit.operators import Dense, absolute_sums, subsets
from invkit.operators.capabilities.gram_diagonal import gram_diagonal
from invkit_ct_astra import ParallelBeam2d, RayTransform, parallel_beam_2d
from invkit_ct_astra.astra_projector import AstraProjector

TINY = ParallelBeam2d.uniform((5, 4), pixel_size=0.7, num_angles=3)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def dense(operator: RayTransform) -> torch.Tensor:
    """The matrix, from unit images through ASTRA itself, not from the stored matrix."""
    reference = RayTransform.from_geometry(operator.geometry, implementation="astra")
    units = torch.eye(operator.domain.size).reshape(-1, *operator.domain.shape)
    return reference.forward(units).flatten(1).T.double()


def exact(ellipses, geometry) -> torch.Tensor:
    angles, positions = torch.tensor(geometry.angles), torch.tensor(geometry.detector_positions)
    return ellipse_sinogram(ellipses, angles, positions, dtype=torch.float32)


# ---- what it computes


def test_the_matrix_is_that_of_unit_images_sent_through_astra(operator) -> None:
    stored = operator.projector.matrix.to_dense().double()
    torch.testing.assert_close(stored, dense(operator), rtol=1e-6, atol=1e-7)


def test_a_disc_has_its_chords_as_line_integrals() -> None:
    """2 sqrt(r^2 - s^2), in the same unit for every pixel size."""
    for pixel in (0.5, 1.0, 2.0):
        operator = parallel_beam_2d(image_shape=(64, 64), pixel_size=pixel, num_angles=8)
        radius = 20 * pixel
        disc = rasterise([Ellipse(1.0, (0.0, 0.0), (radius, radius))], (64, 64), pixel_size=pixel, supersampling=8)
        s = torch.tensor(operator.geometry.detector_positions)
        # Away from the edge, where the pixels' staircase shows.
        inside = s.abs() < 0.8 * radius
        chord = 2 * (radius**2 - s[inside] ** 2).sqrt()
        assert relative(operator(disc)[..., inside], chord.expand(1, 1, 8, -1)) < 0.01


def test_random_ellipses_off_the_middle_have_their_exact_sinogram(geometry, operator, generator) -> None:
    """Their coordinates fix the sense of rotation, the direction of both axes, and the sign of the offset."""
    ellipses = random_ellipses(generator, half_width=half_width_of(geometry.image_shape, geometry.pixel_size))
    image = rasterise(ellipses, geometry.image_shape, pixel_size=geometry.pixel_size, supersampling=8)
    assert relative(operator(image), exact(ellipses, geometry)) < 0.05


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda image, geometry: (image.flip(-2), geometry), id="upside down"),
        pytest.param(lambda image, geometry: (image.flip(-1), geometry), id="left and right"),
        pytest.param(lambda image, geometry: (image.mT.contiguous(), geometry), id="axes exchanged"),
        pytest.param(lambda image, g: (image, replace(g, angles=[-t for t in g.angles])), id="rotation reversed"),
        pytest.param(lambda image, g: (image, replace(g, detector_offset=-g.detector_offset)), id="offset reversed"),
    ],
)
def test_a_wrong_convention_would_be_seen(wrong, generator) -> None:
    geometry = ParallelBeam2d.uniform((24, 24), num_angles=9, detector_offset=2.3)
    ellipses = random_ellipses(generator, half_width=12.0)
    image, other = wrong(rasterise(ellipses, (24, 24), supersampling=8), geometry)
    assert relative(RayTransform.from_geometry(other)(image), exact(ellipses, geometry)) > 0.08


# ---- adjoint, precision, implementations


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_the_adjoint_is_exact_in_float32(geometry, implementation, generator) -> None:
    operator = RayTransform.from_geometry(geometry, implementation=implementation)
    x, y = operator.domain.randn(2, generator=generator), operator.codomain.randn(2, generator=generator)
    forward, adjoint = operator.forward(x), operator.adjoint(y)
    gap = (forward.double() * y).sum() - (x * adjoint.double()).sum()
    assert abs(gap) < 1e-6 * forward.norm() * y.norm()
    # White noise hides a wrong adjoint in the inner product; compared number by number it cannot hide.
    wanted = (dense(operator).T @ y.flatten(1).double().T).T.reshape(adjoint.shape)
    assert relative(adjoint.double(), wanted) < 1e-6


def test_the_adjoint_is_exact_in_float64(geometry, generator) -> None:
    operator = RayTransform.from_geometry(geometry, dtype=torch.float64)
    x, y = operator.domain.randn(2, generator=generator), operator.codomain.randn(2, generator=generator)
    forward, adjoint = operator.forward(x), operator.adjoint(y)
    assert abs((forward * y).sum() - (x * adjoint).sum()) < 1e-12 * forward.norm() * y.norm()
    wanted = (operator.projector.matrix.to_dense().T @ y.flatten(1).T).T.reshape(adjoint.shape)
    assert relative(adjoint, wanted) < 1e-12


def test_an_unmatched_backprojector_fails_the_same_comparison(generator) -> None:
    """Pixel-driven interpolation, as on ASTRA's GPU path: right for smooth images, and not the adjoint."""
    operator = parallel_beam_2d(image_shape=(32, 32), num_angles=10)
    y = operator.codomain.randn(1, generator=generator)
    rows, columns = (torch.arange(32) - 15.5).neg()[:, None], (torch.arange(32) - 15.5)[None]
    unmatched = torch.zeros(32, 32)
    middle = (operator.geometry.num_detectors - 1) / 2
    for theta, view in zip(operator.geometry.angles, y[0, 0], strict=True):
        s = columns * np.cos(theta) + rows * np.sin(theta) + middle
        low = s.floor().long()
        unmatched += view[low] * (1 - s + low) + view[low + 1] * (s - low)
    assert relative(unmatched[None, None], operator.adjoint(y)) > 0.05


def test_the_two_implementations_agree(geometry, operator, generator) -> None:
    reference = RayTransform.from_geometry(geometry, implementation="astra")
    assert (operator.implementation, reference.implementation) == ("matrix", "astra")
    x, y = operator.domain.randn(3, generator=generator), operator.codomain.randn(3, generator=generator)
    assert relative(operator.forward(x), reference.forward(x)) < 1e-6
    assert relative(operator.adjoint(y), reference.adjoint(y)) < 1e-6


def test_float64_uses_the_same_weights(operator) -> None:
    direct = RayTransform.from_geometry(operator.geometry, dtype="float64")
    moved = operator.to(dtype=torch.float64)
    assert moved.domain.dtype == torch.float64
    assert torch.equal(moved.projector.matrix.values(), direct.projector.matrix.values())
    assert torch.equal(moved.projector.transpose.col_indices(), direct.projector.transpose.col_indices())


def test_moving_keeps_the_fast_indices(operator) -> None:
    assert operator.to(dtype=torch.float64).projector.matrix.col_indices().dtype == torch.int32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_numbers_of_the_cpu(operator, generator) -> None:
    there = operator.to("cuda")
    x, y = operator.domain.randn(3, generator=generator), operator.codomain.randn(3, generator=generator)
    assert relative(there.forward(x.cuda()).cpu(), operator.forward(x)) < 1e-6
    assert relative(there.adjoint(y.cuda()).cpu(), operator.adjoint(y)) < 1e-6


# ---- norm


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_the_norm_interval_holds_the_largest_singular_value_within_a_per_cent(geometry, implementation) -> None:
    operator = RayTransform.from_geometry(geometry, implementation=implementation)
    interval = operator.norm()
    value = float(torch.linalg.matrix_norm(dense(operator), 2))
    assert interval.lower <= value <= interval.upper
    assert interval.upper / interval.lower < 1.01
    assert find_claim(operator.claims(), "norm_bound").params["upper"] == interval.upper


def test_rays_beside_the_image_and_pixels_beside_the_detector_do_not_spoil_the_norm() -> None:
    for detectors in (3, 61):
        operator = parallel_beam_2d(image_shape=(12, 13), num_angles=5, num_detectors=detectors)
        value = float(torch.linalg.matrix_norm(dense(operator), 2))
        assert operator.norm().lower <= value <= operator.norm().upper < 1.01 * value


# ---- tensors


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
@pytest.mark.parametrize("batch", [2, 7, 8, 9, 17])
def test_an_image_in_a_batch_gives_what_it_gives_alone(implementation, batch, generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    x, y = operator.domain.randn(batch, generator=generator), operator.codomain.randn(batch, generator=generator)
    for apply, batch_of in ((operator.forward, x), (operator.adjoint, y)):
        alone = torch.cat([apply(image[None]) for image in batch_of])
        torch.testing.assert_close(apply(batch_of), alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_an_empty_batch_stays_empty(implementation) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    assert operator.forward(operator.domain.zeros(0)).shape == (0, *operator.codomain.shape)
    assert operator.adjoint(operator.codomain.zeros(0)).shape == (0, *operator.domain.shape)


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
@pytest.mark.parametrize("batch", [1, 3])
def test_strides_and_lazy_signs_do_not_matter_and_nothing_is_changed(implementation, batch, generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    x = operator.domain.randn(batch, generator=generator)
    strided = torch.stack([x, x], dim=-1)[..., 0]
    turned = x.mT.contiguous().mT
    # The imaginary part of a conjugate is a view whose sign is still to be applied.
    lazy = torch.complex(x, -x).conj().imag
    assert lazy.is_neg()
    for other in (strided, turned, lazy, x.clone().requires_grad_()):
        before = other.detach().clone()
        assert torch.equal(operator.forward(other), operator.forward(x))
        assert torch.equal(other.detach(), before)


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_two_calls_do_not_share_their_result(implementation, generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    x = operator.domain.randn(1, generator=generator)
    first = operator.forward(x)
    kept = first.clone()
    operator.forward(2 * x).mul_(0)
    assert torch.equal(first, kept)


def test_it_survives_copying_and_pickling(generator) -> None:
    operator = RayTransform.from_geometry(TINY)
    x = operator.domain.randn(1, generator=generator)
    for twin in (copy.deepcopy(operator), pickle.loads(pickle.dumps(operator))):
        assert torch.equal(twin.forward(x), operator.forward(x))


# ---- derivatives


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own forward mode uses it
def test_first_and_second_derivatives_are_right(generator) -> None:
    operator = RayTransform.from_geometry(TINY, dtype=torch.float64)
    x = operator.domain.randn(2, generator=generator).requires_grad_()
    y = operator.codomain.randn(2, generator=generator).requires_grad_()
    for function in (operator.forward, lambda x: operator.forward(x).pow(3)):
        assert torch.autograd.gradcheck(function, x, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(function, x)
    assert torch.autograd.gradcheck(operator.adjoint, y, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda y: operator.adjoint(y).pow(3), y)


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_the_gradient_of_half_the_squared_residual_is_the_adjoint_of_the_residual(implementation, generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    x = operator.domain.randn(2, generator=generator).requires_grad_()
    y, v = operator.codomain.randn(2, generator=generator), operator.domain.randn(2, generator=generator)
    residual = operator.forward(x) - y
    (gradient,) = torch.autograd.grad(0.5 * residual.square().sum(), x, create_graph=True)
    torch.testing.assert_close(gradient, operator.adjoint(residual), rtol=1e-5, atol=1e-5)
    (hessian_vector,) = torch.autograd.grad(gradient, x, v)
    torch.testing.assert_close(hessian_vector, operator.adjoint(operator.forward(v)), rtol=1e-5, atol=1e-5)


def test_function_transforms_see_through_it(generator) -> None:
    operator = RayTransform.from_geometry(TINY, dtype=torch.float64)
    x = operator.domain.randn(6, generator=generator).unflatten(0, (2, 3))
    assert torch.equal(torch.func.vmap(operator.projector._forward)(x).flatten(0, 1), operator.forward(x.flatten(0, 1)))
    jacobian = torch.func.jacrev(operator.projector._forward)(x[0, :1])
    matrix = operator.projector.matrix.to_dense()
    torch.testing.assert_close(jacobian.reshape(matrix.shape), matrix)


# ---- errors


def test_the_folded_implementation_is_not_there_yet() -> None:
    with pytest.raises(ConfigError, match="implementation is 'folded', expected matrix or astra"):
        parallel_beam_2d(image_shape=(8, 8), implementation="folded")


@pytest.mark.parametrize("dtype", [torch.float16, torch.complex64, "int32"])
def test_other_precisions_are_refused(dtype) -> None:
    with pytest.raises(ConfigError, match="expected .*float32.*float64"):
        parallel_beam_2d(image_shape=(8, 8), dtype=dtype)


def test_astra_refuses_what_it_cannot_compute_exactly() -> None:
    with pytest.raises(ConfigError, match=r"dtype is torch.float64, expected torch.float32.*implementation='matrix'"):
        parallel_beam_2d(image_shape=(8, 8), implementation="astra", dtype=torch.float64)
    operator = RayTransform.from_geometry(TINY, implementation="astra")
    with pytest.raises(ConfigError, match="dtype is torch.float64"):
        operator.to(dtype=torch.float64)
    with pytest.raises(ConfigError, match=r"device is meta, expected cpu.*implementation='matrix'"):
        operator.to("meta")  # a device that is always there


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device; needs a machine without one")
@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_a_device_that_is_not_there_is_an_error_before_astra_is_called(implementation, monkeypatch) -> None:
    monkeypatch.setattr(astra, "create_projector", lambda *args: pytest.fail("ASTRA was called"))
    with pytest.raises(MissingDependencyError, match="name is 'cuda', expected one that is there"):
        parallel_beam_2d(image_shape=(8, 8), implementation=implementation, device="cuda")


def test_a_matrix_that_would_be_too_large_is_refused_before_it_is_built(monkeypatch) -> None:
    monkeypatch.setattr(astra, "create_projector", lambda *args: pytest.fail("ASTRA was called"))
    with pytest.raises(ConfigError, match=r"may have 1.2e\+10 entries, expected at most 2.1e\+09.*'astra'"):
        parallel_beam_2d(image_shape=(2048, 2048), num_angles=1000)


def test_a_tensor_of_another_scan_is_refused() -> None:
    operator = RayTransform.from_geometry(TINY)
    with pytest.raises(ShapeError, match=r"tensor has shape \(1, 1, 9, 9\), expected \(batch, 1, 5, 4\)"):
        operator.forward(torch.zeros(1, 1, 9, 9))
    with pytest.raises(ShapeError, match=r"expected \(batch, 1, 3, 7\)"):
        operator.adjoint(torch.zeros(1, 1, 4, 7))
    with pytest.raises(ShapeError, match=r"dtype is torch.float64, expected torch.float32"):
        operator.forward(torch.zeros(1, 1, 5, 4, dtype=torch.float64))


def test_a_projector_of_another_geometry_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"RayTransform: projector maps .* expected \(1, 5, 4\) to \(1, 3, 7\)"):
        RayTransform(TINY, AstraProjector(TINY.refined(2)))


def test_the_given_angles_replace_the_number_of_them() -> None:
    operator = parallel_beam_2d(image_shape=(8, 8), angles=[0.1, 0.2], num_angles=50)
    assert operator.geometry.angles == (0.1, 0.2)


def test_only_the_chosen_views_are_warned_about(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        parallel_beam_2d(image_shape=(20, 10), angles=[0.0], num_detectors=11)
        assert not caplog.text
        parallel_beam_2d(image_shape=(20, 10), angles=[0.0], num_detectors=9)
    assert "reaches 0.5 mm beyond it" in caplog.text


def test_a_disc_off_the_middle_is_seen_where_its_coordinates_say() -> None:
    """The centre of mass of every view of a disc at (x, y) is at s = x cos(theta) + y sin(theta)."""
    x, y = 6.0, -9.0
    operator = parallel_beam_2d(image_shape=(40, 33), num_angles=12, detector_spacing=0.5, detector_offset=-1.2)
    disc = rasterise([Ellipse(1.0, (x, y), (4.0, 4.0))], (40, 33), supersampling=8)
    geometry = operator.geometry
    s, angles = (torch.tensor(v, dtype=torch.float64) for v in (geometry.detector_positions, geometry.angles))
    sinogram = operator(disc)[0, 0].double()
    centres = (sinogram * s).sum(1) / sinogram.sum(1)
    torch.testing.assert_close(centres, x * angles.cos() + y * angles.sin(), rtol=0, atol=0.02)
    assert float((centres - x * angles.cos() + y * angles.sin()).abs().max()) > 1  # the other sense of rotation


def test_a_sinogram_of_some_views_is_those_rows_of_the_whole(geometry, operator, generator) -> None:
    views = [2, 0, -1]
    x = operator.domain.randn(2, generator=generator)
    part = RayTransform.from_geometry(geometry.subset(views)).forward(x)
    torch.testing.assert_close(part, operator.forward(x)[..., views, :], rtol=1e-6, atol=1e-5)


# ---- views and squares


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_a_subset_of_views_is_the_ray_transform_of_their_geometry(implementation, generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    x = operator.domain.randn(2, generator=generator)
    parts = subsets(operator, 2)
    assert [part.geometry.angles for part, _ in parts] == [TINY.angles[::2], TINY.angles[1::2]]
    for part, restriction in parts:
        assert part.implementation == implementation
        assert relative(part.forward(x), restriction.forward(operator.forward(x))) < 1e-6
        y = part.codomain.randn(2, generator=generator)
        assert relative(part.adjoint(y), operator.adjoint(restriction.adjoint(y))) < 1e-6


def test_a_projector_that_knows_no_views_costs_all_of_them(generator) -> None:
    whole = RayTransform.from_geometry(TINY)
    matrix = Dense(whole.projector.matrix.to_dense(), whole.domain.shape, whole.codomain.shape)
    operator = RayTransform(TINY, 1.0 * matrix)
    x = operator.domain.randn(2, generator=generator)
    for part, restriction in subsets(operator, 3):
        assert isinstance(part, RayTransform)
        assert relative(part.forward(x), restriction.forward(whole.forward(x))) < 1e-6


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_the_gram_diagonal_is_the_sum_of_the_squares_of_astras_weights(implementation, generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    weights = operator.codomain.randn(2, generator=generator).square()
    want = weights.flatten(1).double() @ dense(operator).square()
    assert relative(gram_diagonal(operator, weights).flatten(1).double(), want) < 1e-6
    assert gram_diagonal(operator, weights[:0]).shape == (0, *operator.domain.shape)


@pytest.mark.parametrize("implementation", ["matrix", "astra"])
def test_the_absolute_sums_are_those_of_astras_weights(implementation) -> None:
    operator = RayTransform.from_geometry(TINY, implementation=implementation)
    columns, rows = absolute_sums(operator)
    assert relative(columns.flatten().double(), dense(operator).abs().sum(0)) < 1e-6
    assert relative(rows.flatten().double(), dense(operator).abs().sum(1)) < 1e-6


def test_gradients_reach_the_weights_of_astras_gram_diagonal(generator) -> None:
    operator = RayTransform.from_geometry(TINY, implementation="astra")
    weights = operator.codomain.randn(1, generator=generator).square().requires_grad_()
    direction = operator.domain.randn(1, generator=generator)
    (gram_diagonal(operator, weights) * direction).sum().backward()
    want = dense(operator).square() @ direction.flatten().double()
    assert relative(weights.grad.flatten().double(), want) < 1e-6
