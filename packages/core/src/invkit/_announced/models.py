"""The models of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import COMPLEX, DEVICES, REAL, example


def _model(
    name: str, summary: str, place: str, *references: str, role: str = "", dtypes: tuple[str, ...] = REAL + COMPLEX
) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.models.{place}",
        example=example("models", name),
        devices=DEVICES,
        dtypes=dtypes,
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
    _model(
        "operator-denoiser",
        "Any operator from a space to itself, as a denoiser.",
        "derived_denoisers:OperatorDenoiser",
        role="denoiser",
    ),
    _model(
        "clipped-denoiser",
        "Another denoiser, its results clipped to a range of values.",
        "derived_denoisers:ClippedDenoiser",
        role="denoiser",
        dtypes=REAL,
    ),
    _model(
        "residual-denoiser",
        "The image minus a multiple of what another map shows as noise.",
        "derived_denoisers:ResidualDenoiser",
        role="denoiser",
    ),
    _model(
        "oracle-residual",
        "A residual denoiser mixed with an oracle, of which only what is provable is claimed.",
        "derived_denoisers:OracleResidual",
        "Hertrich, Neumayer and Steidl (2021)",
        role="denoiser",
    ),
]
