"""Theorems about descent along gradients and proximal maps."""
