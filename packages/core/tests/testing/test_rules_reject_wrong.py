"""Every theorem beside wrong settings that it must refuse for the premise that they break, and an honest one each."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pytest
import wrong_specimens

from invkit.claims import CERTIFIED
from invkit.guarantees import Rule, Setting, missing
from invkit.guarantees.theorems import core_rules

SPECIMENS = wrong_specimens.load().SPECIMENS
SETTINGS = {one.name: one for one in SPECIMENS if one.kind == "rule"}
RULES = {rule.name: rule for rule in core_rules()}
HONEST = {one.honest: one.caught_by.partition(": ")[0] for one in SETTINGS.values()}


def setting_of(case: Any) -> Setting:
    """What the rules look at, as ``explain`` makes it."""
    found: list[Setting] = []
    spy = replace(next(iter(RULES.values())), name="spy", about=lambda setting: bool(found.append(setting)))
    case.explained((spy,))
    return found[0]


def strength(rule: Rule, case: Any) -> dict[str, int]:
    """For each premise in the rule's words how strongly it is known, -1 where it does not hold."""
    setting = setting_of(case)
    return {
        one.statement: min((p.basis.value if p.holds else -1 for p in one.premises(setting)), default=CERTIFIED + 1)
        for one in rule.premises
    }


@functools.cache
def strength_of_honest(honest: Any) -> dict[str, int]:
    return strength(RULES[HONEST[honest]], honest())


@pytest.mark.parametrize("name", SETTINGS)
def test_a_theorem_refuses_a_wrong_setting_for_the_premise_that_it_breaks(name: str) -> None:
    specimen = SETTINGS[name]
    rule, _, premise = specimen.caught_by.partition(": ")
    case = specimen.make()
    node = case.explained().theorem(rule)
    assert not any(one.error for one in node.walk())
    assert not node.holds or node.basis < CERTIFIED
    found, right = strength(RULES[rule], case), strength_of_honest(specimen.honest)
    weaker = [one for one in right if found[one] < right[one]]
    assert premise in weaker
    if found[premise] < 0:
        assert not node.holds
        assert node.claim is None
        assert all(one.remedy for one in node.failing)


@pytest.mark.parametrize("honest", HONEST, ids=HONEST.values())
def test_the_theorem_speaks_of_the_honest_setting_beside_it(honest: Any) -> None:
    rule = HONEST[honest]
    node = honest().explained().theorem(rule)
    assert node.holds
    assert not any(one.error for one in node.walk())
    # Of noise levels, random draws and common solutions one can only say that they are assumed.
    assumed = {"landweber-discrepancy", "cgls-discrepancy", "kaczmarz", "kaczmarz-fejer", "svrg-rate"}
    if rule not in {*assumed, "stochastic-pdhg-convergence"}:
        assert node.basis >= CERTIFIED


def test_every_theorem_has_a_specimen_that_it_must_refuse() -> None:
    assert set(RULES) == set(HONEST.values())
    assert all(one.honest is not None for one in SETTINGS.values())


def test_no_other_theorem_lets_a_wrong_setting_pass_as_convergent() -> None:
    """Where a rate or a form of a theorem is refused, a weaker theorem may still hold; here are all that do."""
    passing = {}
    for name, one in SETTINGS.items():
        if RULES[one.caught_by.partition(": ")[0]].concludes == "convergent":
            tree = one.make().explained()
            holding = [node for node in tree.children if node.rule and node.holds and not node.part]
            if not missing(tree, ["convergent"]):
                passing[name] = [node.rule for node in holding if node.concludes == "convergent"]
    assert passing == {
        "rule-no-strongly-convex-term-gradient-linear-rate": ["proximal-gradient", "proximal-gradient-rate"],
        "rule-steps-1-01-times-too-long-proximal-gradient-rate": ["proximal-gradient"],
        "rule-the-condition-number-of-other-steps-conjugate-gradient-rate": ["preconditioned-conjugate-gradient"],
        "rule-a-denoiser-that-is-averaged-and-no-contraction-banach-fixed-point": [
            "krasnoselskii-mann",
            "plug-and-play-proximal-gradient",
        ],
    }
