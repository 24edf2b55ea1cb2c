"""Theorems about invariance and equivariance."""
