"""All that invkit can ask of this plugin."""

from __future__ import annotations

from invkit.testing import parametrize_with_checks

test_conformance = parametrize_with_checks(plugin="cycle-spinning")
