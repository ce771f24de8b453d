"""Detectors in TensorFlow Lite files: what is read, and what is refused."""
import itertools

import numpy as np
import pytest

from src.utils.errors import UserError
from src.weights.tflite_file import read_tflite_detector
from tests.support.tflite_files import KINDS, Layer, TFLiteWriter, write_tflite_detector

# largest error of a weight, as a share of the largest of its tensor or channel
TOLERANCE = {"float32": 0, "float16": 2**-11, "int8": 0.5 / 127, "int8 by channel": 0.5 / 127}


def layer(out, inner, size=1, seed=0, **settings):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(out, inner, size, size)).astype(np.float32)
    weight *= rng.uniform(0.1, 10, size=(out, 1, 1, 1)).astype(np.float32)
    return Layer(weight, rng.normal(size=out).astype(np.float32), **settings)


def small_detector():
    trunk = [layer(8, 3, 3, 1, stride=2), layer(8, 1, 3, 2, depthwise=True), layer(6, 8, 1, 3, activation=0)]
    heads = [[[layer(outputs, 6, seed=outputs + level, activation=0)] for level in range(2)] for outputs in (12, 15)]
    return trunk, *heads


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("postprocess", [False, True])
def test_weights_come_back(tmp_path, kind, postprocess):
    trunk, locations, classes = small_detector()
    write_tflite_detector(tmp_path / "m.tflite", trunk, locations, classes, (64, 96), kind, postprocess)
    found = read_tflite_detector(tmp_path / "m.tflite", head_layers=1)
    assert found.image_size == (64, 96)
    written = [*trunk, *itertools.chain(*locations, *classes)]
    read = [*found.trunk, *itertools.chain(*found.locations, *found.classes)]
    assert [len(found.trunk), len(found.locations), len(found.classes), len(read)] == [3, 2, 2, len(written)]
    for one, other in zip(written, read):
        axes = (1, 2, 3) if "channel" in kind else None
        limit = np.abs(one.weight).max(axes, keepdims=True) * TOLERANCE[kind] * 1.001
        assert (np.abs(one.weight - other.weight) <= limit).all()
        np.testing.assert_allclose(other.bias, one.bias, rtol=1e-3, atol=1e-5)
        assert (one.stride, one.depthwise, {0: "NONE", 3: "RELU6"}[one.activation]) == (
            other.stride, other.depthwise, other.activation)


def test_separable_heads(tmp_path):
    trunk, _, _ = small_detector()
    heads = [[[layer(6, 1, 3, outputs, depthwise=True), layer(outputs, 6, activation=0)]] for outputs in (12, 15)]
    write_tflite_detector(tmp_path / "m.tflite", trunk, *heads)
    found = read_tflite_detector(tmp_path / "m.tflite", head_layers=2)
    shown = [str(part) for part in found.classes[0]]
    assert shown == ["3x3 depthwise 6, stride 1, RELU6", "1x1 6 -> 15, stride 1, NONE"]
    assert len(found.trunk) == 3


def test_other_networks_are_refused(tmp_path):
    writer = TFLiteWriter()
    image, out = writer.tensor("image", (1, 8, 8, 3)), writer.tensor("out", (1, 10))
    writer.operator("FULLY_CONNECTED", [image], [out])
    (tmp_path / "m.tflite").write_bytes(writer.finish([image], [out]))
    with pytest.raises(UserError, match=r"holds no SSD.*FULLY_CONNECTED"):
        read_tflite_detector(tmp_path / "m.tflite", head_layers=1)


def test_a_tensor_without_a_place(tmp_path):
    writer = TFLiteWriter()
    image = writer.tensor("image", (1, 8, 8, 3))
    writer.tensor("lost", (2,), data=b"12345678")
    boxes = writer.convolution(image, "boxes", layer(4, 3))
    scores = writer.convolution(image, "classes", layer(5, 3))
    (tmp_path / "m.tflite").write_bytes(writer.finish([image], [boxes, scores]))
    with pytest.raises(UserError, match=r"1 of its tensors have no place.*lost"):
        read_tflite_detector(tmp_path / "m.tflite", head_layers=1)


def test_data_that_do_not_fit_their_shape(tmp_path):
    writer = TFLiteWriter()
    image = writer.tensor("image", (1, 8, 8, 3))
    writer.constant = lambda name, values, axis: writer.tensor(name, (1 << 20,) * values.ndim, data=b"1234")
    boxes, scores = (writer.convolution(image, name, layer(4 + number, 3)) for number, name in enumerate("bc"))
    (tmp_path / "m.tflite").write_bytes(writer.finish([image], [boxes, scores]))
    with pytest.raises(UserError, match="4 bytes of data, which do not fit its shape"):
        read_tflite_detector(tmp_path / "m.tflite", head_layers=1)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" + bytes(100), b"PK" * 50])
def test_files_that_are_none(tmp_path, content):
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"m\.tflite (is no TensorFlow Lite file|is damaged|holds)"):
        read_tflite_detector(tmp_path / "m.tflite", head_layers=1)


def test_any_damage_is_an_error_or_other_numbers(tmp_path):
    path = tmp_path / "m.tflite"
    write_tflite_detector(path, *small_detector())
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for number in range(400):
        damaged = bytearray(whole[: rng.integers(8, len(whole))] if number % 4 == 0 else whole)
        for place in rng.integers(0, len(damaged), size=rng.integers(1, 8)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_tflite_detector(path, head_layers=1)
        except UserError as error:
            assert "m.tflite" in str(error)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_tflite_detector(tmp_path / "none.tflite", head_layers=1)
