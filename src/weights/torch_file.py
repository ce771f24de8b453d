"""Weights in PyTorch's file formats, read without PyTorch and without running anything that the file says.

A `.pth` file holds Python objects in the pickle format, which can name any function to be called while it is read. Here
only the names below are known, and they stand for plain data; any other name is an error. Both formats of `torch.save`
are read: the zip archive, and the one before PyTorch 1.6, several pickles in a row with the numbers at the end.
"""
import collections
import io
import math
import os
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from src.utils.errors import UserError
from src.utils.safe_io import open_file

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
# Upper half of float32; NumPy does not have it.
BFLOAT16 = "bfloat16"
STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": BFLOAT16,
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1",
    "BoolStorage": "?",
}
# What training programs store beside the weights; it is ignored.
IGNORED = {
    ("argparse", "Namespace"),
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("mmengine.logging.history_buffer", "HistoryBuffer"),
    ("torch", "device"),
    ("torch.serialization", "_get_layout"),
}
# Errors that a damaged or hostile file can raise out of the reader.
DAMAGED = (pickle.UnpicklingError, zipfile.BadZipFile, struct.error, ArithmeticError, AssertionError, AttributeError,
           EOFError, ImportError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
# Tensors may share numbers. A file in which every tensor has all numbers would fill the memory, so that all tensors
# together may have this many times the numbers of the file, and a small number more.
MOST_SHARED, SMALL = 4, 1 << 20


def from_bfloat16(data: bytes) -> np.ndarray:
    """Bytes -> float32 `(N,)`."""
    return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")


class _Storage:
    """The numbers of one or several tensors, still in the file."""

    __slots__ = ("dtype", "key", "size")

    def __init__(self, dtype: str, key: Any, size: Any) -> None:
        self.dtype, self.key, self.size = dtype, str(key), int(size)

    @property
    def item_bytes(self) -> int:
        return 2 if self.dtype is BFLOAT16 else np.dtype(self.dtype).itemsize

    def numbers(self, data: bytes) -> np.ndarray:
        """The bytes of the storage -> `(size,)`."""
        if len(data) != self.size * self.item_bytes:
            raise ValueError(f"storage {self.key} has {len(data)} bytes, {self.size * self.item_bytes} expected")
        if self.dtype is BFLOAT16:
            return from_bfloat16(data)
        return np.frombuffer(data, self.dtype)


class _Tensor:
    """A view of a storage: offset, shape, and strides, counted in numbers, not bytes."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)
        whole = [offset, *self.shape, *self.strides]
        if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in whole):
            raise ValueError("a tensor is not described by whole numbers")

    def array(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of the storage `(N,)` -> a copy of the view, of `shape`."""
        count = math.prod(self.shape)
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides))
        if len(self.shape) != len(self.strides) or count > len(numbers) or (count and last >= len(numbers)):
            raise ValueError(f"a tensor of the shape {self.shape} lies outside its {len(numbers)} numbers")
        bytes_apart = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, bytes_apart).copy()


class _Call:
    """A function that a file may name. It has no attributes, which a file could change."""

    __slots__ = ()


class _RebuildTensor(_Call):
    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *training: Any) -> _Tensor:
        return _Tensor(storage, offset, shape, strides)


class _First(_Call):
    """Returns its first argument: the tensor of a parameter, the tuple of a shape."""

    __slots__ = ()

    def __call__(self, value: Any, *training: Any) -> Any:
        return value


FUNCTIONS: dict[tuple[str, str], type[_Call]] = {
    ("torch._utils", "_rebuild_tensor"): _RebuildTensor,
    ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor,
    ("torch._utils", "_rebuild_parameter"): _First,
    ("torch.nn.parameter", "Parameter"): _First,
    ("torch", "Size"): _First,
}


def _ignored_class() -> type:
    """A class whose objects hold nothing. A new one for each file, since a file can write to the classes it names."""
    ignore = {"__init__": lambda self, *args, **kwargs: None, "__setstate__": lambda self, state: None}
    return type("Ignored", (), ignore)


