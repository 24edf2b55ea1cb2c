"""A key of the numbers that an object holds: what was computed from them is kept while the key stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .moving import tensors_of, versions_of

#: Numbers up to which every one of a tensor is read, and how many are read of a larger one that is not trained.
_ALL, _SOME = 2**20, 2**16
_CHUNK = 2**18


@torch.no_grad()
def contents_of(thing: Any) -> tuple[object, ...] | None:
    """A key that changes whenever a number in a tensor of a movable object does; None where it cannot be told.

    Every bit of every number is hashed, whoever changed it: a fused optimiser, ``parameter.data``, numpy. Two contents
    have one key by a chance of about 2^-32. Of a tensor of more than 2^20 numbers that is neither a parameter nor
    requires a gradient, and of the values of a sparse one, 2^16 numbers at even distances are hashed beside the version
    that torch counts: what torch does not count and what lies between them is not seen.

    Of tensors on another device than the CPU only parameters and what requires a gradient are hashed, because reading
    them waits for the device; of the others the version counts.
    """
    tensors = list(tensors_of(thing))
    if any(tensor.is_inference() or tensor.is_meta for tensor in tensors):
        return None
    return versions_of(thing), *(_hash(part, _is_trained(tensor)) for tensor in tensors for part in _stored(tensor))


def _is_trained(tensor: Tensor) -> bool:
    return tensor.requires_grad or (tensor.is_leaf and tensor.grad is not None) or isinstance(tensor, nn.Parameter)


def _stored(tensor: Tensor) -> tuple[Tensor, ...]:
    """The strided tensors in which it is stored."""
    if tensor.layout == torch.strided:
        return (tensor,)
    values = tensor._values() if tensor.layout == torch.sparse_coo else tensor.values()
    return (values,)


def _hash(tensor: Tensor, trained: bool) -> tuple[object, ...]:
    shape, kind, numbers = tuple(tensor.shape), tensor.dtype, tensor.detach().resolve_conj().resolve_neg()
    if numbers.device.type != "cpu" and not trained:
        return shape, kind
    if numbers.numel() > _ALL and not trained:
        numbers = numbers.reshape(-1)[:: numbers.numel() // _SOME]
    numbers = (torch.view_as_real(numbers) if numbers.is_complex() else numbers).contiguous().reshape(-1)
    if not numbers.numel():
        return shape, kind
    if numbers.stride(0) != 1:  # a single number may keep the stride of where it stood
        numbers = numbers.clone(memory_format=torch.contiguous_format)
    bits = numbers.view(_AS_WHOLE_NUMBERS.get(numbers.element_size(), torch.int32))
    weights = _weights(min(len(bits), _CHUNK), bits.device)
    sums = torch.stack([(chunk.long() * weights[: len(chunk)]).sum() for chunk in bits.split(_CHUNK)])
    # On the CPU nothing is waited for; elsewhere only parameters come here.
    numbers_of_chunks = np.from_dlpack(sums) if sums.device.type == "cpu" else sums.tolist()
    total = 0
    for number in map(int, numbers_of_chunks):  # in this order: chunks that change places count
        total = (total * 0x9E3779B97F4A7C15 + number) % 2**64
    return shape, kind, total


#: Bytes of a number -> the whole numbers that it is read as; those of 8 bytes are read as two of 4.
_AS_WHOLE_NUMBERS = {1: torch.uint8, 2: torch.int16}


def _weights(length: int, device: torch.device) -> Tensor:
    """Odd whole numbers that look random: modulo 2^64, a change of one number always changes a sum with them."""
    places = torch.arange(length, device=device) * 0x5851F42D4C957F2D + 0x14057B7EF767814F
    places = (places ^ (places >> 29)) * 0x3C6EF372FE94F82B
    return (places ^ (places >> 31)) | 1
