from __future__ import annotations

import subprocess
import sys

import pytest

from invkit.derivations import FUNCTIONALS, OPERATORS, Derivation
from invkit.derivations.derivation import about
from invkit.errors import ConfigError

RULE = Derivation(
    name="a-rule", of="operator", property="adjoint", construction="A", statement="a statement", source="a source"
)


def test_the_names_of_all_rules_differ() -> None:
    names = [rule.name for rule in (*OPERATORS, *FUNCTIONALS)]
    assert len(names) == len(set(names))
    assert {rule.of for rule in OPERATORS} == {"operator"}
    assert {rule.of for rule in FUNCTIONALS} == {"functional"}


@pytest.mark.parametrize(
    ("what", "value", "message"),
    [
        ("of", "solver", "of is 'solver', expected one of operator, functional"),
        ("property", "positive", "property is 'positive', expected one of linear, adjoint"),
        ("statement", " ", "statement is empty, expected text"),
        ("source", "", "source is empty, expected text"),
    ],
)
def test_a_rule_of_an_unknown_kind_or_property_or_without_a_text_is_refused(what, value, message) -> None:
    given = {name: getattr(RULE, name) for name in ("name", "of", "property", "construction", "statement", "source")}
    with pytest.raises(ConfigError, match=f"Derivation a-rule: {message}"):
        Derivation(**{**given, what: value})


def test_a_claim_is_told_what_its_own_property_rests_on_and_no_more() -> None:
    other = Derivation(
        name="b", of="operator", property="adjoint", construction="B", statement="another", source="a source"
    )
    assert about((RULE, other), "adjoint") == ("a statement; another", "a source")
    assert about((RULE, other), "linear") == ("", "")


def test_the_rules_are_read_without_torch() -> None:
    code = "import sys, invkit.derivations; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
