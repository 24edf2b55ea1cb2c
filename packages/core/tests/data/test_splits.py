from __future__ import annotations

import random

import pytest

from invkit.data import check_disjoint_subjects, split_by_subject
from invkit.errors import ConfigError, DataError

# 20 subjects of 1 to 5 slices each
SUBJECTS = [f"p{i:02d}" for i in range(20) for _ in range(1 + i % 5)]
FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def subjects_of(split: dict[str, tuple[int, ...]], subjects: list[str]) -> dict[str, set[str]]:
    return {part: {subjects[i] for i in indices} for part, indices in split.items()}


@pytest.mark.parametrize("seed", range(5))
def test_no_subject_is_in_two_parts_and_no_sample_is_lost(seed: int) -> None:
    split = split_by_subject(SUBJECTS, FRACTIONS, seed=seed)
    parts = list(subjects_of(split, SUBJECTS).values())
    assert [len(part) for part in parts] == [12, 4, 4]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert sorted(i for indices in split.values() for i in indices) == list(range(len(SUBJECTS)))


def test_the_order_of_the_samples_does_not_matter() -> None:
    shuffled = SUBJECTS.copy()
    random.Random(0).shuffle(shuffled)
    first = subjects_of(split_by_subject(SUBJECTS, FRACTIONS, seed=1), SUBJECTS)
    assert subjects_of(split_by_subject(shuffled, FRACTIONS, seed=1), shuffled) == first
    assert subjects_of(split_by_subject(SUBJECTS, FRACTIONS, seed=2), SUBJECTS) != first


def test_counts_are_numbers_of_subjects() -> None:
    split = subjects_of(split_by_subject(SUBJECTS, {"train": 3, "test": 2, "none": 0}, seed=0), SUBJECTS)
    assert {part: len(names) for part, names in split.items()} == {"train": 3, "test": 2, "none": 0}


@pytest.mark.parametrize("num_subjects", [3, 4, 5, 7, 11])
def test_every_part_gets_a_subject_and_none_is_used_twice(num_subjects: int) -> None:
    subjects = [f"s{i}" for i in range(num_subjects)]
    split = split_by_subject(subjects, {"train": 0.9, "validation": 0.05, "test": 0.05}, seed=0)
    assert all(split.values())
    assert sum(map(len, split.values())) == num_subjects


def test_fractions_below_one_leave_subjects_out() -> None:
    split = split_by_subject([str(i) for i in range(10)], {"train": 0.3, "test": 0.2}, seed=0)
    assert [len(indices) for indices in split.values()] == [3, 2]


def test_too_few_subjects_are_an_error() -> None:
    with pytest.raises(DataError, match="there are 2 subjects, expected at least 3, one for each of"):
        split_by_subject(["a"] * 50 + ["b"] * 50, FRACTIONS, seed=0)
    with pytest.raises(DataError, match="there are 2 subjects, expected at least 5"):
        split_by_subject(["a", "b"], {"train": 4, "test": 1}, seed=0)


@pytest.mark.parametrize(
    "parts", [{}, {"a": 0.7, "b": 0.7}, {"a": 1, "b": 0.5}, {"a": -1}, {"a": True}, {"a": float("nan")}, {"a": 0.0}]
)
def test_malformed_parts_are_an_error(parts: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="split_by_subject: parts are"):
        split_by_subject(SUBJECTS, parts, seed=0)


def test_a_string_is_not_a_list_of_subjects() -> None:
    with pytest.raises(ConfigError, match="not a list of strings"):
        split_by_subject("abc", FRACTIONS, seed=0)


def test_a_split_by_slice_is_rejected() -> None:
    by_slice = {"train": range(0, len(SUBJECTS), 2), "test": range(1, len(SUBJECTS), 2)}
    with pytest.raises(DataError, match=r"subject 'p\d\d' is in 'train' and in 'test'"):
        check_disjoint_subjects(SUBJECTS, by_slice)
