"""Tiny instances of what the core registers: odd, not square, weights that are not 1, complex where they may be.

Reference results come from dense linear algebra in float64 or from a closed form; none from what is being checked.
"""
