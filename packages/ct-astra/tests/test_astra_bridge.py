from __future__ import annotations

import concurrent.futures

import astra
import pytest
import torch

from invkit_ct_astra import ParallelBeam2d, RayTransform
from invkit_ct_astra.astra_bridge import backproject, project, weights, weights_bound

SMALL = ParallelBeam2d.uniform((6, 7), num_angles=4)


def test_the_bound_of_the_number_of_weights_is_one(geometry) -> None:
    assert 0.1 * weights_bound(geometry) < weights(geometry).nnz <= weights_bound(geometry)


def test_weights_are_positive_sorted_and_single(geometry) -> None:
    matrix = weights(geometry)
    assert matrix.data.min() > 0
    assert matrix.has_canonical_format
    assert matrix.dtype == "float32"


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_behind_in_astra(fails, monkeypatch) -> None:
    made: list[int] = []
    create, delete = astra.create_projector, astra.projector.delete

    def count(*arguments: object) -> int:
        made.append(create(*arguments))
        return made[-1]

    def discount(identifier: int) -> None:
        made.remove(identifier)
        delete(identifier)

    monkeypatch.setattr(astra, "create_projector", count)
    monkeypatch.setattr(astra.projector, "delete", discount)
    if fails:
        with pytest.raises(Exception, match="."):
            project(SMALL, torch.zeros(1, 3, 3))  # not the size of the geometry
    else:
        project(SMALL, torch.zeros(2, 6, 7))
        backproject(SMALL, torch.zeros(2, *SMALL.sinogram_shape))
        weights(SMALL)
    assert made == []


def test_threads_do_not_disturb_each_other(generator) -> None:
    operator = RayTransform.from_geometry(ParallelBeam2d.uniform((48, 40), num_angles=20), implementation="astra")
    images = [operator.domain.randn(1, generator=generator) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(operator.forward, images))
    assert all(torch.equal(operator.forward(x), y) for x, y in zip(images, together, strict=True))
