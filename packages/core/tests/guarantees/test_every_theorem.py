"""Of every theorem, on a setting in which it holds: how strong it is, when that is not known, and how it is written."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import wrong_specimens
from outsiders import heir, with_one_outsider

from invkit.claims import ASSUMED
from invkit.errors import ConfigError, GuaranteeError
from invkit.guarantees import Node, missing, require
from invkit.guarantees.theorems import core_rules
from invkit.models import Variational

SPECIMENS = [one for one in wrong_specimens.load().SPECIMENS if one.kind == "rule"]
RULES = {rule.name: rule for rule in core_rules()}
HOLDING = {one.caught_by.partition(": ")[0]: one.honest for one in SPECIMENS}

#: Parts that a theorem does not speak of, so that an outsider there changes nothing, and why.
BESIDE = {
    ("plug-and-play-proximal-gradient", "ADMM in ProximalDenoiser in PlugAndPlay in Case"): "its map is closed",
    ("banach-fixed-point", "ADMM in ProximalDenoiser in PlugAndPlay in Case"): "its map is closed",
    ("variational-lipschitz", "what strongly_convex returns in Variational in Case"): "the weight goes to its terms",
}
#: What these theorems conclude is said of minimisers, whoever finds them.
OF_MINIMISERS = {
    "variational-stability",
    "variational-lipschitz",
    "differentiable-solution-map",
    "a-posteriori-hypergradient-bound",
    "equivariant-reconstruction",
}
#: Where the solver stands in a setting.
SOLVERS = {"NewtonCG in Case", "ConjugateGradient in Case", "AdaptivePDHG in Variational in Case"}


def theorem(rule: str, case: Any) -> Node | None:
    """The node of that theorem alone, None if it does not speak of the setting."""
    tree = case.explained((RULES[rule],))
    assert not any(node.error for node in tree.walk())
    return next((node for node in tree.walk() if node.rule == rule), None)


@pytest.mark.parametrize("rule", HOLDING)
def test_a_conclusion_is_as_strong_as_its_weakest_premise_all_the_way_down(rule: str) -> None:
    tree = HOLDING[rule]().explained()
    for node in tree.walk():
        assert (node.basis is not None) is node.holds
        if node.rule and node.holds:
            assert node.children
            assert node.basis <= min(child.basis for child in node.children)
            assert node.claim is not None
            assert node.claim.basis is node.basis
        elif node.rule:
            assert not all(child.holds for child in node.children)


@pytest.mark.parametrize("rule", HOLDING)
def test_a_part_of_a_class_outside_that_states_nothing_leaves_it_assumed(rule: str) -> None:
    met = 0
    for name, case in with_one_outsider(HOLDING[rule]()):
        if (rule, name) in BESIDE:
            continue
        met += 1
        try:
            node = theorem(rule, case)
        except ConfigError:  # the solver cannot take it apart
            continue
        if node is not None and node.holds and not (name in SOLVERS and rule in OF_MINIMISERS):
            assert node.basis is ASSUMED, name
    assert met


SOLVED = [rule for rule, honest in HOLDING.items() if honest().solver is not None and rule not in OF_MINIMISERS]


@pytest.mark.parametrize("rule", SOLVED)
def test_a_subclass_of_a_solver_is_not_covered(rule: str) -> None:
    case = HOLDING[rule]()
    outside = type(case)(case.subject, case.operator, heir(case.solver))
    tree = outside.explained()
    assert rule not in {node.rule for node in tree.walk()}
    assert missing(tree, ["convergent"]) == ["convergent"]


@pytest.mark.parametrize("rule", sorted(OF_MINIMISERS & {*HOLDING}))
def test_what_is_said_of_minimisers_is_said_of_no_subclass_of_a_solver(rule: str) -> None:
    case = HOLDING[rule]()
    model, solver = case.subject, case.solver
    if solver is None:
        assert isinstance(model, Variational)
        model = copy.copy(model)
        model.solver = heir(model.solver)
    else:
        solver = heir(solver)
    tree = type(case)(model, case.operator, solver).explained()
    assert tree.theorem(rule).part
    assert missing(tree, [RULES[rule].concludes]) == [RULES[rule].concludes]


@pytest.mark.parametrize("name", [one.name for one in SPECIMENS] + list(HOLDING))
def test_a_tree_is_what_its_json_says(name: str) -> None:
    tree = (HOLDING[name] if name in HOLDING else _SPECIMEN[name].make)().explained()
    written = tree.as_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert _same(tree, written)
    text = tree.render_text()
    assert all(line == line.rstrip() for line in text.splitlines())


_SPECIMEN = {one.name: one for one in SPECIMENS}


def _same(node: Node, written: dict[str, Any]) -> bool:
    basis = None if node.basis is None else node.basis.label
    return (
        (node.statement, node.holds, basis, node.rule)
        == tuple(written[k] for k in ("statement", "holds", "basis", "rule"))
        and len(node.children) == len(written["children"])
        and all(_same(*pair) for pair in zip(node.children, written["children"], strict=True))
    )


@pytest.mark.parametrize("name", [one.name for one in SPECIMENS])
def test_what_is_required_and_refused_is_explained_by_a_number_and_a_way_out(name: str) -> None:
    specimen = _SPECIMEN[name]
    rule = RULES[specimen.caught_by.partition(": ")[0]]
    tree = specimen.make().explained((rule,))
    if not missing(tree, [rule.concludes]):  # the claim of the object itself
        return
    node = tree.theorem(rule.name)
    with pytest.raises(GuaranteeError, match="is not guaranteed") as caught:
        require(tree, [rule.concludes])
    message = str(caught.value)
    first = node.failing[0] if node.failing else None
    if first is not None:
        assert first.statement in message
        assert first.remedy[1:].rstrip(".") in message
        assert first.value is None or f"{first.value:.6g}" in message
        assert None in (first.value, first.bound) or f"{first.bound:.6g}" in message
    else:
        assert "only" in message
