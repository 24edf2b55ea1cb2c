"""Sample: one image or one measurement, with what is needed to reconstruct and to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError


def check_finite(tensor: Tensor, name: str) -> None:
    """Raise DataError if ``tensor`` holds NaN or inf, saying how many and where the first one is."""
    bad = ~torch.isfinite(tensor)
    count = int(bad.sum())
    if count:
        first = tuple(int(i) for i in bad.nonzero()[0])
        raise DataError(
            f"{name}: {count} of {tensor.numel()} values are NaN or inf (the first at index {first}), "
            "expected finite numbers. Mask or repair them before reading."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One item of a dataset.

    name: unique in its dataset.   subject: the person or object; samples of one subject are never split apart.
    truth: image (1, channel, *spatial) or None.   measurement: sinogram or k-space with a batch axis of 1, or None.
    spacing: mm per pixel, one number per spatial axis, or None if unknown.   units: of the image values, "" if none.
    coil_sensitivities: (coil, *spatial) or None.   metadata: everything that was changed or is worth recording.

    Raises: DataError if a tensor holds NaN or inf, lacks its batch axis, or the spacing does not fit the image.
    """

    name: str
    subject: str
    truth: Tensor | None = None
    measurement: Tensor | None = None
    spacing: tuple[float, ...] | None = None
    units: str = ""
    coil_sensitivities: Tensor | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("truth", "measurement"):
            tensor = getattr(self, what)
            if tensor is None:
                continue
            if tensor.ndim < 3 or tensor.shape[0] != 1:
                raise DataError(
                    f"Sample {self.name}: {what} has shape {tuple(tensor.shape)}, expected (1, channel, *spatial). "
                    "Add the batch and channel axes."
                )
            check_finite(tensor, f"Sample {self.name}: {what}")
        if self.coil_sensitivities is not None:
            check_finite(self.coil_sensitivities, f"Sample {self.name}: coil_sensitivities")
        self._check_spacing()
        object.__setattr__(self, "metadata", dict(self.metadata))

    def _check_spacing(self) -> None:
        if self.spacing is None:
            return
        num_axes = None if self.truth is None else self.truth.ndim - 2
        if num_axes not in (None, len(self.spacing)) or not all(0 < mm < float("inf") for mm in self.spacing):
            raise DataError(
                f"Sample {self.name}: spacing is {self.spacing}, expected {num_axes or 'one or more'} positive lengths "
                "in mm. Give one per spatial axis, or None if it is unknown."
            )
