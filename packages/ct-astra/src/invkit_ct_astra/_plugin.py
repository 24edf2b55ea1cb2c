"""The plugin ``ct-astra``: what this package announces to invkit. Imports neither torch nor ASTRA."""

from __future__ import annotations

import pluggy

from invkit.claims import BY_CONSTRUCTION, Claim
from invkit.spec import Spec

CORE_API = (1, 0)

hookimpl = pluggy.HookimplMarker("invkit")

_HOME = "invkit_ct_astra"
_LINEAR = Claim(property="linear", basis=BY_CONSTRUCTION)


@hookimpl
def invkit_operators() -> list[Spec]:
    return [
        Spec(
            name="parallel-beam-2d",
            summary="Parallel-beam ray transform of 2D images, lengths in mm, exact adjoint.",
            target=f"{_HOME}.ray_transform:parallel_beam_2d",
            example=f"{_HOME}._examples:parallel_beam_2d",
            role="ray-transform",
            devices=("cpu", "cuda"),
            claims=(_LINEAR, Claim(property="adjoint", basis=BY_CONSTRUCTION)),
            requires=("astra",),
            references=(
                "Joseph (1982), IEEE Transactions on Medical Imaging 1(3), 192-196",
                "van Aarle et al. (2016), Optics Express 24(22), 25129-25147",
            ),
        )
    ]


@hookimpl
def invkit_models() -> list[Spec]:
    return [
        Spec(
            name="filtered-backprojection",
            summary="Filtered backprojection of parallel-beam sinograms.",
            target=f"{_HOME}.filtered_backprojection:FilteredBackprojection",
            example=f"{_HOME}._examples:filtered_backprojection",
            devices=("cpu", "cuda"),
            claims=(Claim(property="differentiable", basis=BY_CONSTRUCTION),),
            requires=("astra",),
            references=("Kak, Slaney (1988), Principles of Computerized Tomographic Imaging, chapter 3",),
        )
    ]


@hookimpl
def invkit_datasets() -> list[Spec]:
    return [
        Spec(
            name="dicom-slice",
            summary="A CT slice of a DICOM file, as attenuation in 1/mm or in Hounsfield units.",
            target=f"{_HOME}.dicom:DicomSlice",
            role="ray-transform-input",
            dtypes=("float32",),
            requires=("pydicom",),
        ),
        Spec(
            name="ct-slice",
            summary="The real 128 x 128 CT slice that pydicom ships.",
            target=f"{_HOME}.dicom:CtSlice",
            example=f"{_HOME}._examples:ct_slice",
            dtypes=("float32",),
            requires=("pydicom",),
        ),
    ]
