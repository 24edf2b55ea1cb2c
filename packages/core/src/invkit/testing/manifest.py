"""Is a plugin sound as a package? It imports nothing heavy, and what it announces is there and is what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from ..errors import MissingDependencyError
from ..functionals import SquaredL2, least_squares
from ..guarantees import Setting
from ..models import Adjoint
from ..operators import Identity
from ..plugins import Entry, Registry, Status
from ..plugins.discovery import describe
from ..solvers import GradientDescent
from .cases import Example, as_examples
from .check import CheckResult, Context, Outcome, Skip
from .interfaces import KIND, problem_of_instance, problem_of_target

_IMPORT_ALONE = """
import json, sys
from importlib.metadata import EntryPoint
from invkit.plugins import Registry
registry = Registry([EntryPoint(sys.argv[1], sys.argv[2], "invkit")], environ={})
status = registry.statuses[-1]
print(json.dumps({"reason": status.reason, "notes": status.notes}))
"""


def light_import(status: Status) -> CheckResult:
    """In a process of its own: discovering the plugin imports neither torch nor another slow library."""

    def ask() -> str:
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT_ALONE, status.name, status.target],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode != 0:
            return f"importing {status.target} ended with {done.returncode}: {done.stderr.strip()[-200:]}"
        found = json.loads(done.stdout.splitlines()[-1])
        return str(found["reason"]) or "; ".join(found["notes"])

    return _answered("light-import", status.name, ask)


def announces(status: Status) -> CheckResult:
    """The plugin announces something."""

    def ask() -> str:
        return "" if status.entries else "no hook returns a Spec, so that nothing of it can be used"

    return _answered("announces", status.name, ask)


def _loads(registry: Registry, entry: Entry, context: Context) -> str:
    """The target and the example can be imported, and the target is what its kind needs."""
    problem = problem_of_target(entry, registry.load(entry))
    if not problem and entry.spec.example and not callable(registry.load_example(entry)):
        problem = f"example is {entry.spec.example}, expected a callable (device, dtype)"
    return problem


def _has_example(registry: Registry, entry: Entry, context: Context) -> str:
    """What states claims has an example, without which nothing of it can be measured."""
    if entry.spec.example:
        return ""
    if entry.spec.claims:
        stated = ", ".join(str(claim) for claim in entry.spec.claims)
        return f"the Spec states {stated} and has no example, expected one. Add example='module:function'."
    raise Skip("it states no claim and has no example")


def _interface(registry: Registry, entry: Entry, context: Context) -> str:
    """The example is what the kind and the role say."""
    if not entry.spec.example:
        raise Skip("it has no example")
    problems = (problem_of_instance(entry, one.subject) for one in examples_of(registry, entry, context))
    return next(filter(None, problems), "")


def _about(registry: Registry, entry: Entry, context: Context) -> str:
    """The rule says of any setting whether it speaks of it: ``explain`` asks it of every one."""
    rule = registry.load(entry)
    problem = problem_of_target(entry, rule)
    if problem:
        return problem
    for what, setting in _settings(context):
        try:
            rule.about(setting)
        except Exception as error:
            return f"about() raised {describe(error)} for {what}, expected True or False. Look at the types first."
    return ""


def _settings(context: Context) -> Iterator[tuple[str, Setting]]:
    """Settings of each shape that ``explain`` knows: an object alone, a problem with its solver, a model."""
    place = Identity((4, 5), 1, context.dtype, context.device)
    y = place.domain.zeros(1)
    yield "an operator", Setting(subject=place)
    yield "a functional", Setting(subject=SquaredL2())
    yield "a model without iteration", Setting(subject=Adjoint(), operator=place, y=y)
    solver, objective = GradientDescent(), least_squares(place, y)
    yield "a problem", Setting(subject=objective, solver=solver, problem=solver.prepare(objective))


Question = Callable[[Registry, Entry, Context], str]

#: What is asked of each announced object; of objects that nothing measures, whether they load.
QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {"loads": _loads, "has-example": _has_example, "interface": _interface, "about": _about}
)

#: Kinds of which more is asked than whether they load.
_OF_KIND: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {**dict.fromkeys(KIND, ("loads", "has-example", "interface")), "rule": ("loads", "about")}
)


def questions_for(entry: Entry) -> tuple[str, ...]:
    """The names of the questions that make sense for this kind."""
    return _OF_KIND.get(entry.kind, ("loads",))


def ask(name: str, registry: Registry, entry: Entry, context: Context) -> CheckResult:
    """Ask one question of one announced object."""
    return _answered(name, entry.id, lambda: QUESTIONS[name](registry, entry, context))


def examples_of(registry: Registry, entry: Entry, context: Context) -> tuple[Example, ...]:
    """Fresh tiny instances, one or several. Raises: whatever the author's function raises."""
    return as_examples(registry.load_example(entry)(context.device, context.dtype))


def _answered(name: str, subject: str, ask: Callable[[], str]) -> CheckResult:
    try:
        problem = ask()
    except (Skip, MissingDependencyError) as skip:
        return CheckResult(check=name, subject=subject, outcome=Outcome.SKIPPED, reason=str(skip))
    except Exception as error:  # whatever a plugin raises ends this question and no other
        return CheckResult(check=name, subject=subject, outcome=Outcome.FAILED, reason=describe(error))
    outcome = Outcome.REFUTED if problem else Outcome.NOT_REFUTED
    return CheckResult(check=name, subject=subject, outcome=outcome, reason=problem)
