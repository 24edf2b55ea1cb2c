"""The regularisers of the core."""

from __future__ import annotations

from ..claims import Claim
from ..spec import Spec
from ._common import COMPLEX, CONVEX, CONVEX_PROX, DEVICES, DIFFERENTIABLE, REAL, example


def _regulariser(
    name: str,
    summary: str,
    factory: str,
    claims: tuple[Claim, ...],
    *references: str,
    dtypes: tuple[str, ...] = REAL + COMPLEX,
) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.functionals.regularisers:{factory}",
        example=example("regularisers", name),
        devices=DEVICES,
        dtypes=dtypes,
        dims=(2, 3),
        claims=claims,
        references=references,
    )


SPECS: list[Spec] = [
    _regulariser("l1", "Sum of absolute values.", "l1", CONVEX_PROX),
    _regulariser(
        "smoothed-l1",
        "Sum of absolute values with two derivatives.",
        "smoothed_l1",
        (*CONVEX_PROX, DIFFERENTIABLE),
        "Sherry (2021), section 1.2.1",
    ),
    _regulariser("group-l1", "Sum of the lengths of the channel vectors.", "group_l1", CONVEX_PROX),
    _regulariser("tv", "Isotropic total variation.", "total_variation", CONVEX, "Rudin, Osher, Fatemi (1992)"),
    _regulariser(
        "huber-tv", "Total variation, quadratic where the gradient is small.", "huber_tv", (*CONVEX, DIFFERENTIABLE)
    ),
    _regulariser(
        "smoothed-tv",
        "Total variation with two derivatives.",
        "smoothed_tv",
        (*CONVEX, DIFFERENTIABLE),
        "Sherry (2021), section 1.2.1",
    ),
    _regulariser("vector-tv", "Total variation of all channels together.", "vector_tv", CONVEX, "Bresson, Chan (2008)"),
    _regulariser(
        "nuclear-tv", "Total variation of all channels along one direction.", "nuclear_tv", CONVEX, "Holt (2014)"
    ),
    _regulariser(
        "directional-tv",
        "Total variation across the edges of a reference image.",
        "directional_tv",
        CONVEX,
        "Ehrhardt, Betcke (2016)",
    ),
    _regulariser("tgv", "Total generalised variation of any order.", "tgv", CONVEX, "Bredies, Kunisch, Pock (2010)"),
    _regulariser("h1", "Half the squared length of the gradient.", "h1", (*CONVEX, DIFFERENTIABLE)),
    _regulariser(
        "nuclear-norm",
        "Sum of the singular values of the matrix of channels and pixels.",
        "nuclear_norm",
        CONVEX_PROX,
        "Cai, Candes, Shen (2010)",
    ),
    _regulariser("squared-l2", "Half the squared length of the image.", "squared_l2", (*CONVEX_PROX, DIFFERENTIABLE)),
    _regulariser(
        "nonnegativity", "Zero if no pixel is negative, else infinity.", "nonnegativity", CONVEX_PROX, dtypes=REAL
    ),
    _regulariser(
        "simplex",
        "Zero if no pixel is negative and their sum is the total, else infinity.",
        "simplex",
        CONVEX_PROX,
        "Condat (2016)",
        dtypes=REAL,
    ),
]
