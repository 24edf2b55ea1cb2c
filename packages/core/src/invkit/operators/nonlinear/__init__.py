"""Operators that need not be linear, what they are made of, and how far apart their values may be."""
