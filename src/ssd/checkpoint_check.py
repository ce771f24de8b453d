"""What MindSpore does not look at when it loads a checkpoint."""
import itertools
import math
from pathlib import Path

from mindspore.train.checkpoint_pb2 import Checkpoint

ITEM_BYTES = {
    "Bool": 1, "Int8": 1, "UInt8": 1, "Int16": 2, "UInt16": 2, "Float16": 2, "BFloat16": 2, "Int32": 4, "UInt32": 4,
    "Float32": 4, "Int64": 8, "UInt64": 8, "Float64": 8,
}
TEXT = "str"
# A field of the first kind with a length: every checkpoint begins with a parameter.
FIRST_BYTE = b"\x0a"
CHECKSUM, CHECKSUM_BYTES = b"crc_num", 10


def check_checkpoint(path):
    """Raises a `ValueError` unless each parameter of a `.ckpt` file has as many bytes as its shape needs.

    MindSpore makes a tensor of whatever shape the file says, and reads beyond the bytes that are there.
    """
    with open(path, "rb") as stream:
        if stream.read(1) != FIRST_BYTE:
            raise ValueError("it does not begin like a checkpoint")
    content = Path(path).read_bytes()
    if content[-len(CHECKSUM) - CHECKSUM_BYTES : -CHECKSUM_BYTES] == CHECKSUM:
        content = content[: -len(CHECKSUM) - CHECKSUM_BYTES]
    checkpoint = Checkpoint()
    try:
        checkpoint.ParseFromString(content)
    except Exception as error:  # of protobuf
        raise ValueError("it is cut off, or another kind of file") from error
    # A large parameter is stored in parts, one after the other.
    for name, parts in itertools.groupby(checkpoint.value, key=lambda value: value.tag):
        _check_parameter(name, list(parts))


def _check_parameter(name, parts):
    if not all(part.HasField("tensor") for part in parts):
        raise ValueError(f"{name} is no tensor")
    tensor = parts[-1].tensor
    if tensor.tensor_type == TEXT:
        return
    if tensor.tensor_type not in ITEM_BYTES:
        raise ValueError(f"{name} has the unknown type {tensor.tensor_type}")
    shape = () if list(tensor.dims) == [0] else tuple(tensor.dims)  # how MindSpore writes a single number
    found = sum(len(part.tensor.tensor_content) for part in parts)
    if min(shape, default=1) < 1 or found != math.prod(shape) * ITEM_BYTES[tensor.tensor_type]:
        raise ValueError(f"{name} has {found} bytes, which do not fit its shape {shape} of {tensor.tensor_type}")
