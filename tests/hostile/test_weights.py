"""Untrusted weights and models: no code of theirs is run, and none takes more memory than its file."""
import pickle
import struct

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.inference.metadata import ModelMetadata
from src.inference.mindir import MindirModel
from src.inference.onnx_runtime import OnnxModel
from src.utils.errors import UserError
from src.utils.protobuf import create_message_class
from src.weights import read_checkpoint
from src.weights.checkpoint_file import MESSAGES
from src.weights.external_file import read_weight_file
from src.weights.load import load_weights
from src.weights.torch_file import read_torch_file
from tests.hostile.special_files import named_pipe, names_below
from tests.support.safetensors_file import write_safetensors
from tests.support.torch_files import dictionary, tensor, write_zip


def lists_in_lists(depth):
    content = []
    for _ in range(depth):
        content = [content, content]
    return pickle.dumps(content, protocol=2)[2:-1]


def test_one_list_in_another_a_hundred_times(tmp_path):
    """2 ** 100 lists, if each was made anew."""
    found = read_torch_file(write_zip(tmp_path / "a.pth", lists_in_lists(100)))
    assert found[0] is found[1]


def test_lists_deeper_than_any_weights(tmp_path):
    with pytest.raises(UserError, match="is not read as a PyTorch file"):
        read_torch_file(write_zip(tmp_path / "a.pth", b"]" * 100_000 + b"a" * 99_999))


def test_a_list_in_itself(tmp_path):
    with pytest.raises(UserError, match="is not read as a PyTorch file"):
        read_torch_file(write_zip(tmp_path / "a.pth", b"]q\0h\0a"))


def test_a_table_of_two_thousand_million_places(tmp_path):
    """LONG_BINPUT with a large index, for which the reader written in C makes room at once."""
    content = b"]r" + struct.pack("<I", 2**31)
    assert read_torch_file(write_zip(tmp_path / "a.pth", content)) == []


@pytest.mark.parametrize("content", [
    b"\x8e" + struct.pack("<Q", 2**50), b"\x96" + struct.pack("<Q", 2**62), b"T" + struct.pack("<i", 2**31 - 1),
    b"\x8b" + struct.pack("<i", 2**31 - 1), b"X" + struct.pack("<I", 2**32 - 1), b"\x8b" + struct.pack("<i", -5),
    b"R", b"s", b"0", b"tb", b"I12x\n", b"F\n", b"\x80\x63", b"c\n\n", b"h\x05", b"(e",
], ids=repr)
def test_lengths_and_places_that_are_not_there(tmp_path, content):
    with pytest.raises(UserError, match="is not read as a PyTorch file"):
        read_torch_file(write_zip(tmp_path / "a.pth", content))


def test_all_numbers_in_each_of_many_tensors(tmp_path):
    numbers = 1 << 20
    tensors = {f"w{number}": tensor("0", (numbers,)) for number in range(100)}
    path = write_zip(tmp_path / "a.pth", dictionary(tensors), {"0": bytes(4 * numbers)})
    with pytest.raises(UserError, match="more than 4 times as large as their numbers"):
        read_torch_file(path)


def test_two_names_of_the_same_numbers_are_allowed(tmp_path):
    path = write_zip(tmp_path / "a.pth", dictionary({"a": tensor("0", (2,)), "b": tensor("0", (2,))}), {"0": bytes(8)})
    assert sorted(read_torch_file(path)) == ["a", "b"]


def test_parts_of_an_archive_that_lie_over_each_other(tmp_path):
    """Each entry contains all that follow it, so that a file of 0.4 MB would fill 40 MB."""
    count, payload = 200, bytes(400_000)
    content = dictionary({f"w{key}": tensor(str(key), (2,)) for key in range(count)})
    path = write_zip(tmp_path / "a.pth", content, {str(key): b"" for key in range(count)} | {"last": payload})
    data = bytearray(path.read_bytes())
    end = data.index(b"PK\1\2")
    for key in range(count):
        at = data.index(f"archive/data/{key}".encode(), end)  # in the directory
        offset, = struct.unpack_from("<I", data, at - 4)
        size = end - offset - 30 - len(f"archive/data/{key}")
        for place in (at - 46 + 20, at - 46 + 24, offset + 18, offset + 22):
            struct.pack_into("<I", data, place, size)
    path.write_bytes(data)
    with pytest.raises(UserError, match="its parts overlap"):
        read_torch_file(path)


