"""Tensors, and the datasets and loaders of torch that are made of them, as tables.

Told by their classes, so that torch is not imported to find out. A dataset of another kind is
read by code of its own, which may draw random numbers or fetch files; it is not run for evidence.
"""

from __future__ import annotations

import hashlib
from typing import Any

_COLUMNS_LIMIT = 4096  # numbers of one item; a larger one, such as an image, counts by its digest


def torch_text(value: object) -> str | None:
    """A device, dtype or size of torch as text; None for anything else."""
    kind = type(value)
    if kind.__module__.partition(".")[0] == "torch" and kind.__name__ in (
        "device",
        "dtype",
        "Size",
    ):
        return str(value)
    return None


def tensor_tables(value: object) -> list[tuple[str, Any]] | None:
    """(suffix of a name, NumPy array) of each tensor in a tensor, dataset or loader of torch.

    None for anything else, and for a dataset that only its own code can read.
    """
    names = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(value).__mro__}
    if ("torch", "Parameter") in names:
        return None
    if ("torch", "Tensor") in names:
        return [("", _array(value))]
    if ("torch", "TensorDataset") in names:
        tensors: tuple[Any, ...] = getattr(value, "tensors", ())
        return [(f".{place}", _array(tensor)) for place, tensor in enumerate(tensors)]
    if ("torch", "Subset") in names:
        inside = tensor_tables(getattr(value, "dataset", None))
        chosen = [int(index) for index in getattr(value, "indices", ())]
        return None if inside is None else [(suffix, table[chosen]) for suffix, table in inside]
    if ("torch", "DataLoader") in names:
        return tensor_tables(getattr(value, "dataset", None))
    return None


def _array(tensor: Any) -> Any:
    """One row for each item of the first dimension; its numbers, or the digest of many."""
    import numpy as np

    plain = tensor.detach().cpu()
    if str(plain.dtype) == "torch.bfloat16":
        plain = plain.float()
    array = plain.numpy()
    if array.ndim == 0:
        return array.reshape(1)
    if array.ndim <= 2:
        return array
    wide = np.ascontiguousarray(array.reshape(len(array), -1))
    if wide.shape[1] <= _COLUMNS_LIMIT:
        return wide
    return np.array([hashlib.sha256(row.tobytes()).hexdigest() for row in wide])
