from __future__ import annotations

import json
import sys
import types
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
import torch

from invkit.claims import ASSUMED, BY_CONSTRUCTION, CERTIFIED, Claim
from invkit.errors import ConfigError, GuaranteeError, ShapeError
from invkit.functionals import L1, least_squares, total_variation
from invkit.functionals.regularisers import h1, l1
from invkit.guarantees import Conclusion, Hypothesis, Node, Premise, Rule, Setting, explain, missing, require
from invkit.guarantees.theorems import core_rules
from invkit.guarantees.theorems.gradient.fista import FISTA_RATE
from invkit.models import Adjoint, Denoiser, PlugAndPlay, PseudoInverse, Reconstructor, Variational
from invkit.operators import Dense, Fourier, LinearOperator, sense
from invkit.plugins import Registry
from invkit.solvers import FISTA, GradientDescent

PATTERN = torch.tensor([1.0, 0.0, 1.0, 1.0]).reshape(4, 1)
OPERATOR = Fourier((4, 6), PATTERN)


def explained(model: Reconstructor, operator: LinearOperator = OPERATOR) -> Node:
    return explain(model, operator, rules=core_rules())


def test_a_variational_model_is_explained_by_the_theorem_of_its_solver() -> None:
    tree = explained(Variational(total_variation, weight=2e-3))
    assert tree.holds
    theorem = tree.children[0]
    assert theorem.claim.property == "convergent"
    assert theorem.basis is BY_CONSTRUCTION
    norm = next(child for child in theorem.children if child.statement.startswith("|K_2| is bounded"))
    assert norm.how == "closed form"
    assert norm.value == pytest.approx(8**0.5, rel=0.1)


def test_the_basis_follows_from_how_the_norm_is_known() -> None:
    matrix = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    tree = explained(Variational(l1, solver=FISTA()), Dense(matrix, domain_shape=(1, 3, 4)))
    assert tree.basis is CERTIFIED


def test_the_adjoint_is_linear_with_the_norm_of_the_operator_as_its_constant() -> None:
    tree = explained(Adjoint())
    assert missing(tree, ["linear", "lipschitz"]) == []
    bound = next(node for node in tree.children if node.claim is not None and node.claim.property == "lipschitz")
    assert bound.claim.params["constant"] == bound.value == OPERATOR.norm().upper


def test_the_pseudo_inverse_is_explained_in_closed_form_or_by_conjugate_gradients() -> None:
    closed = explained(PseudoInverse())
    assert any("in closed form" in node.statement for node in closed.children)
    assert missing(closed, ["convergent"]) == ["convergent"]
    coils = torch.randn(2, 4, 6, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    iterated = explained(PseudoInverse(), sense(coils, PATTERN))
    assert "smallest norm" in iterated.children[0].statement
    assert missing(iterated, ["convergent"]) == []


def test_a_model_that_claims_nothing_is_guaranteed_nothing() -> None:
    class Silent(Reconstructor):
        def forward(self, y: torch.Tensor, operator: LinearOperator) -> torch.Tensor:
            return operator.adjoint(y)

    tree = explained(Silent())
    assert not tree.holds
    assert "Silent.claims()" in tree.children[0].remedy


def test_the_text_is_an_indented_tree_and_says_what_to_change() -> None:
    text = explained(Variational(h1, weight=0.3, solver=GradientDescent(step_size=9.0))).render_text()
    lines = text.splitlines()
    assert lines[0].startswith("x Variational by GradientDescent")
    assert lines[1].startswith("  x gradient descent: the objective converges to its minimum [does not hold]")
    failure = next(
        i for i, line in enumerate(lines) if line.startswith("    x the step size lies in (0, 2/L): 9 against")
    )
    assert lines[failure + 1].strip() == "what to change: leave step_size out, or lower it"


def test_the_tree_is_json_with_a_schema_version_at_the_top_only() -> None:
    tree = explained(Variational(total_variation))
    data = json.loads(json.dumps(tree.as_dict(), allow_nan=False))
    assert data["schema_version"] == 1
    assert data["children"][0]["claim"]["basis"] == "by construction"
    assert "schema_version" not in data["children"][0]
    infinite = Node(statement="s", holds=True, value=float("inf"))
    assert infinite.as_dict()["value"] is None


def test_a_required_guarantee_that_fails_names_premise_value_bound_and_remedy() -> None:
    tree = explained(Variational(h1, weight=0.3, solver=GradientDescent(step_size=9.0)))
    assert missing(tree, ["convergent"]) == ["convergent"]
    with pytest.raises(
        GuaranteeError, match=r"convergent is not guaranteed.*the step size lies in \(0, 2/L\) \(value 9, bound .*Leave"
    ):
        require(tree, ["convergent"])


def test_premises_are_no_guarantees_of_the_method() -> None:
    tree = explained(Variational(total_variation))
    assert missing(tree, ["convergent", "convex", "linear"]) == ["convex", "linear"]
    require(tree, ["convergent"])
    with pytest.raises(GuaranteeError, match="No theorem concludes it"):
        require(tree, ["convex"])


def test_an_unknown_required_property_is_refused_with_near_names() -> None:
    with pytest.raises(ConfigError, match="Did you mean convergent"):
        missing(explained(Adjoint()), ["convergence"])


def test_a_measurement_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="explain: measurement: tensor has shape"):
        explain(Adjoint(), OPERATOR, torch.zeros(1, 1, 3, 3, dtype=torch.complex64), rules=core_rules())


