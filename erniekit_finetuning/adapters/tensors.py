"""Safetensors and JSON files read with a refusal that names the file, and changed in place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from erniekit_finetuning.errors import Problem, UnusableInput

# What weights are stored in when they are not quantized. ml_dtypes brings bfloat16 to numpy;
# without it safetensors cannot read such a file into numpy.
DTYPES: Mapping[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
}


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in its file: its dtype in safetensors' words, and its first byte."""

    dtype: str
    shape: tuple[int, ...]
    start: int


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; raises UnusableInput when there is none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableInput(Problem(f"cannot be read: {error}", file=str(file))) from error
    if not isinstance(value, dict):
        raise UnusableInput(Problem("is not a JSON object", file=str(file)))
    return value


def read_float32(file: Path) -> dict[str, NDArray[np.float32]]:
    """All tensors of a safetensors file; raises UnusableInput when it is damaged."""
    try:
        return {name: array.astype(np.float32) for name, array in load_file(file).items()}
    except (SafetensorError, OSError, TypeError, KeyError) as error:
        raise UnusableInput(Problem(f"is damaged: {error}", file=str(file))) from error


def write_tensors(file: Path, arrays: Mapping[str, NDArray[Any]], metadata: str) -> None:
    """Write arrays, contiguous as safetensors 0.7 needs them; `metadata` names the framework."""
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(tensors, file, {"format": metadata})


def stored_tensors(file: Path) -> dict[str, Stored]:
    """What a safetensors file holds, from its header alone; raises UnusableInput when damaged."""
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            if size > file.stat().st_size:
                raise ValueError("its header is longer than the file")
            header = json.loads(opened.read(size))
        header.pop("__metadata__", None)
        return {
            name: Stored(told["dtype"], tuple(told["shape"]), 8 + size + told["data_offsets"][0])
            for name, told in header.items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(Problem(f"is damaged: {error}", file=str(file))) from error


def written_through(file: Path, told: Stored) -> Any:
    """One tensor of a file as an array whose changes are the file's; `flush` it in the end."""
    return np.memmap(file, DTYPES[told.dtype], "r+", told.start, told.shape)
