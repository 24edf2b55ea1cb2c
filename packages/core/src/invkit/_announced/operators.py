"""The operators of the core."""

from __future__ import annotations

from ..claims import BY_CONSTRUCTION, Claim
from ..spec import Spec
from ._common import COMPLEX, DEVICES, LINEAR, REAL, example


def _operator(
    name: str,
    summary: str,
    target: str,
    *,
    dtypes: tuple[str, ...],
    dims: tuple[int, ...] = (2,),
    claims: tuple[Claim, ...] = LINEAR,
    role: str = "",
) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=target,
        example=example("operators", name),
        role=role,
        devices=DEVICES,
        dtypes=dtypes,
        dims=dims,
        claims=claims,
    )


SPECS: list[Spec] = [
    _operator(
        "identity",
        "The identity on images of one shape.",
        "invkit.operators.identity:Identity",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
        claims=(*LINEAR, Claim(property="unitary", basis=BY_CONSTRUCTION)),
    ),
    _operator(
        "dense",
        "A stored matrix, for small problems and as a reference in tests.",
        "invkit.operators.dense:Dense",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
    ),
    _operator(
        "finite-difference",
        "Forward differences along every spatial axis, zero across the far edge.",
        "invkit.operators.finite_difference:FiniteDifference",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
    ),
    _operator(
        "fourier",
        "Undersampled orthonormal Fourier transform, DC at index 0.",
        "invkit.operators.fourier:Fourier",
        dtypes=COMPLEX,
        dims=(2, 3),
        role="fourier-sampling",
    ),
    _operator(
        "sense",
        "Undersampled Fourier transform of the image seen by each coil.",
        "invkit.operators.sense:sense",
        dtypes=COMPLEX,
        dims=(2, 3),
        role="multi-coil-fourier",
    ),
    _operator(
        "coils",
        "Product with the sensitivity of each coil.",
        "invkit.operators.coils:Coils",
        dtypes=COMPLEX,
        dims=(2, 3),
    ),
    _operator(
        "blur",
        "Convolution with a kernel.",
        "invkit.operators.blur:Blur",
        dtypes=REAL + COMPLEX,
    ),
    _operator(
        "diagonal",
        "Pointwise product with real or complex weights.",
        "invkit.operators.diagonal:Diagonal",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
    ),
    _operator(
        "inpainting",
        "Keeps the pixels of a mask and sets the others to zero.",
        "invkit.operators.inpainting:inpainting",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
        claims=(
            *LINEAR,
            Claim(property="self_adjoint", basis=BY_CONSTRUCTION),
            Claim(property="positive_semidefinite", basis=BY_CONSTRUCTION),
        ),
    ),
    _operator(
        "restriction",
        "Some entries along one axis, such as views or coils.",
        "invkit.operators.restriction:Restriction",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
    ),
    _operator(
        "downsampling",
        "Means of blocks of pixels, or their first pixels.",
        "invkit.operators.downsampling:Downsampling",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
    ),
    _operator(
        "haar",
        "Orthonormal Haar wavelet transform of several levels.",
        "invkit.operators.haar:Haar",
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
        claims=(*LINEAR, Claim(property="unitary", basis=BY_CONSTRUCTION)),
        role="wavelet-transform",
    ),
    _operator(
        "gradient-flow-step",
        "A layer x - h A* sigma(A x + b), or a Runge-Kutta step along that flow.",
        "invkit.operators.nonlinear.gradient_flow_step:GradientFlowStep",
        dtypes=REAL,
        dims=(2, 3),
        claims=(Claim(property="differentiable", basis=BY_CONSTRUCTION),),
    ),
]
