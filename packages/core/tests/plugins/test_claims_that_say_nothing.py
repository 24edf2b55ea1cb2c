"""Claims that no object can satisfy, or that say nothing, are errors where they are made."""

from __future__ import annotations

import math

import pytest

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.errors import ConfigError
from invkit.spec import Spec


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("norm_bound", {"lower": 2.0, "upper": 1.0}, "lower is 2.0, expected at most upper = 1.0"),
        ("lipschitz", {"constant": math.inf}, "constant is inf, expected a value in"),
        ("lipschitz", {"constant": math.nan}, "constant is nan, expected a value in"),
        ("bounded_range", {"radius": math.inf}, "radius is inf, expected a value in"),
        ("averaged", {"alpha": 1.0}, "alpha is 1.0, expected a value in"),
        ("averaged", {"alpha": 1.2}, "alpha is 1.2, expected a value in"),
        ("strongly_convex", {"modulus": 0.0}, "modulus is 0.0, expected a value in"),
        ("equivariant", {"group": "  "}, "group is '  ', expected a value in a non-empty string"),
        ("lipschitz", 3.0, r"parameters are 3.0, expected \['constant'\]"),
        ("lipschitz", {1: 2.0}, r"parameters are \['1'\], expected \['constant'\]"),
    ],
)
def test_a_parameter_that_says_nothing_is_refused(name: str, params: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Claim(property=name, params=params, basis=BY_CONSTRUCTION)


@pytest.mark.parametrize("basis", [7, "certified", None])
def test_a_basis_that_is_none_is_refused(basis: object) -> None:
    with pytest.raises(ConfigError, match="expected one of ASSUMED, MEASURED, CERTIFIED, BY_CONSTRUCTION"):
        Claim(property="linear", basis=basis)


@pytest.mark.parametrize("claims", [Claim(property="linear"), ("linear",), [Claim(property="linear")]])
def test_a_spec_with_anything_but_a_tuple_of_claims_is_refused(claims: object) -> None:
    with pytest.raises(ConfigError, match="claims is .*, expected a tuple of Claims"):
        Spec(name="a", summary="One.", target="a:b", claims=claims)
