"""Splits by subject: two slices of one person never stand on both sides of a split."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from ..errors import ConfigError, DataError


def split_by_subject(subjects: Sequence[str], parts: Mapping[str, float], *, seed: int) -> dict[str, tuple[int, ...]]:
    """Indices of the samples of each part, e.g. ``split_by_subject(subjects, {"train": 0.8, "test": 0.2}, seed=0)``.

    subjects: the subject of every sample.   parts: a fraction of the subjects each (adding to at most 1), or a
    number of subjects each (integers). Every part gets at least one subject unless it asks for 0.
    Subjects are ordered by a hash of seed and name, so the order of the samples does not matter.

    Raises: ConfigError if parts are malformed; DataError if there are too few subjects.
    """
    if isinstance(subjects, str) or not all(isinstance(subject, str) for subject in subjects):
        raise ConfigError("split_by_subject: subjects are not a list of strings. Pass [s.subject for s in samples].")
    ordered = sorted(set(subjects), key=lambda subject: hashlib.sha256(f"{seed}:{subject}".encode()).digest())
    counts = _counts(parts, len(ordered))
    part_of: dict[str, str] = {}
    position = 0
    for part, count in counts.items():
        part_of.update((subject, part) for subject in ordered[position : position + count])
        position += count
    split = {part: tuple(i for i, subject in enumerate(subjects) if part_of.get(subject) == part) for part in counts}
    check_disjoint_subjects(subjects, split)
    return split


def check_disjoint_subjects(subjects: Sequence[str], split: Mapping[str, Sequence[int]]) -> None:
    """Raise DataError if a subject has samples in two parts of ``split``."""
    part_of: dict[str, str] = {}
    for part, indices in split.items():
        for index in indices:
            other = part_of.setdefault(subjects[index], part)
            if other != part:
                raise DataError(
                    f"split: subject {subjects[index]!r} is in {other!r} and in {part!r}, expected one part per "
                    "subject. Split with split_by_subject, not by slice."
                )


def _counts(parts: Mapping[str, float], num_subjects: int) -> dict[str, int]:
    """How many subjects each part gets; fractions are rounded by largest remainder."""
    if not parts or any(isinstance(v, bool) or not isinstance(v, int | float) or not 0 <= v for v in parts.values()):
        raise ConfigError(
            f"split_by_subject: parts are {dict(parts)}, expected at least one number >= 0. Name the parts."
        )
    if all(isinstance(value, int) for value in parts.values()):
        counts = {part: int(value) for part, value in parts.items()}
        if sum(counts.values()) > num_subjects:
            raise DataError(
                f"split_by_subject: there are {num_subjects} subjects, expected at least {sum(counts.values())} for "
                f"{counts}. Add subjects or ask for fewer."
            )
        return counts
    total = math.fsum(parts.values())
    if not all(isinstance(value, float) for value in parts.values()) or not 0 < total <= 1 + 1e-9:
        raise ConfigError(
            f"split_by_subject: parts are {dict(parts)}, expected all counts (integers) or all fractions (floats) "
            "that add to at most 1. Correct them."
        )
    return _round_fractions(parts, num_subjects, total)


def _round_fractions(parts: Mapping[str, float], num_subjects: int, total: float) -> dict[str, int]:
    wanted = [part for part, value in parts.items() if value > 0]
    if num_subjects < len(wanted):
        raise DataError(
            f"split_by_subject: there are {num_subjects} subjects, expected at least {len(wanted)}, one for each of "
            f"{wanted}. Add subjects or ask for fewer parts."
        )
    exact = {part: value * num_subjects for part, value in parts.items()}
    counts = {part: math.floor(value + 1e-9) for part, value in exact.items()}
    num_used = min(num_subjects, round(total * num_subjects))
    by_remainder = sorted(parts, key=lambda part: counts[part] - exact[part])
    for part in by_remainder[: max(0, num_used - sum(counts.values()))]:
        counts[part] += 1
    for part in wanted:
        if counts[part] == 0:
            if num_used <= sum(counts.values()) and max(counts.values()) > 1:
                counts[max(counts, key=lambda name: counts[name])] -= 1
            counts[part] = 1
    return counts
