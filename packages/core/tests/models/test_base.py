from __future__ import annotations

import pytest
import torch

from invkit.errors import DataError, ShapeError
from invkit.functionals import total_variation
from invkit.functionals.regularisers import l1, squared_l2
from invkit.models import Adjoint, PseudoInverse, Reconstructor, Stopping, Variational
from invkit.operators import Dense
from invkit.solvers import FISTA


def noise(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


MATRIX = noise((7, 6))
OP = Dense(MATRIX, (1, 2, 3), (1, 7))
Y = noise((3, 1, 7), seed=1)
TIGHT = Stopping(rtol=1e-9, max_steps=50_000, check_every=50)


def models() -> dict[str, Reconstructor]:
    return {
        "adjoint": Adjoint(),
        "pseudo-inverse": PseudoInverse(rtol=1e-12),
        "tikhonov": Variational(squared_l2, 0.3, solver=FISTA(), stopping=TIGHT),
        "tv": Variational(total_variation, 0.3, stopping=TIGHT),
        "nonnegative": Variational(None, nonnegative=True, solver=FISTA(), stopping=TIGHT),
    }


@pytest.mark.parametrize("name", models())
def test_each_image_is_reconstructed_alone(name: str) -> None:
    model = models()[name]
    together = model(Y, OP)
    assert together.shape == (3, 1, 2, 3)
    for i in range(3):
        torch.testing.assert_close(model(Y[i : i + 1], OP)[0], together[i], rtol=1e-8, atol=1e-10)
    assert model(Y[:0], OP).shape == (0, 1, 2, 3)


@pytest.mark.parametrize("name", models())
def test_bad_measurements_are_refused_in_one_line(name: str) -> None:
    model = models()[name]
    bad = Y.clone()
    bad[1, 0, 2] = torch.nan
    with pytest.raises(DataError, match=r"1 values that are NaN or inf \(first in image 1\)") as caught:
        model(bad, OP)
    assert "\n" not in str(caught.value)
    with pytest.raises(ShapeError, match="measurement: tensor has shape"):
        model(Y[:, :, :5], OP)
    with pytest.raises(ShapeError, match="measurement: dtype is torch.float32"):
        model(Y.float(), OP)


def test_models_state_claims() -> None:
    assert {claim.property for claim in Adjoint().claims()} == {"linear"}
    assert PseudoInverse().claims() == ()  # conjugate gradients stopped early are not linear in y
    assert isinstance(Variational(l1).claims(), tuple)
