"""Values of a configuration are compared with annotations, as far as these say what TOML can write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import torch
from torch import Tensor

from invkit.errors import ConfigError
from invkit.experiments.values import annotations_of, check_values, fits
from invkit.models import Stopping


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, float),
        (1.5, float | None),
        (None, float | None),
        (3, int),
        (1e3, int),
        (True, bool),
        ("x", str),
        ("x.npy", Path),
        ("a", Literal["a", "b"]),
        ((1, 2), tuple[int, ...]),
        ((1, 2.5), tuple[int, float]),
        ((1,), tuple[int, int]),  # the object says how many it wants
        ((1.0, 2), Sequence[float]),
        ({"a": 1}, Mapping[str, int]),
        ((1, 2), Tensor),
        (torch.ones(2), float | Tensor),
        (len, Callable[[str], int]),
        ("cpu", torch.device),
        ("whatever", Any),
        (2, Annotated[float, "a note"]),
    ],
)
def test_what_is_of_the_type_fits(value, hint) -> None:
    assert fits(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1", float),
        (True, float),
        (True, int),
        (1.5, int),
        (1, bool),
        (1, str),
        ("x", float | None),
        (None, float),
        (3, Literal["a", "b"]),
        ("12", tuple[int, ...]),
        (4, tuple[int, ...]),
        ((1, "x"), tuple[int, ...]),
        (("x", 2.5), tuple[int, float]),
        ("mask.npy", Tensor),
        ({"a": 1}, float | Tensor),
        ("implicit", Callable[[str], int] | None),
        ({"rtol": 1.0}, Stopping | None),
    ],
)
def test_what_is_of_another_type_does_not(value, hint) -> None:
    assert not fits(value, hint)


@dataclass
class Base:
    size: int = 1


@dataclass
class Derived(Base):
    std: float | None = None


def test_annotations_are_those_of_the_parameters_wherever_they_are_inherited_from() -> None:
    assert annotations_of(Derived) == {"size": int, "std": float | None}
    assert annotations_of(3) == {}


def test_the_key_the_value_and_the_type_are_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^model.solver.std: value is 'a', expected a number \(my/own\)\. Correct it"
    ):
        check_values("model.solver", "my/own", Derived, {"size": 2, "std": "a", "other": 3})
