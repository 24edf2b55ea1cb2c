"""Pictures for reports, as PNG data that an HTML file can hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

#: Line colours that stay apart for colour-blind readers (Okabe, Ito 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def picture(image: np.ndarray, low: float, high: float, colours: str = "gray") -> str:
    """A 2D array between ``low`` and ``high`` as a ``data:`` address, pixel for pixel."""
    buffer = io.BytesIO()
    high = high if high > low else low + 1.0
    imsave(buffer, np.nan_to_num(image, nan=low, posinf=high, neginf=low), vmin=low, vmax=high, cmap=colours)
    return _address(buffer)


def curves(
    series: Sequence[tuple[str, Sequence[float], Sequence[float]]], ylabel: str, *, tolerance: float | None = None
) -> str:
    """Lines (label, steps, values) over the step, the values on a logarithmic axis, as a ``data:`` address."""
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(5.2, 2.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for (label, steps, values), colour in zip(series, COLOURS * len(series), strict=False):
            axes.plot(steps, values, color=colour, label=label, linewidth=1.6, marker=".", markersize=3)
        if tolerance is not None:
            axes.axhline(tolerance, color="#888888", linewidth=1, linestyle="--", label="tolerance")
        axes.set_yscale("log")
        axes.set_xlabel("step")
        axes.set_ylabel(ylabel)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
    return _address(buffer)


def as_picture(array: np.ndarray) -> np.ndarray:
    """The first image of (batch, channel, *spatial): magnitude if complex, the middle slice of a volume."""
    image = array.reshape(-1, *array.shape[2:])[0]
    image = np.abs(image) if np.iscomplexobj(image) else image
    while image.ndim > 2:
        image = image[len(image) // 2]
    return image


def _address(buffer: io.BytesIO) -> str:
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
