"""SampleSequence: what every dataset is, a finite sequence of samples."""

from __future__ import annotations

import abc
from collections.abc import Iterator

from .sample import Sample


class SampleSequence(abc.ABC):
    """A finite sequence of samples; ``dataset[i]`` is the same sample every time."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abc.abstractmethod
    def _sample(self, index: int) -> Sample:
        """The sample with 0 <= index < len(self)."""

    def __getitem__(self, index: int) -> Sample:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: index is {index}, expected -{len(self)} to {len(self) - 1}.")
        return self._sample(index % len(self))

    def __iter__(self) -> Iterator[Sample]:
        return (self._sample(index) for index in range(len(self)))
