"""Everything that invkit can ask of this plugin: one test for each object, check and precision."""

from __future__ import annotations

from invkit.testing import parametrize_with_checks

test_conformance = parametrize_with_checks(plugin="ct-astra")