def test_an_encrypted_archive(tmp_path):
    data = bytearray(write_zip(tmp_path / "a.pth", tensor("0", (2,)), {"0": bytes(8)}).read_bytes())
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = data.index(mark)
        data[at + place] |= 1
    (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(UserError, match="is not read as a PyTorch file"):
        read_torch_file(tmp_path / "a.pth")


@pytest.mark.parametrize("header", [
    struct.pack("<Q", 2**62), struct.pack("<Q", 10) + b"not json..", struct.pack("<Q", 100_000) + b"[" * 100_000,
    struct.pack("<Q", 70) + b'{"w":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,39999999996]}}'[:70],
    struct.pack("<Q", 2) + b"{}" + b"\0" * 8,
], ids=["length", "no json", "lists in lists", "numbers", "nothing"])
def test_safetensors(tmp_path, header):
    (tmp_path / "a.safetensors").write_bytes(header)
    with pytest.raises(UserError, match=r"a\.safetensors (is no safetensors file|holds no weights)"):
        read_weight_file(tmp_path / "a.safetensors")


@pytest.mark.parametrize(("shape", "size"), [([1 << 40], 8), ([-1], 4), ([2, 2], 8)])
def test_safetensors_of_another_size(tmp_path, shape, size):
    path = write_safetensors(tmp_path / "a.safetensors", {"w": ("F32", shape, bytes(size))})
    with pytest.raises(UserError, match="is no safetensors file"):
        read_weight_file(path)


def checkpoint(*parameters):
    """Bytes of a MindSpore checkpoint: (name, shape, type, bytes)."""
    content = create_message_class("Checkpoint", MESSAGES)()
    for name, shape, kind, data in parameters:
        value = content.value.add()
        value.tag = name
        value.tensor.dims.extend(shape)
        value.tensor.tensor_type = kind
        value.tensor.tensor_content = data
    return content.SerializeToString()


def table_parameter():
    content = create_message_class("Checkpoint", MESSAGES)()
    value = content.value.add()
    value.tag = "w"
    value.maptensor.SetInParent()
    return content.SerializeToString()


WHOLE = checkpoint(("w", [2, 2], "Float32", bytes(16)))
CHECKPOINTS = {
    "empty": (b"", "does not begin like a checkpoint"),
    "a web page": (b"<html>not found</html>", "does not begin like a checkpoint"),
    "null characters": (bytes(1000), "does not begin like a checkpoint"),
    "a pickle that makes a file": (b"\x80\x02cos\nsystem\n(X\x0c\0\0\0touch HACKEDtR.", "does not begin like"),
    "cut off": (WHOLE[:-5], "cut off, or another kind of file"),
    "a length of 4 GB": (b"\x0a\xff\xff\xff\xff\x0fabc", "cut off, or another kind of file"),
    "3.6 GB in 16 bytes": (checkpoint(("w", [30_000, 30_000], "Float32", bytes(16))), "w has 16 bytes"),
    "2 ** 80 numbers": (checkpoint(("w", [2**40, 2**40], "Float32", bytes(16))), "w has 16 bytes"),
    "a negative size": (checkpoint(("w", [-1, -4], "Float32", bytes(16))), "do not fit its shape"),
    "no numbers": (checkpoint(("w", [0], "Float32", b"")), "do not fit its shape"),
    "15 bytes for 4 numbers": (checkpoint(("w", [4], "Float32", bytes(15))), "do not fit its shape"),
    "an unknown type": (checkpoint(("w", [4], "Float128", bytes(64))), "unknown type Float128"),
    "a table": (table_parameter(), "w is no tensor"),
    "a name twice": (checkpoint(*2 * [("w", [4], "Float32", bytes(16))]), "w is in it twice"),
    "a name twice, of other shapes": (checkpoint(("w", [1], "Float32", bytes(4)), ("w", [3], "Float32", bytes(8))),
                                      "w is in it twice"),
    "a name twice, apart": (checkpoint(("w", [4], "Float32", bytes(16)), ("b", [1], "Float32", bytes(4)),
                                       ("w", [2, 2], "Float32", bytes(16))), "w is in it twice"),
    "only a text": (checkpoint(("w", [1], "str", "text".encode("utf-32-le"))), "no parameters|does not fit"),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    data, message = CHECKPOINTS[name]
    (tmp_path / "a.ckpt").write_bytes(data)
    with pytest.raises(UserError, match=message):
        load_weights(OneParameter(), tmp_path / "a.ckpt")
    assert names_below(tmp_path) == ["a.ckpt"]


class OneParameter(nn.Cell):
    def __init__(self):
        super().__init__()
        self.w = ms.Parameter(ms.Tensor(np.ones((2, 2), np.float32)), name="w")


def test_checkpoints_as_they_should_be(tmp_path):
    path = tmp_path / "a.ckpt"
    path.write_bytes(WHOLE)
    assert read_checkpoint(path)["w"].shape == (2, 2)
    # A large parameter is stored in parts.
    path.write_bytes(checkpoint(("w", [2, 2], "Float32", bytes(8)), ("w", [2, 2], "Float32", bytes(8))))
    assert read_checkpoint(path)["w"].shape == (2, 2)
    numbers = {"half": ms.float16, "brain": ms.bfloat16, "long": ms.int64, "flag": ms.bool_, "single": ms.float64}
    values = [{"name": name, "data": ms.Tensor(np.ones(() if name == "single" else (3,)), kind)}
              for name, kind in numbers.items()]
    ms.save_checkpoint(values, str(path), append_dict={"epoch": 5, "note": "text", "rate": 0.5})
    assert set(numbers) <= set(read_checkpoint(path))


@pytest.mark.parametrize("suffix", [".onnx", ".mindir", ".ckpt", ".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", bytes(5000), b"\x08\xff\xff\xff\xff\x0f", None],
                         ids=["empty", "a web page", "null characters", "a length", "a named pipe"])
def test_files_that_are_no_model(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    named_pipe(path) if content is None else path.write_bytes(content)
    read = {".onnx": OnnxModel, ".mindir": MindirModel, ".ckpt": read_checkpoint}.get(suffix, read_weight_file)
    with pytest.raises(UserError, match=r"a\.\w+"):
        read(path)


METADATA = {
    "model_name": '"ssd300"', "classes": '["background", "cat"]', "image_size": "[300, 300]", "mean": "[1, 2, 3]",
    "std": "[1, 2, 3]", "float_resize": "false", "default_boxes": "{}", "prior_scaling": "[0.1, 0.2]",
    "min_score": "0.1", "nms_threshold": "0.6", "max_boxes": "100", "precision": '"fp32"',
}


def test_metadata_as_they_should_be():
    assert ModelMetadata.from_texts(METADATA).classes == ["background", "cat"]
    assert ModelMetadata.from_texts({"producer": "another"}) is None


@pytest.mark.parametrize(("name", "text"), [
    ("classes", "not json"), ("classes", "[" * 100_000), ("classes", "[1, 2]"), ("classes", '"cat"'), ("classes", "[]"),
    ("image_size", "[0, 300]"), ("image_size", "[1e9, 300]"), ("image_size", "[100000, 100000]"),
    ("image_size", "[300]"), ("mean", "[NaN, 1, 2]"), ("std", "[0, 1, 2]"), ("std", '["a", "b", "c"]'),
    ("max_boxes", "1e400"), ("min_score", "Infinity"), ("float_resize", "null"), ("default_boxes", "[]"),
    ("precision", "9" * 5000),
])
def test_untrusted_metadata(name, text):
    with pytest.raises(UserError, match=f"metadata of the model file say that {name} is") as caught:
        ModelMetadata.from_texts({**METADATA, name: text})
    assert len(str(caught.value)) < 500
