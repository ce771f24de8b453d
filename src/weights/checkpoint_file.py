"""Checkpoint files: written whole or not at all, and checked before they are read.

MindSpore does not check a checkpoint that it loads.
"""
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from src.runtime.releases import page_cache_counted_as_free
from src.utils.errors import UserError
from src.utils.files import whole_file
from src.utils.protobuf import create_message_class
from src.utils.safe_io import open_file, shown
from src.weights.parameter_names import GRADIENT_COUNT, WAITING_GRADIENTS, shown_names
from src.weights.training_state import check_content

ITEM_BYTES = {
    "Bool": 1, "Int8": 1, "UInt8": 1, "Int16": 2, "UInt16": 2, "Float16": 2, "BFloat16": 2, "Int32": 4, "UInt32": 4,
    "Float32": 4, "Int64": 8, "UInt64": 8, "Float64": 8,
}
TEXT = "str"
# What is read of MindSpore's checkpoint.proto.
MESSAGES = {
    "Checkpoint": {"value": (1, "repeated Value")},
    "Value": {"tag": (1, "string"), "tensor": (2, "Tensor"), "maptensor": (3, "MapTensor")},
    "Tensor": {"dims": (1, "repeated int64"), "tensor_type": (2, "string"), "tensor_content": (3, "bytes")},
    "MapTensor": {},
}
# Tag of protobuf's field 1 with a length: every checkpoint begins with a parameter.
FIRST_BYTE = b"\x0a"
CHECKSUM, CHECKSUM_BYTES = b"crc_num", 10


def save_checkpoint(net: nn.Cell | list[dict[str, Any]], path: Path | str) -> None:
    """Writes the parameters of `net` to `path` (suffix `.ckpt`), whole or not at all.

    Args:
        net: a network, or a list of dictionaries `name` and `data`. Sums of gradients in it are written only in the
            middle of an accumulation.
    """
    count = getattr(net, GRADIENT_COUNT, None)
    some_wait = count is not None and int(count.asnumpy()) > 0
    with whole_file(path) as part:
        ms.save_checkpoint(net, str(part), choice_func=lambda name: some_wait or not name.startswith(WAITING_GRADIENTS))


def check_checkpoint(path: Path | str) -> None:
    """Raises a `ValueError` unless each parameter of a `.ckpt` file is there once, with the bytes that its shape needs.

    MindSpore makes a tensor of any shape that the file states, and reads beyond the end of its bytes; of two parameters
    with the same name it takes the last.
    """
    with open_file(path) as stream:
        if stream.read(1) != FIRST_BYTE:
            raise ValueError("it does not begin like a checkpoint")
        stream.seek(0)
        content = stream.read()
    if content[-len(CHECKSUM) - CHECKSUM_BYTES : -CHECKSUM_BYTES] == CHECKSUM:
        content = content[: -len(CHECKSUM) - CHECKSUM_BYTES]
    checkpoint = create_message_class("Checkpoint", MESSAGES)()
    try:
        checkpoint.ParseFromString(content)
    except Exception as error:  # of protobuf
        raise ValueError("it is cut off, or another kind of file") from error
    names = set()
    # A large parameter is stored in parts, one after the other.
    for name, parts in itertools.groupby(checkpoint.value, key=lambda value: value.tag):
        if name in names:
            raise ValueError(f"{name} is in it twice")
        names.add(name)
        _check_parameter(name, list(parts))


def _check_parameter(name: str, parts: Sequence[Any]) -> None:
    if not all(part.HasField("tensor") for part in parts):
        raise ValueError(f"{name} is no tensor")
    tensor = parts[-1].tensor
    if tensor.tensor_type == TEXT:
        return
    if tensor.tensor_type not in ITEM_BYTES:
        raise ValueError(f"{name} has the unknown type {tensor.tensor_type}")
    shape = () if list(tensor.dims) == [0] else tuple(tensor.dims)  # how MindSpore writes a single number
    sizes = [len(part.tensor.tensor_content) for part in parts]
    found, needed = sum(sizes), math.prod(shape) * ITEM_BYTES[tensor.tensor_type]
    if len(parts) > 1 and (needed in sizes or any(part.tensor.dims != tensor.dims for part in parts)):
        raise ValueError(f"{name} is in it twice")
    if min(shape, default=1) < 1 or found != needed:
        raise ValueError(f"{name} has {found} bytes, which do not fit its shape {shape} of {tensor.tensor_type}")


def read_checkpoint(path: Path | str) -> dict[str, ms.Parameter]:
    """The parameters of a checkpoint file by name. Texts in it are left out.

    Raises:
        UserError: there is no such file, it is no checkpoint or damaged, or its training state is of another one.
    """
    if not path or not Path(path).is_file():
        raise UserError(f"there is no checkpoint {str(path)!r}; give the path of a .ckpt file")
    check_content(path)
    try:
        check_checkpoint(path)
        with page_cache_counted_as_free():
            loaded = ms.load_checkpoint(str(path))
    except (ValueError, RuntimeError, TypeError, OSError) as error:
        raise UserError(f"{path} is no MindSpore checkpoint, or it is damaged: "
                        f"{shown(str(error).partition(chr(10))[0])}") from error
    return {name: value for name, value in loaded.items() if isinstance(value, ms.Parameter)}


def check_finite(values: Mapping[str, ms.Parameter | np.ndarray], path: Path | str) -> None:
    """Raises a `UserError` that names the parameters of a file with NaN or infinite values, where there are any."""
    broken = {name for name, value in values.items()
              if not np.isfinite(value if isinstance(value, np.ndarray) else value.asnumpy()).all()}
    if broken:
        raise UserError(f"{path} has values that are not finite numbers (NaN or infinite) in {len(broken)} of its "
                        f"{len(values)} parameters: {shown_names(broken)}. Its weights are broken; take another file, "
                        "such as an earlier checkpoint")
