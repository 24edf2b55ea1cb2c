"""The models of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import COMPLEX, DEVICES, REAL, example


def _model(name: str, summary: str, place: str, *references: str, role: str = "") -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.models.{place}",
        example=example("models", name),
        devices=DEVICES,
        dtypes=REAL + COMPLEX,
        dims=(2, 3),
        role=role,
        references=references,
    )


SPECS: list[Spec] = [
    _model("adjoint", "The adjoint of the operator: zero filling, plain backprojection.", "adjoint:Adjoint"),
    _model("pseudo-inverse", "Least squares of minimal norm, by conjugate gradients.", "pseudo_inverse:PseudoInverse"),
    _model(
        "tikhonov", "Least squares plus weight/2 |x|^2 by singular values, for small operators.", "spectral:Tikhonov"
    ),
    _model("truncated-svd", "The largest singular values inverted, for small operators.", "spectral:TruncatedSVD"),
    _model("variational", "Minimise data fidelity plus regulariser.", "variational:Variational"),
    _model(
        "iteratively-regularised",
        "Landweber or another descent on the data fidelity, stopped at the noise level.",
        "iteratively_regularised:IterativelyRegularised",
        "Engl, Hanke and Neubauer (1996)",
    ),
    _model(
        "plug-and-play",
        "Proximal gradient or Douglas-Rachford with a denoiser in the regulariser's place.",
        "plug_and_play:PlugAndPlay",
        "Venkatakrishnan, Bouman and Wohlberg (2013)",
    ),
    _model(
        "regularisation-by-denoising",
        "Descend along the data fidelity's gradient plus what a denoiser removes.",
        "red:RegularisationByDenoising",
        "Romano, Elad and Milanfar (2017)",
    ),
    _model(
        "proximal-denoiser",
        "The proximal map of a regulariser, as a denoiser.",
        "denoisers:ProximalDenoiser",
        role="denoiser",
    ),
    _model("gaussian-filter", "Convolution with a Gaussian, periodic.", "denoisers:GaussianFilter", role="denoiser"),
]