def test_an_objective_that_the_solver_cannot_take_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="GradientDescent: term"):
        explained(Variational(total_variation, solver=GradientDescent()))


SOURCE = """
from __future__ import annotations
from dataclasses import replace
from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.guarantees import Conclusion, Hypothesis, Premise, Rule, solved_by
from invkit.plugins import Spec, hookimpl
from invkit.solvers import AdaptivePDHG

CORE_API = (1, 0)

def conclude(setting):
    return Conclusion(statement="a third party says so", params={"constant": 2.0}, value=2.0)

def a_rule(name, evaluate, conclude=conclude, concludes="lipschitz"):
    premise = Hypothesis(statement="p", concerns=("convex",), evaluate=evaluate)
    return Rule(name=name, statement=f"rule {name}", formula="f", source="Third (2024)", about=solved_by(AdaptivePDHG),
                premises=(premise,), concludes=concludes, conclude=conclude)

ADDED = a_rule("added", lambda setting: ())
VOUCHED = replace(a_rule("vouched", lambda setting: (), lambda setting: Conclusion(statement="d"), "descent"),
                  basis=BY_CONSTRUCTION)
CRASHING = a_rule("crashing", lambda setting: 1 / 0)
OUTSIDE = a_rule("outside", lambda setting: (), lambda setting: Conclusion(statement="s", params={"alpha": 1.2}),
                 "averaged")
NO_PREMISE = a_rule("no-premise", lambda setting: ["convex"])
NO_RULE = 3

@hookimpl
def invkit_rules():
    return [Spec(name=n.lower().replace("_", "-"), summary="One.", target=f"{__name__}:{n}")
            for n in ("ADDED", "VOUCHED", "CRASHING", "OUTSIDE", "NO_PREMISE", "NO_RULE", "ABSENT")]
"""


def test_rules_of_plugins_are_used_and_one_that_crashes_is_reported_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("third_party_rules")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(SOURCE, module.__dict__)
    registry = Registry([EntryPoint("third", module.__name__, "invkit")], environ={})
    tree = explain(Variational(total_variation), OPERATOR, registry=registry)
    assert tree.holds
    assert missing(tree, ["convergent", "lipschitz", "descent"]) == ["lipschitz"]
    assert tree.theorem("third/vouched").basis is BY_CONSTRUCTION
    added = tree.theorem("added")
    assert (added.id, added.basis, added.claim.basis) == ("third/added", ASSUMED, ASSUMED)
    assert [node.statement for node in added.children] == ["the theorem is as third states it"]
    assert "third/added; source: Third (2024)" in str(tree)
    assert tree.theorem("adaptive-pdhg-convergence") is tree.theorem("core/adaptive-pdhg-convergence")
    errors = {node.error for node in tree.children if node.error}
    assert "rule crashing: ZeroDivisionError: division by zero" in errors
    assert any("alpha is 1.2, expected a value in (0, 1)" in error for error in errors)
    assert "rule no-premise: TypeError: premise 'p' is str, expected a Premise" in errors
    assert any("third/no-rule (third): target is int, expected an invkit.guarantees.Rule" in error for error in errors)
    assert any("expected a name that third_party_rules defines" in error for error in errors)


