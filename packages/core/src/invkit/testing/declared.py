"""What a Spec declares against what the instance says of itself."""

from __future__ import annotations

from ..claims import Claim
from .check import CheckResult, Context, Outcome

#: For each parameter, whether the instance's number is at least as strong as the declared one.
_STRONGER_IF_SMALLER = {"constant", "upper", "alpha"}
_STRONGER_IF_LARGER = {"modulus", "lower"}


def compare_declared(declared: Claim, stated: tuple[Claim, ...], subject: str, context: Context) -> CheckResult:
    """Refuted if the instance does not claim it, claims it on a weaker basis, or with weaker parameters."""
    same = [claim for claim in stated if claim.property == declared.property]
    if not same:
        problem = "the Spec declares it and the instance does not claim it"
    elif not any(_implies(claim, declared) for claim in same):
        problem = f"the Spec declares {declared}, the instance claims {' and '.join(map(str, same))}"
    elif max(claim.basis for claim in same) < declared.basis:
        problem = f"declared {declared.basis.label}, claimed {max(claim.basis for claim in same).label}"
    else:
        problem = ""
    return CheckResult(
        check="declared",
        subject=subject,
        outcome=Outcome.REFUTED if problem else Outcome.NOT_REFUTED,
        concerns=declared.property,
        dtype=str(context.dtype).removeprefix("torch."),
        device=str(context.device),
        reason=problem,
    )


def _implies(claim: Claim, declared: Claim) -> bool:
    for name, wanted in declared.params.items():
        got = claim.params[name]
        if name in _STRONGER_IF_SMALLER:
            holds = got <= wanted
        elif name in _STRONGER_IF_LARGER:
            holds = got >= wanted
        else:
            holds = got == wanted
        if not holds:
            return False
    return True
