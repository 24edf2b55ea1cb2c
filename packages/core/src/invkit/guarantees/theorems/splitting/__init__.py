"""Theorems about ADMM and Douglas-Rachford."""
