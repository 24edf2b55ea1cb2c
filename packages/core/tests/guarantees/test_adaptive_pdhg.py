from __future__ import annotations

import pytest
import torch
from convex_problems import PROBLEMS, noise

from invkit.claims import ASSUMED, BY_CONSTRUCTION
from invkit.functionals import total_variation
from invkit.guarantees import explain
from invkit.guarantees.theorems import core_rules
from invkit.models import Variational
from invkit.operators import Dense
from invkit.solvers import AdaptivePDHG

OP = Dense(noise((14, 12), seed=4), (1, 4, 3))


def test_the_default_of_a_variational_model_has_its_theorem() -> None:
    node = explain(Variational(total_variation, 0.3, nonnegative=True), OP, rules=core_rules())
    theorem = node.children[0]
    assert theorem.holds
    assert theorem.claim is not None
    assert theorem.claim.property == "convergent"
    assert theorem.basis > ASSUMED
    assert {child.basis for child in theorem.children} > {BY_CONSTRUCTION}


@pytest.mark.parametrize("name", ["tv-nonnegative", "tv-complex"])
def test_its_premises_hold_along_a_run(name) -> None:
    problem = PROBLEMS[name]
    solver = AdaptivePDHG()
    posed = solver.prepare(problem.objective())
    state = solver.init(posed, None)
    norms = [operator.norm().upper for _, operator in posed.blocks]
    logs = []
    for _ in range(400):
        state = solver.step(posed, state)
        tau = torch.as_tensor(state.tau, dtype=torch.float64)
        product = sum(
            tau * torch.as_tensor(s, dtype=torch.float64) * n**2 for s, n in zip(state.sigma, norms, strict=True)
        )
        assert bool((product < 1).all())
        logs.append(tau.log().expand(2))
    change = torch.stack(logs).diff(dim=0).abs()
    assert float(change.sum()) > 0  # it does adapt,
    bound = sum(0.5 * 0.93**k for k in range(100)) * torch.log(torch.tensor(100.0))
    assert float(change.sum(0).max()) <= float(bound)  # by no more than the bound of the theorem
