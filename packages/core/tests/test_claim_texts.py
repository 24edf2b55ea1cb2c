from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from invkit.claims import Claim
from invkit.functionals import SquaredL2


def number(text: str, name: str) -> float:
    found = re.search(rf"{name}=([^,)]+)", text)
    assert found
    return float(found[1])


@pytest.mark.parametrize(
    ("claim", "params", "text"),
    [
        ("strongly_convex", {"modulus": 1.23456749}, "strongly_convex(modulus=1.23456)"),
        ("smooth", {"constant": 1.2345621}, "smooth(constant=1.23457)"),
        ("norm_bound", {"lower": 0.99999987, "upper": 1.00000001}, "norm_bound(lower=0.999999, upper=1.00001)"),
        ("averaged", {"alpha": 0.99999987}, "averaged(alpha=0.9999999)"),
        ("averaged", {"alpha": 0.5}, "averaged(alpha=0.5)"),
        ("lipschitz", {"constant": 1 + 2.0**-50}, "lipschitz(constant=1)"),
        ("lipschitz", {"constant": 0.0}, "lipschitz(constant=0)"),
        ("lipschitz", {"constant": 1}, "lipschitz(constant=1)"),
        ("lipschitz", {"constant": 123456789.0}, "lipschitz(constant=1.23457e+08)"),
        ("equivariant", {"group": "D4"}, "equivariant(group=D4)"),
    ],
)
def test_a_claim_is_printed_so_that_it_is_true(claim, params, text):
    assert str(Claim(property=claim, params=params)) == text


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.floats(1e-300, 1e300), st.floats(0, 1))
def test_printed_bounds_contain_the_stated_ones(value, share):
    slack = 2.0**-43
    text = str(Claim(property="norm_bound", params={"lower": share * value, "upper": value}))
    assert number(text, "lower") <= share * value * (1 + slack)
    assert number(text, "upper") >= value * (1 - slack)
    assert number(text, "upper") <= value * (1 + 1e-5)
    assert number(str(Claim(property="strongly_convex", params={"modulus": value})), "modulus") <= value * (1 + slack)


def test_the_modulus_of_a_functional_is_rounded_down_and_its_constant_up() -> None:
    texts = [str(claim) for claim in (1.23456749 * SquaredL2(torch.ones(1, 2))).claims()]
    assert "strongly_convex(modulus=1.23456)" in texts
    assert "smooth(constant=1.23457)" in texts
