"""Iterations for x = T(x), each image by itself."""

from __future__ import annotations

from .anderson import Anderson
from .base import Iteration, IterationResult
from .broyden import Broyden
from .picard import Picard

__all__ = ["Anderson", "Broyden", "Iteration", "IterationResult", "Picard"]
