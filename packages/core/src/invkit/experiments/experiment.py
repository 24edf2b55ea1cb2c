"""One experiment: prepare everything, say what is guaranteed, run, and measure."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..data.sample import Sample
from ..errors import DataError, InvkitError, ShapeError
from ..guarantees import Node, explain, require
from ..metrics import data_range_of, psnr, relative_error, ssim
from ..models import IterativeReconstructor, Reconstructor
from ..operators import HasFineSimulation, LinearOperator
from ..plugins import Registry, get_registry
from ..solvers import Solution
from .building import build_model, build_noise, build_operator, build_sample, pattern_of, resolve_input
from .config import Config, Use
from .streams import stream

logger = logging.getLogger("invkit")


@dataclass(frozen=True, eq=False)
class Method:
    """A model with its name and what is guaranteed for it on this operator."""

    name: str
    use: Use
    model: Reconstructor
    guarantee: Node


@dataclass(frozen=True, eq=False)
class Prepared:
    """An experiment that is ready to run; nothing has been reconstructed or written."""

    config: Config
    sample: Sample
    operator: LinearOperator
    y: Tensor
    truth: Tensor | None
    methods: tuple[Method, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one method gave."""

    method: Method
    x: Tensor
    seconds: float
    solution: Solution | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``converged``, ``direct``, or why the iteration ended."""
        return "direct" if self.solution is None else self.solution.status[0].value


def prepare(config: Config, registry: Registry | None = None) -> Prepared:
    """Build everything, make or read the measurement, and evaluate the guarantees.

    Raises: the errors of building; GuaranteeError if a property that the configuration requires does not hold for the
    first model.
    """
    registry = registry or get_registry()
    config = resolve_input(config, registry)
    sample = build_sample(config, registry)
    operator = build_operator(config, registry, sample)
    y, truth, notes = measure(config, registry, sample, operator)
    notes += _notes_of(sample, operator)
    methods = []
    for use in (config.model, *config.compare):
        model = build_model(use, registry).to(device=config.device)
        methods.append(Method(method_name(use), use, model, explain(model, operator, y)))
    require(methods[0].guarantee, config.require)
    return Prepared(config, sample, operator, y, truth, tuple(methods), notes)


def measure(
    config: Config, registry: Registry, sample: Sample, operator: LinearOperator
) -> tuple[Tensor, Tensor | None, tuple[str, ...]]:
    """The measurement, the truth if there is one, and notes on how they came about."""
    if sample.measurement is not None:
        return _measured(config, sample, operator)
    if sample.truth is None:
        raise DataError(f"{sample.name}: it has neither truth nor measurement, expected one. Choose another sample.")
    truth = sample.truth.to(operator.domain.device, operator.domain.dtype)
    if truth.shape[1:] != operator.domain.shape:
        raise ShapeError(
            f"{sample.name}: image has shape {tuple(truth.shape[1:])}, expected {operator.domain.shape} as the "
            "operator. Leave image_shape out of [operator], or set it in [data]."
        )
    notes = []
    if isinstance(operator, HasFineSimulation) and config.simulation.oversampling > 1:
        y = operator.simulate(truth, oversampling=config.simulation.oversampling)
        notes.append(
            f"scan simulated by a {config.simulation.oversampling}x finer projector than the one that reconstructs, of "
            "the same pixels"
        )
    else:
        y = operator.forward(truth)
        notes.append("measurement simulated with the reconstructing operator itself")
    noise = build_noise(config, registry, operator)
    if noise is not None:
        y = noise(y, stream(config.seed, "noise"))
        notes.append(f"noise: {noise}")
    pattern = pattern_of(operator)
    if pattern is not None:
        notes.append(_sampling_note(pattern))
    return y, truth, tuple(notes)


def _measured(
    config: Config, sample: Sample, operator: LinearOperator
) -> tuple[Tensor, Tensor | None, tuple[str, ...]]:
    assert sample.measurement is not None
    y = sample.measurement.to(operator.codomain.device, operator.codomain.dtype)
    operator.codomain.check(y, sample.name)
    notes = ["real measurement, no noise added"]
    pattern = pattern_of(operator)
    if pattern is not None:
        y = y * pattern
        acquired = sample.metadata.get("sampling_pattern")
        share = 1.0 if acquired is None else float(acquired.double().mean())
        if share < 1:
            notes.append(f"the scanner acquired {100 * share:.1f} % of k-space")
        if abs(float((pattern != 0).double().mean()) - share) > 1e-9:
            notes.append(f"retrospectively undersampled: {_sampling_note(pattern)}")
        if sample.coil_sensitivities is not None and not _covers_centre(pattern, config):
            notes.append(
                "coil sensitivities come from the centre of the file, part of which this pattern leaves out: a scan "
                "with it would need a calibration of its own"
            )
    reference = sample.metadata.get("reference")
    truth = None if reference is None else reference.to(operator.domain.device, operator.domain.dtype)
    if truth is not None:
        notes.append("reference: coil combination of the fully sampled data")
    return y, truth, tuple(notes)


def run(method: Method, prepared: Prepared, *, progress: bool = False) -> Outcome:
    """Reconstruct with one method and compare with the truth, if there is one."""
    start = time.perf_counter()
    solution = None
    with torch.no_grad():
        if isinstance(method.model, IterativeReconstructor) and not method.model.is_direct(prepared.operator):
            solution = method.model.solve(prepared.y, prepared.operator, record_objective=True, progress=progress)
            x = solution.x
        else:
            x = method.model(prepared.y, prepared.operator)
    seconds = time.perf_counter() - start
    metrics = {} if prepared.truth is None else compare(x, prepared.truth)
    return Outcome(method, x, seconds, solution, metrics)


def compare(x: Tensor, truth: Tensor) -> dict[str, float]:
    """PSNR and SSIM against the range of this truth, and the relative error, of the first image, where defined."""
    x, truth = x.cpu(), truth.cpu()
    if not bool(torch.isfinite(torch.view_as_real(x) if x.is_complex() else x).all()):
        return {}  # the status says diverged; a number would say more than is known
    magnitude = truth.abs() if truth.is_complex() else truth
    data_range = data_range_of(magnitude)
    found: dict[str, float] = {}
    for name, metric in (
        ("psnr", lambda: psnr(x, truth, data_range=data_range)),
        ("ssim", lambda: ssim(x, truth, data_range=data_range)),
        ("relative_error", lambda: relative_error(x, truth)),
    ):
        try:
            found[name] = float(metric()[0])
        except InvkitError as error:
            # A number that is not defined here (a constant truth, an image below the window of SSIM) is left out;
            # it must not cost the reconstruction.
            logger.warning("%s is left out: %s", name, error)
    return found


def method_name(use: Use) -> str:
    """A short name for tables: ``variational (tv)``, ``filtered-backprojection``."""
    name = use.use.rpartition("/")[2]
    inner = use.parameters.get("regulariser")
    regulariser = inner.get("use") if isinstance(inner, Mapping) else inner
    return f"{name} ({str(regulariser).rpartition('/')[2]})" if regulariser else name


def _notes_of(sample: Sample, operator: LinearOperator) -> tuple[str, ...]:
    """What a reader of the report should know of the file."""
    found = [*sample.metadata.get("warnings", ()), sample.metadata.get("note")]
    if sample.metadata.get("modality") == "CT" and operator.domain.is_complex:
        found.append("the image is a CT slice in Hounsfield units, expected MRI for this operator")
        logger.warning("%s: %s", sample.name, found[-1])
    return tuple(text for text in found if text)


def _covers_centre(pattern: Tensor, config: Config) -> bool:
    """Whether the pattern samples the whole block that coil sensitivities are estimated from."""
    size = int(config.data.parameters.get("calibration_size", 24))
    block = pattern
    for axis, n in enumerate(pattern.shape):
        if n > 1:
            near = torch.fft.fftfreq(n, 1 / n, device=pattern.device).abs() < size / 2
            block = block.index_select(axis, near.nonzero()[:, 0])
    return bool((block != 0).all())


def _sampling_note(pattern: Tensor) -> str:
    share = float((pattern != 0).double().mean())
    return f"{100 * share:.1f} % of k-space sampled"
