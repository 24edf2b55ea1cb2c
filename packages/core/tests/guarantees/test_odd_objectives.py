"""Every solver on the objectives of all others and on odd ones: no theorem raises, and none concludes from nothing."""

from __future__ import annotations

import itertools
import json
import math
import time
from typing import Any

import pytest
import torch

from invkit.claims import CERTIFIED
from invkit.errors import ConfigError, InvkitError
from invkit.functionals import L1, Box, Functional, SquaredL2, Zero, kullback_leibler, least_squares
from invkit.guarantees import Node, explain, missing
from invkit.guarantees.theorems import core_rules
from invkit.operators import Dense
from invkit.plugins import Registry
from invkit.solvers import CGLS, FISTA, PDHG, SVRG, GradientDescent, LinearRatePDHG, NewtonCG
from invkit.testing.cases import Example, as_example

RULES = core_rules()
A = Dense(torch.randn(8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
COMPLEX = Dense(torch.randn(8, 6, dtype=torch.complex128, generator=torch.Generator().manual_seed(0)))
NOTHING = Dense(torch.zeros(8, 6, dtype=torch.float64))
Y = torch.ones(1, 8, dtype=torch.float64)
DATA = least_squares(A, Y)

ODD: dict[str, Functional] = {
    "an operator that is zero": least_squares(NOTHING, Y) + 0.3 * L1(),
    "nothing but an operator that is zero": least_squares(NOTHING, Y),
    "complex": least_squares(COMPLEX, torch.ones(2, 8, dtype=torch.complex128)) + 0.3 * L1(),
    "weight 0": DATA + 0.0 * L1(),
    "data of weight 0": 0.0 * DATA,
    "no image": least_squares(A, Y[:0]) + 0.3 * SquaredL2(),
    "float32": least_squares(A.to(dtype=torch.float32), Y.float()) + 0.3 * SquaredL2(),
    "a learned weight": DATA + torch.tensor(0.3, dtype=torch.float64, requires_grad=True) * SquaredL2(),
    "a norm alone": 0.3 * L1(),
    "a square alone": SquaredL2(),
    "boxes that do not meet": DATA + Box(0.0, 1.0) + Box(2.0, 3.0),
    "huge": 1e300 * DATA + SquaredL2(),
    "tiny": 1e-300 * DATA + 1e-300 * SquaredL2(),
    "tiny with a norm": 1e-300 * DATA + 1e-300 * L1(),
    "counts": kullback_leibler(Dense(A.matrix.abs()), Y),
    "counts that nothing explains": kullback_leibler(NOTHING, Y),
    "zero": Zero(),
}


def solver_examples() -> dict[str, Example]:
    registry = Registry([], environ={})
    found = {}
    for entry in registry.entries("solver"):
        dtype = getattr(torch, entry.spec.dtypes[-1])
        found[entry.spec.name] = as_example(registry.load_example(entry)(torch.device("cpu"), dtype))
    return found


def objective_of(example: Example) -> Functional:
    assert example.objective is not None
    assert example.y is not None
    return example.objective(example.y)


EXAMPLES = solver_examples()
OBJECTIVES = ODD | {f"that of {name}": objective_of(example) for name, example in EXAMPLES.items()}


def explained(objective: Functional, solver: Any) -> Node | None:
    """None where the solver cannot take the objective, which it says in words."""
    try:
        return explain(objective, solver=solver, rules=RULES)
    except InvkitError:
        return None


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_theorem_raises_on_the_objective_of_another_solver_or_an_odd_one(name: str) -> None:
    met = 0
    for what, objective in OBJECTIVES.items():
        tree = explained(objective, EXAMPLES[name].subject)
        if tree is None:
            continue
        met += 1
        nodes = list(tree.walk())
        assert [node.error for node in nodes if node.error] == [], what
        for node in nodes:
            if node.holds and node.rule:
                assert node.value is None or math.isfinite(node.value), (what, node.rule)
                assert node.basis <= min(child.basis for child in node.children), (what, node.rule)
        written = tree.as_dict()
        assert json.loads(json.dumps(written, allow_nan=False)) == written, what
    assert met


def test_explaining_is_fast() -> None:
    before = time.process_time()
    for example in EXAMPLES.values():
        explain(objective_of(example), solver=example.subject, rules=RULES)
    assert time.process_time() - before < 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_constraints_that_exclude_each_other_are_not_converged_to(name: str) -> None:
    tree = explained(ODD["boxes that do not meet"], EXAMPLES[name].subject)
    if tree is not None:
        assert missing(tree, ["convergent"]) == ["convergent"]


SOLVERS = [FISTA(), PDHG(), GradientDescent(), CGLS(), NewtonCG(), LinearRatePDHG(), SVRG(step_size=1e-3)]


@pytest.mark.parametrize(("solver", "value"), list(itertools.product(SOLVERS, [math.nan, math.inf])), ids=str)
def test_nothing_is_concluded_of_an_objective_without_a_value(solver: Any, value: float) -> None:
    centre = torch.ones(1, 6, dtype=torch.float64)
    right = explain(DATA + SquaredL2(centre.clone()), solver=solver, rules=RULES)
    assert right.holds
    centre[0, 3] = value
    wrong = explain(DATA + SquaredL2(centre), solver=solver, rules=RULES)
    assert not any(node.rule and node.holds for node in wrong.children)
    assert any("holds NaN or infinity" in node.how and node.remedy for node in wrong.failing)


def test_nothing_is_concluded_of_an_operator_that_overflowed() -> None:
    matrix = A.matrix.clone()
    objective = least_squares(Dense(matrix), Y) + SquaredL2()
    matrix[0, 0] = math.inf
    with pytest.raises(ConfigError, match="inf"):
        explain(objective, solver=CGLS(), rules=RULES)


def test_infinite_bounds_of_a_box_are_no_missing_data() -> None:
    low = torch.tensor([-math.inf, 0, 0, 0, 0, 0], dtype=torch.float64)
    tree = explain(DATA + Box(low, math.inf), solver=FISTA(), rules=RULES)
    assert tree.holds
    assert tree.basis >= CERTIFIED
