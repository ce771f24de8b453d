"""Weight files of other libraries: `.pth` and `.safetensors` as NumPy arrays."""
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from src.utils.errors import UserError
from src.utils.safe_io import read_file, reason_of_reading
from src.weights.torch_file import from_bfloat16, read_torch_file

SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
# Training programs store the weights under one of these names, beside their own state.
WRAPPERS = ("state_dict", "model", "model_state_dict")
# Data-parallel training puts this before all names.
PREFIXES = ("module.",)
# safetensors.numpy would do, but has no bfloat16, and its error for an unknown type does not name the tensor.
SAFETENSORS_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1", "U8": "<u1",
    "BOOL": "?",
}


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """The weights of a file.

    Attributes:
        tensors: arrays by name, in the order of the file.
        meta: what the file says about its origin; empty for most.
    """

    tensors: dict[str, np.ndarray]
    meta: dict[Any, Any]


def read_weight_file(path: Path | str) -> WeightFile:
    """Reads a file of `torch.save` or safetensors; no code of the file is run.

    Raises:
        UserError: there is no such file, it is damaged or of another kind, or it holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else read_torch_file(path)
    meta = content.get("meta") if isinstance(content, dict) else None
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    named = content.items() if isinstance(content, dict) else ()
    tensors = {name: value for name, value in named if isinstance(name, str) and isinstance(value, np.ndarray)}
    if not tensors:
        raise UserError(f"{path} holds no weights by name; expected the state_dict() of a model, saved with torch.save")
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name[len(prefix) :]: value for name, value in tensors.items()}
    return WeightFile(tensors, meta if isinstance(meta, dict) else {})


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize

    try:
        entries = deserialize(read_file(path))
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no safetensors file, or it is damaged: {reason_of_reading(error)}") from error
    return {name: _array(name, entry, path) for name, entry in entries}


def _array(name: str, entry: dict[str, Any], path: Path) -> np.ndarray:
    if entry["dtype"] == "BF16":
        values = from_bfloat16(entry["data"])
    elif entry["dtype"] in SAFETENSORS_TYPES:
        values = np.frombuffer(entry["data"], SAFETENSORS_TYPES[entry["dtype"]])
    else:
        known = ", ".join([*SAFETENSORS_TYPES, "BF16"])
        raise UserError(f"{path}: {name} has the type {entry['dtype']}; known are {known}")
    return values.reshape(entry["shape"])
