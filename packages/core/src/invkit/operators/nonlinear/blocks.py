"""Blocks: the parts of a composed map, so that each can be measured by itself."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ...errors import ConfigError
from ..space import Space


@dataclass(frozen=True, eq=False, kw_only=True)
class Block:
    """One part of a composed map, with the Lipschitz constant that is claimed of it alone.

    name: such as ``layer 3``.   call: the part, a map of batches that acts on each image alone.
    space: of its argument.   constant: |call(x) - call(z)| <= constant |x - z|.
    variants: the same part in other states for which the constant is claimed as well, by name. Most useful: its bias
        moved so far up that every unit is active, ``{"all units active": ...}``, because a constant that holds for one
        bias mostly holds for any, and a fault shows where nothing is cut off.

    Raises: ConfigError if the constant is not a number >= 0.
    """

    name: str
    call: Callable[[Tensor], Tensor]
    space: Space
    constant: float
    variants: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.constant < float("inf"):
            raise ConfigError(
                f"Block {self.name}: constant is {self.constant}, expected a finite number >= 0. State what is proved."
            )


class HasBlocks(abc.ABC):
    """An operator or a denoiser that shows its parts: ``class Network(Denoiser, HasBlocks)``.

    Attacks on a composition from end to end have hardly any power: random inputs, power iteration and ascent together
    let a norm that is 5 % too large pass behind three other layers. Each part alone shows it.
    """

    @abc.abstractmethod
    def lipschitz_blocks(self, space: Space) -> Sequence[Block]:
        """The parts for images of this space, in the order in which they are applied; no constant of the whole may
        rest on a part that is not among them.

        Raises: ShapeError if it cannot take these images.
        """
