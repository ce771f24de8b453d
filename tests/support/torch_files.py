"""Files as `torch.save` writes them, made without PyTorch."""
import struct
import zipfile

import numpy as np

STORAGES = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage"}


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def name_of(module, name):
    return f"c{module}\n{name}\n".encode()


def tensor(key, shape, storage="FloatStorage", size=None, offset=0, strides=None):
    """Pickle of a tensor on the storage `key`."""
    size = int(np.prod(shape)) if size is None else size
    strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))] if strides is None else strides
    reference = b"(" + text("storage") + name_of("torch", storage) + text(key) + text("cpu") + number(size) + b"tQ"
    arguments = b"(" + reference + number(offset) + numbers(shape) + numbers(strides) + b"\x89}t"
    return name_of("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def dictionary(items):
    """Pickle of a dictionary from names to pickled values."""
    return b"}(" + b"".join(text(name) + value for name, value in items.items()) + b"u"


def write_zip(path, content, storages=(), compression=zipfile.ZIP_STORED):
    """The archive with the pickled `content` and the bytes of its storages by key."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + content + b".")
        archive.writestr("archive/version", "3\n")
        for key, data in dict(storages).items():
            archive.writestr(f"archive/data/{key}", data)
    return path


def write_state_dict(path, tensors, wrap=lambda state: state):
    """Arrays by name, as `torch.save(model.state_dict())`; `wrap` makes the pickle of what is stored around it."""
    arrays = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    content = dictionary({
        name: tensor(str(key), value.shape, STORAGES[value.dtype.name])
        for key, (name, value) in enumerate(arrays.items())
    })
    storages = {key: value.tobytes() for key, value in enumerate(arrays.values())}
    return write_zip(path, wrap(content), storages)
