"""Is a plugin sound as a package? It imports nothing heavy, and what it announces is there and is what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..errors import MissingDependencyError
from ..plugins import Entry, Registry, Status
from ..plugins.discovery import describe
from ..plugins.policy import BUILTIN
from ..plugins.repeated import repeated_hooks, said_of
from .cases import Example, as_examples, problem_of_subject
from .check import CheckResult, Context, Outcome, Skip
from .interfaces import KIND, problem_of_instance, problem_of_target
from .rule_questions import applies, speaks

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
    """The plugin announces something, and no hook of it hides another of the same name."""

    def ask() -> str:
        if twice := said_of(repeated_hooks(status), status.target):
            return twice
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
    target = registry.load(entry)
    problems = (
        problem_of_instance(entry, one.subject) or problem_of_subject(target, one.subject)
        for one in examples_of(registry, entry, context)
    )
    return next(filter(None, problems), "")


def _about(registry: Registry, entry: Entry, context: Context) -> str:
    """The rule says of any setting whether it speaks of it: ``explain`` asks it of every one."""
    rule = registry.load(entry)
    return problem_of_target(entry, rule) or speaks(rule, context)


def _applies(registry: Registry, entry: Entry, context: Context) -> str:
    """No premise and no conclusion raises for the examples of its plugin and of the core."""
    rule = registry.load(entry)
    return problem_of_target(entry, rule) or applies(registry, entry, rule, context)


Question = Callable[[Registry, Entry, Context], str]

#: What is asked of each announced object; of objects that nothing measures, whether they load.
QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {"loads": _loads, "has-example": _has_example, "interface": _interface, "about": _about, "applies": _applies}
)

#: Kinds of which more is asked than whether they load.
_OF_KIND: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {**dict.fromkeys(KIND, ("has-example", "interface")), "rule": ("about", "applies")}
)


def questions_for(entry: Entry) -> tuple[str, ...]:
    """The names of the questions that make sense for this kind."""
    return ("loads", *_of(entry))


def _of(entry: Entry) -> tuple[str, ...]:
    """What is asked beside whether it loads; the core's theorems meet all examples in its own tests."""
    asked = _OF_KIND.get(entry.kind, ())
    return tuple(name for name in asked if name != "applies" or entry.provider != BUILTIN)


def ask(name: str, registry: Registry, entry: Entry, context: Context) -> CheckResult:
    """Ask one question of one announced object."""
    return _answered(name, entry.id, lambda: QUESTIONS[name](registry, entry, context))


def examples_of(registry: Registry, entry: Entry, context: Context) -> tuple[Example, ...]:
    """Fresh tiny instances, one or several. Raises: whatever the author's function raises."""
    return as_examples(registry.load_example(entry)(context.device, context.dtype))


def trouble_with(registry: Registry, entry: Entry, context: Context) -> str:
    """What ``invkit plugins doctor`` says of an object: whether it loads, and its examples and claims can be made.

    Raises: Skip, MissingDependencyError where nothing can be said; whatever the author's functions raise.
    """
    problem = _loads(registry, entry, context)
    if problem or entry.kind == "rule":
        return problem or next(filter(None, (QUESTIONS[name](registry, entry, context) for name in _of(entry))), "")
    if not entry.spec.example or context.device.type not in entry.spec.devices:
        return ""
    for example in examples_of(registry, entry, context):
        states = getattr(example.subject, "claims", None)
        try:
            tuple(states()) if callable(states) else ()
        except Exception as error:
            return f"claims() of its example raised {describe(error)}"
    return ""


def _answered(name: str, subject: str, ask: Callable[[], str]) -> CheckResult:
    try:
        problem = ask()
    except (Skip, MissingDependencyError) as skip:
        return CheckResult(check=name, subject=subject, outcome=Outcome.SKIPPED, reason=str(skip))
    except Exception as error:  # whatever a plugin raises ends this question and no other
        return CheckResult(check=name, subject=subject, outcome=Outcome.FAILED, reason=describe(error))
    outcome = Outcome.REFUTED if problem else Outcome.NOT_REFUTED
    return CheckResult(check=name, subject=subject, outcome=outcome, reason=problem)
