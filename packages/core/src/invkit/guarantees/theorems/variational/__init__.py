"""Theorems about what a variational reconstruction is, whoever computes it: stable, differentiable."""