class _Unpickler(pickle._Unpickler):
    """The reader of Python's library that is written in Python; the one in C allocates any size that a file states."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream, encoding="utf-8")
        self.ignored = _ignored_class()
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) in FUNCTIONS:
            return FUNCTIONS[module, name]()
        if module in ("torch", "torch.cuda") and name in STORAGES:
            return STORAGES[name]
        if (module, name) in IGNORED:
            return self.ignored
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no part of weights; no code of it was run")

    def persistent_load(self, reference: Any) -> _Storage:
        kind, dtype, key, _, size, *view = reference
        if kind != "storage" or dtype not in STORAGES.values() or any(part is not None for part in view):
            raise pickle.UnpicklingError("it refers to numbers in an unknown way")
        storage = _Storage(dtype, key, size)
        return self.storages.setdefault(storage.key, storage)


def read_torch_file(path: Path | str) -> Any:
    """What `torch.save` wrote to `path`: plain Python objects, tensors as arrays (bfloat16 as float32).

    Raises:
        UserError: there is no such file, it is of another kind or damaged, or it names anything but weights.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        return _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)
    except DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path} is not read as a PyTorch file: {reason.splitlines()[0]}") from error


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        roots = [name[: -len("data.pkl")] for name in names if name.endswith("data.pkl") and name.count("/") <= 1]
        if len(roots) != 1:
            raise ValueError("it is an archive without data.pkl; expected a file of torch.save")
        (root,) = roots
        if f"{root}constants.pkl" in names:
            raise ValueError("it is a TorchScript program; save the state_dict() of the model instead")
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("its numbers are big-endian")

        content, storages = _unpickle(io.BytesIO(_stored(archive, f"{root}data.pkl")))
        parts = {key: f"{root}data/{key}" for key in storages}
        if sum(archive.getinfo(part).file_size for part in parts.values()) > os.path.getsize(path):
            raise ValueError("its parts overlap")
        numbers = {key: storage.numbers(_stored(archive, parts[key])) for key, storage in storages.items()}
        return _Filler(numbers).fill(content)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED:  # a small file could otherwise fill the memory
        raise ValueError(f"{name} in it is compressed, which torch.save does not do")
    return archive.read(entry)


def _read_legacy(path: Path) -> Any:
    with open_file(path) as stream:
        if [_unpickle(stream)[0] for _ in range(2)] != [LEGACY_MAGIC, LEGACY_PROTOCOL]:
            raise ValueError("it begins like no file of torch.save")
        if not _unpickle(stream)[0]["little_endian"]:
            raise ValueError("its numbers are big-endian")
        content, storages = _unpickle(stream)
        numbers = {}
        for key in map(str, _unpickle(stream)[0]):
            count = int.from_bytes(stream.read(8), "little")
            if count != storages[key].size or count > os.path.getsize(path):
                raise ValueError(f"storage {key} has {count} numbers, {storages[key].size} expected")
            numbers[key] = storages[key].numbers(stream.read(count * storages[key].item_bytes))
        return _Filler(numbers).fill(content)


def _unpickle(stream: IO[bytes]) -> tuple[Any, dict[str, _Storage]]:
    """The next object, and the storages that its tensors refer to, by key."""
    unpickler = _Unpickler(stream)
    return unpickler.load(), unpickler.storages


class _Filler:
    """Replaces tensors by arrays.

    Args:
        numbers: of each storage, by key.
    """

    def __init__(self, numbers: Mapping[str, np.ndarray]) -> None:
        self.numbers = numbers
        self.left = MOST_SHARED * sum(map(len, numbers.values())) + SMALL
        self.done: dict[int, Any] = {}  # by id: a file can put one list into another a thousand times

    def fill(self, content: Any) -> Any:
        """`content` with arrays. An object that occurs several times is filled once."""
        if not isinstance(content, (_Tensor, dict, list, tuple)):
            return content
        if id(content) not in self.done:
            self.done[id(content)] = self._filled(content)
        return self.done[id(content)]

    def _filled(self, content: Any) -> Any:
        if isinstance(content, dict):
            return {key: self.fill(value) for key, value in content.items()}
        if isinstance(content, (list, tuple)):
            return [self.fill(value) for value in content]
        array = content.array(self.numbers[content.storage.key])
        self.left -= array.size
        if self.left < 0:
            raise ValueError(f"its tensors are more than {MOST_SHARED} times as large as their numbers")
        return array
