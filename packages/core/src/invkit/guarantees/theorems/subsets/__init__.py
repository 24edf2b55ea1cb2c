"""Theorems about methods that take a part of the data at a time."""
