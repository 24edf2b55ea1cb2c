"""The public names of ``invkit``, pinned: one that goes or comes is a decision, made here."""

from __future__ import annotations

import pytest

import invkit

NAMES = [
    "Basis",
    "Claim",
    "ClaimRefutedError",
    "ConfigError",
    "ConvergenceError",
    "DataError",
    "GuaranteeError",
    "InvkitError",
    "MissingDependencyError",
    "PluginError",
    "Registry",
    "ShapeError",
    "Spec",
    "UnknownNameError",
    "__version__",
    "build",
    "check",
    "explain",
    "get_registry",
    "solve",
]


def test_the_public_names_are_these() -> None:
    assert dir(invkit) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(invkit, name)


def test_any_other_name_is_not() -> None:
    with pytest.raises(AttributeError, match="module 'invkit' has no attribute 'reconstruct_everything'"):
        invkit.reconstruct_everything  # noqa: B018
