"""What a measurement may change: constants of a model that is explained before its measurement is known."""

from __future__ import annotations

import functools
from typing import Any

from ..claims import ASSUMED
from ..functionals.base import Functional
from ..functionals.data_fidelity import huber_fit, kullback_leibler, l1_fit, least_squares
from ..models.base import Reconstructor
from ..models.iteratively_regularised import IterativelyRegularised
from ..models.plug_and_play import PlugAndPlay
from ..models.pseudo_inverse import PseudoInverse
from ..models.red import RegularisationByDenoising
from ..models.variational import Variational
from .existence import has_constants_of_its_kind
from .rule import Premise

#: Fidelities whose convexity and smoothness do not depend on y: a centre changes no constant, and where one would
#: depend on it, as that of Kullback and Leibler, none is known.
_BLIND = (least_squares, l1_fit, huber_fit, kullback_leibler)

#: Models of the core whose only fidelity is least squares.
_LEAST_SQUARES = (IterativelyRegularised, PseudoInverse, PlugAndPlay, RegularisationByDenoising)


def sees_measurement(model: Reconstructor, objective: Functional) -> bool:
    """Whether constants of the model's objective may depend on y.

    Of a model of another author, its objective says it: norms, squares and sets of images keep theirs under another
    centre. That its operators and weights are those of every y is part of what the author vouches for by ``basis``.
    """
    if type(model) in _LEAST_SQUARES:
        return False
    if type(model) is Variational:
        return _function(model.data_fidelity) not in _BLIND
    return not has_constants_of_its_kind(objective)


def _function(fidelity: Any) -> Any:
    """What is called, of one with settings; those are bound by name, so that A and y are what it is given."""
    if isinstance(fidelity, functools.partial) and not fidelity.args:
        return None if {"operator", "y"} & set(fidelity.keywords) else fidelity.func
    return fidelity


def without_measurement() -> Premise:
    """That the constants are those of the measurement that comes, which nothing shows yet."""
    return Premise(
        statement="the constants are those of this measurement",
        holds=True,
        basis=ASSUMED,
        how="no measurement was given: those of zeros",
        remedy="pass y: explain(model, operator, y)",
    )
