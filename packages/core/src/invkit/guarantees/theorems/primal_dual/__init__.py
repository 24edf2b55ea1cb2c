"""Theorems about primal-dual methods."""
