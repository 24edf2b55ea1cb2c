"""Rules that choose the weight of a regulariser from the measurement alone, without the truth."""

from __future__ import annotations

from .choice import WeightChoice
from .discrepancy import discrepancy_principle
from .generalised_cross_validation import generalised_cross_validation
from .l_curve import l_curve
from .sure import monte_carlo_sure

__all__ = ["WeightChoice", "discrepancy_principle", "generalised_cross_validation", "l_curve", "monte_carlo_sure"]
