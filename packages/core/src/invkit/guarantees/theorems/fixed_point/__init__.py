"""Theorems about iterated maps: averaged, contractive, Plug-and-Play, Runge-Kutta."""
