"""Theorems about Newton's method."""
