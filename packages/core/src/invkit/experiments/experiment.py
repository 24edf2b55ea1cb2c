"""One experiment: prepare everything, say what is guaranteed, run, and measure."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..data.sample import Sample
from ..errors import ConfigError, DataError, InvkitError, ShapeError
from ..guarantees import Node, explain, require
from ..metrics import data_range_of, psnr, relative_error, ssim
from ..models import IterativeReconstructor, Reconstructor
from ..operators import HasFineSimulation, LinearOperator
from ..plugins import Registry, get_registry
from ..solvers import Solution
from .building import build_noise, build_operator, build_sample, pattern_of, resolve_input
from .config import Config, Use
from .methods import RefusedError, build_model
from .streams import stream
from .unexpected import UnexpectedError, no_traceback

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
class Guarantee:
    """What is guaranteed of a method. refusal: the error that running it would end with; None if it can run."""

    name: str
    tree: Node
    refusal: ConfigError | None = None


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


@dataclass(frozen=True, eq=False)
class Scene:
    """What every method of an experiment has in common. config: with ``input`` moved to where it is read."""

    config: Config
    sample: Sample
    operator: LinearOperator
    y: Tensor
    truth: Tensor | None
    notes: tuple[str, ...]


def prepare(config: Config, registry: Registry | None = None) -> Prepared:
    """Build everything, make or read the measurement, and evaluate the guarantees.

    Raises: the errors of building; GuaranteeError if a property that the configuration requires does not hold for the
    first model.
    """
    registry = registry or get_registry()
    scene = _scene(config, registry)
    methods = tuple(_method(use, where, scene, registry) for where, use in _uses(scene.config))
    require(methods[0].guarantee, config.require)
    return Prepared(scene.config, scene.sample, scene.operator, scene.y, scene.truth, methods, scene.notes)


def guarantees(config: Config, registry: Registry | None = None) -> tuple[Guarantee, ...]:
    """What is guaranteed of each method. A value that a solver or a model refuses is a premise that does not hold.

    Raises: the errors of building, but for such a value.
    """
    registry = registry or get_registry()
    scene = _scene(config, registry)
    return tuple(_guarantee(use, where, scene, registry) for where, use in _uses(scene.config))


def _scene(config: Config, registry: Registry) -> Scene:
    config = resolve_input(config, registry)
    with no_traceback("data", config.data):
        sample = build_sample(config, registry)
    with no_traceback("operator", config.operator):
        operator = build_operator(config, registry, sample)
    with no_traceback("noise" if config.noise else "operator", config.noise or config.operator):
        y, truth, notes = measure(config, registry, sample, operator)
    return Scene(config, sample, operator, y, truth, notes + _notes_of(sample, operator))


def _uses(config: Config) -> Iterator[tuple[str, Use]]:
    """The key and the table of each method."""
    yield "model", config.model
    for i, use in enumerate(config.compare):
        yield f"compare.{i}", use


def _method(use: Use, where: str, scene: Scene, registry: Registry) -> Method:
    with no_traceback(where, use):
        model = build_model(use, registry, where).to(device=scene.config.device)
        return Method(method_name(use), use, model, explain(model, scene.operator, scene.y))


def _guarantee(use: Use, where: str, scene: Scene, registry: Registry) -> Guarantee:
    name = method_name(use)
    try:
        with no_traceback(where, use):
            model = build_model(use, registry, where).to(device=scene.config.device)
    except RefusedError as error:
        return Guarantee(name, _refused(name, error), error)
    try:
        with no_traceback(where, use):
            return Guarantee(name, explain(model, scene.operator, scene.y))
    except UnexpectedError:
        raise
    except ConfigError as error:  # where the problem is posed, a step meets the bound that it must obey
        return Guarantee(name, _refused(name, error), error)


def _refused(name: str, error: ConfigError) -> Node:
    """The tree of a method that cannot be posed: what it is refused for, and the way out."""
    what, _, advice = str(error).partition(". ") if ", expected" in str(error) else (str(error), "", "")
    premise = Node(statement=f"every setting is accepted: {what.removesuffix('.')}", holds=False, remedy=advice)
    return Node(
        statement=f"{name}: it cannot be posed, so that no theorem speaks of it", holds=False, children=(premise,)
    )


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
    parts = [part.get("use") if isinstance(part, Mapping) else part for part in _listed(inner)]
    short = " + ".join(str(part).rpartition("/")[2] for part in parts if part)
    return f"{name} ({short})" if short else name


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


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
