"""Theorems about linear systems and least squares."""
