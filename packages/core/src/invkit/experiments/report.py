"""report.html: one self-contained page with images, error images, curves, a table, and what is guaranteed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from .experiment import Outcome, Prepared
from .figures import as_picture, curves, picture


@dataclass(frozen=True)
class Panel:
    """One method in a report."""

    name: str
    status: str
    seconds: float
    steps: int | None
    residual: float | None
    metrics: Mapping[str, float]
    image: str
    error: str | None
    guarantee: Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One measurement and the methods that were run on it, ready to be shown."""

    title: str
    notes: tuple[str, ...]
    operator: str
    truth: str | None
    truth_label: str
    measurement: str
    window: tuple[float, float]
    error_high: float
    units: str
    panels: tuple[Panel, ...]
    plots: tuple[str, ...]

    @classmethod
    def of(cls, prepared: Prepared, outcomes: Sequence[Outcome]) -> Case:
        """Draw everything once, so that rendering is only text. Baselines come first, the model of interest last."""
        outcomes = [*outcomes[1:], outcomes[0]]
        images = [as_picture(outcome.x.cpu().numpy()) for outcome in outcomes]
        truth = None if prepared.truth is None else as_picture(prepared.truth.cpu().numpy())
        low, high = _window(truth if truth is not None else images[0])
        errors = [None if truth is None else np.abs(image - truth) for image in images]
        error_high = max((float(np.nanpercentile(e, 99.5)) for e in errors if e is not None), default=0.0)
        panels = tuple(
            Panel(
                name=outcome.method.name,
                status=outcome.status,
                seconds=outcome.seconds,
                steps=None if outcome.solution is None else int(outcome.solution.steps[0]),
                residual=None if outcome.solution is None else float(outcome.solution.optimality[0]),
                metrics=outcome.metrics,
                image=picture(image, low, high),
                error=None if error is None else picture(error, 0.0, error_high, "magma"),
                guarantee=outcome.method.guarantee.as_dict(),
            )
            for outcome, image, error in zip(outcomes, images, errors, strict=True)
        )
        return cls(
            title=prepared.config.title or Path(prepared.sample.name).name,
            notes=prepared.notes,
            operator=repr(prepared.operator),
            truth=None if truth is None else picture(truth, low, high),
            truth_label="reference" if prepared.sample.measurement is not None else "truth",
            measurement=_measurement_picture(prepared),
            window=(low, high),
            error_high=error_high,
            units=prepared.sample.units,
            panels=panels,
            plots=_plots(outcomes),
        )


def render(
    title: str,
    cases: Sequence[Case],
    *,
    versions: Mapping[str, str],
    interrupted: bool = False,
    introduction: str = "",
    plugins: Sequence[Mapping[str, str]] = (),
) -> str:
    """The page as a string.

    introduction: a paragraph above the cases.   plugins: rows (name, version, state, objects) of what was discovered.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("invkit.experiments", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=title,
        cases=cases,
        versions=versions,
        interrupted=interrupted,
        introduction=introduction,
        plugins=plugins,
        created=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def _window(image: np.ndarray) -> tuple[float, float]:
    finite = image[np.isfinite(image)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, (0.5, 99.8)))
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def _measurement_picture(prepared: Prepared) -> str:
    y = prepared.y.cpu().numpy()
    if np.iscomplexobj(y):
        image = np.log10(np.fft.fftshift(as_picture(y)) + 1e-6 * float(np.abs(y).max() or 1.0))
    else:
        image = as_picture(y)
    return picture(image, *_window(image))


def _plots(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    iterated = [outcome for outcome in outcomes if outcome.solution is not None]
    if not iterated:
        return ()
    residuals, objectives = [], []
    for outcome in iterated:
        assert outcome.solution is not None
        history = outcome.solution.history
        residuals.append((outcome.method.name, history.steps, history.optimality[:, 0].tolist()))
        if history.objective is not None and len(history.steps) > 1:
            values = history.objective[:, 0]
            # The gap to the best value seen: a straight line on this axis is linear convergence.
            gap = ((values - values.min()) / values.min().abs().clamp_min(1e-30)).clamp_min(1e-12)
            objectives.append((outcome.method.name, history.steps[:-1], gap[:-1].tolist()))
    tolerances = {getattr(getattr(outcome.method.model, "stopping", None), "rtol", None) for outcome in iterated}
    tolerance = next(iter(tolerances)) if len(tolerances) == 1 else None
    plots = [curves(residuals, "relative residual", tolerance=tolerance)]
    if objectives:
        plots.append(curves(objectives, "objective above best seen (relative)"))
    return tuple(plots)
