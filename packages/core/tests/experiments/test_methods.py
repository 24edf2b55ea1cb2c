"""The tables inside a model become objects: stopping of every model that stops, and sums of regularisers."""

from __future__ import annotations

import pytest
import torch

from invkit.errors import ConfigError
from invkit.experiments.config import Use
from invkit.experiments.methods import RefusedError, build_model
from invkit.functionals import SquaredL2, h1
from invkit.models import Stopping
from invkit.operators import Identity
from invkit.plugins import Registry

FILTER = {"use": "core/gaussian-filter", "std": 0.8}
SUM = [{"use": "core/h1", "weight": 0.1}, {"use": "core/squared-l2", "weight": 1e-2}]


def model(**table):
    return build_model(Use.model_validate(table), Registry([], environ={}))


@pytest.mark.parametrize(
    "table",
    [
        {"use": "core/plug-and-play", "denoiser": FILTER},
        {"use": "core/regularisation-by-denoising", "denoiser": FILTER},
        {"use": "core/variational", "regulariser": "core/h1"},
    ],
    ids=lambda table: table["use"],
)
def test_every_model_that_stops_takes_a_table_that_says_when(table) -> None:
    found = model(**table, stopping={"rtol": 1e-3, "max_steps": 7})
    assert found.stopping == Stopping(rtol=1e-3, max_steps=7)
    assert model(**table).stopping == Stopping()


def test_stopping_may_be_said_with_the_solver_or_beside_it_but_not_in_both() -> None:
    solver = {"use": "core/pdhg", "rtol": 1e-2}
    assert model(use="core/variational", regulariser="core/tv", solver=solver).stopping == Stopping(rtol=1e-2)
    with pytest.raises(ConfigError, match=r"in model.solver \(rtol\) and in model.stopping, expected one of them"):
        model(use="core/variational", regulariser="core/tv", solver=solver, stopping={"rtol": 1e-3})


def test_the_denoiser_of_a_model_stops_when_its_own_table_says() -> None:
    denoiser = {"use": "core/proximal-denoiser", "regulariser": {"use": "core/tv", "weight": 0.1}}
    denoiser["stopping"] = {"max_steps": 3}
    assert model(use="core/plug-and-play", denoiser=denoiser).denoiser.stopping == Stopping(max_steps=3)


def test_a_list_of_regularisers_is_their_weighted_sum() -> None:
    found = model(use="core/variational", regulariser=SUM, weight=3.0)
    operator = Identity((6, 5), 1, torch.float64)
    x = operator.domain.randn(2, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros_like(x)
    expected = 0.5 * x.square().sum((1, 2, 3)) + 3.0 * (
        0.1 * h1(operator.domain).value(x) + 1e-2 * SquaredL2().value(x)
    )
    torch.testing.assert_close(found.objective(zero, operator).value(x), expected)


def test_a_list_of_one_is_that_one_with_its_weight() -> None:
    found = model(use="core/variational", regulariser=[{"use": "core/tv", "weight": 0.3}])
    assert found.weight == 0.3


def test_what_a_constructor_refuses_is_told_from_a_slip() -> None:
    with pytest.raises(RefusedError, match="relaxation is 2.5"):
        model(use="core/variational", regulariser="core/tv", solver={"use": "core/admm", "relaxation": 2.5})
    with pytest.raises(ConfigError, match="expected one of") as slip:
        model(use="core/variational", regulariser="core/tv", solver={"use": "core/admm", "relaxtion": 2.5})
    assert not isinstance(slip.value, RefusedError)