def test_a_rule_passed_by_hand_is_the_cores_or_no_more_than_its_author_says() -> None:
    objective, solver = least_squares(OPERATOR, OPERATOR.codomain.zeros()) + 0.1 * L1(), FISTA()
    known = explain(objective, solver=solver, rules=[FISTA_RATE]).theorem("core/fista-rate")
    assert known.basis is BY_CONSTRUCTION
    copied = explain(objective, solver=solver, rules=[replace(FISTA_RATE)]).theorem("fista-rate")
    assert (copied.id, copied.basis) == ("", ASSUMED)
    (weak,) = [child for child in copied.children if child.basis is ASSUMED]
    assert weak.statement == "the theorem is as its author states it"
    assert "basis=BY_CONSTRUCTION" in weak.remedy
    with pytest.raises(ConfigError, match="basis is 3, expected one of ASSUMED"):
        replace(FISTA_RATE, basis=3)


def test_a_further_property_that_is_not_given_names_every_premise_that_fails_in_one_line() -> None:
    lacking = tuple(Node(statement=name, holds=False, remedy=f"change {name}") for name in ("p", "q"))
    node = Node(statement="it is stable", holds=False, further=True, id="core/stable", children=lacking)
    assert node.render_text(note=False) == (
        "- not given (core/stable): it is stable, because these do not hold: p [does not hold]; q [does not hold]; "
        "to have it: change p; change q"
    )


class TooAveraged(Denoiser):
    def forward(self, x: torch.Tensor, noise_std: object = None) -> torch.Tensor:
        return x

    def claims(self) -> tuple[Claim, ...]:
        return (Claim(property="averaged", params={"alpha": 1.2}),)


def test_an_impossible_claim_names_the_class_that_makes_it() -> None:
    name = f"{__name__}.TooAveraged"
    with pytest.raises(ConfigError, match=f"^{name}: claims.. raised ConfigError: .*alpha is 1.2"):
        explain(TooAveraged(), rules=[])
    with pytest.raises(ConfigError, match=f"^{name}: claims.. raised ConfigError: .*alpha is 1.2"):
        explain(PlugAndPlay(TooAveraged()), OPERATOR)


def test_lines_that_are_broken_for_a_terminal_lose_no_word_and_fit() -> None:
    leaf = Node(statement="leaf " * 40, holds=False, remedy="change it")
    tree = Node(statement="word " * 60, holds=True, children=(leaf,))
    broken = tree.render_text(width=80)
    assert max(len(line) for line in broken.splitlines()) <= 80
    assert broken.split() == tree.render_text().split()


def test_a_rule_that_cannot_say_whether_it_speaks_of_a_method_concludes_nothing() -> None:
    def about(setting: Setting) -> bool:
        raise AttributeError("no such attribute")

    rule = Rule(
        name="careless",
        statement="it converges",
        formula="x_k -> x*",
        source="nowhere",
        about=about,
        premises=(
            Hypothesis(
                statement="p",
                concerns=("parameter",),
                evaluate=lambda s: Premise(statement="p", holds=True, basis=BY_CONSTRUCTION),
            ),
        ),
        concludes="convergent",
        conclude=lambda s: Conclusion(statement="it converges", params={"to": "something"}),
    )
    tree = explain(Variational(total_variation), OPERATOR, rules=[rule])
    node = tree.theorem("careless")
    assert not tree.holds
    assert not node.holds
    assert node.error == "rule careless: about() raised AttributeError: no such attribute"
    assert missing(tree, ["convergent"]) == ["convergent"]


def test_a_problem_that_no_solver_prepared_gives_nothing_that_is_certified() -> None:
    # Its parts are those of another objective: whatever is concluded of them, nothing follows for this one.
    objective, solver = least_squares(OPERATOR, OPERATOR.codomain.zeros()) + 0.1 * L1(), FISTA()
    by_hand = replace(solver.prepare(objective), objective=2 * objective)
    tree = explain(by_hand, solver=solver)
    assert tree.theorem("fista-rate").basis is ASSUMED
    assert missing(tree, ["convergent"]) == ["convergent"]
    assert explain(objective, solver=solver).theorem("fista-rate").basis is BY_CONSTRUCTION
