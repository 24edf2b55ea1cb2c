"""What the other packages of the family provide, so that an unknown name can say what to install."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Plugin name -> names and roles in use (the names that stay). The distribution is ``invkit-<plugin>``.
_OFFICIAL: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ct-astra": frozenset(
            {"parallel-beam-2d", "fan-beam", "cone-beam", "filtered-backprojection", "ray-transform"}
        ),
        "mri-bilevel": frozenset({"wavelet", "wavelet-l1", "wavelet-transform"}),
        "equivariant-unroll": frozenset({"learned-proximal-gradient", "learned-primal-dual"}),
        "nonexpansive-nets": frozenset({"denoiser"}),
    }
)


def official_plugin(ref: str) -> str:
    """The plugin that is known to provide this id, bare name or role; empty if none is."""
    provider, slash, name = ref.rpartition("/")
    if slash:
        return provider if provider in _OFFICIAL else ""
    return next((plugin for plugin, names in _OFFICIAL.items() if name in names), "")
