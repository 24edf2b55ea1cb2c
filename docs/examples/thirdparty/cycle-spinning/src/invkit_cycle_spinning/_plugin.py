"""The plugin ``cycle-spinning``: a denoiser, and a theorem about it. Imports no torch."""

from __future__ import annotations

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.plugins import Spec, hookimpl

CORE_API = (1, 0)

_HOME = "invkit_cycle_spinning"


@hookimpl
def invkit_models() -> list[Spec]:
    return [
        Spec(
            name="cycle-spinning",
            summary="Soft shrinkage of Haar coefficients, averaged over the shifts of the image.",
            target=f"{_HOME}.denoiser:CycleSpinning",
            example=f"{_HOME}._examples:cycle_spinning",
            role="denoiser",
            devices=("cpu", "cuda"),
            dtypes=("float32", "float64", "complex64", "complex128"),
            dims=(2, 3),
            claims=(Claim(property="firmly_nonexpansive", basis=BY_CONSTRUCTION),),
            references=("Coifman, Donoho (1995), Translation-Invariant De-Noising",),
        )
    ]


@hookimpl
def invkit_rules() -> list[Spec]:
    return [
        Spec(
            name="data-residual",
            summary="How far a fixed point of Plug-and-Play with cycle spinning is from fitting the data.",
            target=f"{_HOME}.data_residual:DATA_RESIDUAL",
            devices=("cpu", "cuda"),
        )
    ]
