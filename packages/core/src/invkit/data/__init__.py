"""Data: samples, phantoms, noise, splits, coil sensitivities, files and the datasets made of them."""

from __future__ import annotations

from .coil_sensitivities import estimate_coil_sensitivities
from .datasets import Ellipses, ImageFile, KSpaceFile, Photograph, SheppLogan
from .formats import FileImage, read, write, write_grey
from .noise import ComplexGaussian, Gaussian, PostLogPoisson
from .phantoms import Ellipse, ellipse_sinogram, random_ellipses, rasterise, shepp_logan_ellipses
from .sample import Sample, check_finite
from .splits import check_disjoint_subjects, split_by_subject

__all__ = [
    "ComplexGaussian",
    "Ellipse",
    "Ellipses",
    "FileImage",
    "Gaussian",
    "ImageFile",
    "KSpaceFile",
    "Photograph",
    "PostLogPoisson",
    "Sample",
    "SheppLogan",
    "check_disjoint_subjects",
    "check_finite",
    "ellipse_sinogram",
    "estimate_coil_sensitivities",
    "random_ellipses",
    "rasterise",
    "read",
    "shepp_logan_ellipses",
    "split_by_subject",
    "write",
    "write_grey",
]
