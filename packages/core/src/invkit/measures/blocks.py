"""The blocks of a composed map, each attacked by itself with all its units active."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..claims import Claim, find_claim
from ..operators.base import LinearOperator, Operator
from ..operators.nonlinear.algebra import NonlinearComposition
from ..operators.nonlinear.blocks import Block, HasBlocks
from ..operators.nonlinear.gradient_flow_step import GradientFlowStep
from ..operators.space import Space
from .attacks import Attack, Map, jacobian_power, local_pairs, structured_pairs
from .lipschitz import lipschitz_ratio, lipschitz_ratio_at
from .measurement import Measurement, Worst

#: What a block is attacked with: it is small and may be asked often.
BLOCK_ATTACKS: tuple[Attack, ...] = (local_pairs, structured_pairs, jacobian_power)

#: Biases for all units: one so large that no input of moderate size switches a unit off, and two at which smooth
#: activations that are too steep somewhere are steepest (GELU at 1.41, SiLU at 2.40).
_BIASES = {"all units active": 1e3, "a bias of 1.4": 1.4, "a bias of 2.4": 2.4}


def block_ratio(blocks: Sequence[Block], *, generator: torch.Generator, num_steps: int = 150) -> Measurement:
    """The worst ``lipschitz_ratio`` over the blocks and their variants; at most 1 if every constant is true.

    150 steps of power iteration find a norm 1 % too large in convolutions of 64 x 64 images, not in small ones.
    """
    worst: Worst | None = None
    for block in blocks:
        for variant, call in _states(block):
            found = lipschitz_ratio(
                call,
                block.space,
                block.constant,
                generator=generator,
                num_starts=2,
                num_steps=num_steps,
                attacks=BLOCK_ATTACKS,
            )
            worst = worst or Worst(found.bound)
            worst.bound = max(worst.bound, found.bound)
            worst.trials += found.trials - 1
            where = f"{block.name}{f', {variant}' if variant else ''}: {found.where}"
            worst.offer(found.value, where, block=block.name, variant=variant, **found.counterexample)
    return (worst or Worst(1.0)).measurement()


def block_ratio_at(
    blocks: Sequence[Block], block: str, variant: str, x: Tensor, z: Tensor, constant: float, rounding: float
) -> float:
    """The ratio for one pair of one block in one state, by name; of the first block of that name."""
    for one in blocks:
        for name, call in _states(one):
            if (one.name, name) == (block, variant):
                return lipschitz_ratio_at(call, x, z, constant, rounding)
    raise KeyError(f"there is no block {block!r} with the variant {variant!r}")


def blocks_of(thing: object, space: Space) -> tuple[Block, ...]:
    """The blocks that a map shows, or the parts of a composition of operators with the constants that they claim.

    Parts that claim nothing are left out; linear ones as well, whose norm has a check of its own.
    """
    if isinstance(thing, HasBlocks):
        return tuple(thing.lipschitz_blocks(space))
    return tuple(_parts(thing, "")) if isinstance(thing, Operator) else ()


def _states(block: Block) -> Iterator[tuple[str, Map]]:
    yield "", block.call
    yield from block.variants.items()


def _parts(operator: Operator, path: str) -> Iterator[Block]:
    if isinstance(operator, NonlinearComposition):
        yield from _parts(operator.right, f"{path}right of ")
        yield from _parts(operator.left, f"{path}left of ")
    elif isinstance(operator, HasBlocks):
        for block in operator.lipschitz_blocks(operator.domain):
            yield dataclasses.replace(block, name=f"{path}{block.name}")
    elif not isinstance(operator, LinearOperator):
        constant = constant_of(operator.claims())
        if constant is not None:
            yield Block(
                name=f"{path}{type(operator).__name__}",
                call=operator.forward,
                space=operator.domain,
                constant=constant,
                variants=_variants(operator),
            )


def _variants(operator: Operator) -> dict[str, Map]:
    """A step with its bias moved up: the claims of this class, not of one derived from it, hold for any."""
    if type(operator) is not GradientFlowStep:
        return {}
    zero = operator.operator.codomain.zeros(1)[0]
    base = zero if operator.bias is None else operator.bias
    return {name: dataclasses.replace(operator, bias=base + shift).forward for name, shift in _BIASES.items()}


def constant_of(claims: Sequence[Claim]) -> float | None:
    """The smallest Lipschitz constant that follows from what is claimed; None if nothing is."""
    found = [1.0 for name in ("nonexpansive", "averaged", "firmly_nonexpansive") if find_claim(tuple(claims), name)]
    found += [claim.params["constant"] for claim in claims if claim.property == "lipschitz"]
    return min(found, default=None)
