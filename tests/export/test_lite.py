import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import parser

from src.evaluation.thresholds import OperatingPoint, Thresholds
from src.export.lite import LARGEST_DIFFERENCE, check_conversion, prepare_onnx, write_probe
from src.export.onnx_graph.lite import separate_weights
from src.inference.onnx_runtime import OnnxModel
from src.utils.errors import UserError
from tests.inference.test_detector import METADATA, save_model

# Two convolutions of 1 x 1 with the same weights, then boxes (B, 1, 4) and scores (B, 1, 3) of their sums.
TEXT = """
<ir_version: 8, opset_import: ["" : 13]>
detector (float[{batch}, 3, 8, 16] image) => (float[{batch}, 1, 4] boxes, float[{batch}, 1, 3] scores)
<float[3, 3, 1, 1] w = {{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}}, float[3] b = {{0.1, 0.2, 0.3}},
 int64[3] box_shape = {{{size}, 1, 4}}, int64[3] score_shape = {{{size}, 1, 3}}, int64[2] four = {{0, 1}},
 float[3, 4] spread = {{1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1}}>
{{
  first = Conv(image, w, b)
  second = Conv(first, w, b)
  mean = GlobalAveragePool(second)
  flat = Flatten(mean)
  four_values = MatMul(flat, spread)
  in_range = Sigmoid(four_values)
  scores_flat = Sigmoid(flat)
  boxes = Reshape(in_range, box_shape)
  scores = Reshape(scores_flat, score_shape)
}}
"""


def detector(path, batch=1):
    model = parser.parse_model(TEXT.format(batch=batch, size=batch if isinstance(batch, int) else 0))
    onnx.save(model, path)
    return path


def test_each_convolution_gets_its_own_weights(tmp_path):
    model = onnx.load(detector(tmp_path / "a.onnx"))
    images = np.random.default_rng(0).standard_normal((1, 3, 8, 16)).astype(np.float32)
    before = OnnxModel(tmp_path / "a.onnx").run(images)
    separate_weights(model)
    names = [name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]]
    assert len(set(names)) == 4
    assert {tensor.name for tensor in model.graph.initializer} >= set(names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for found, expected in zip(session.run(None, {"image": images}), before):
        np.testing.assert_array_equal(found, expected)


def test_preparation_fixes_the_batch_size(tmp_path):
    prepare_onnx(detector(tmp_path / "a.onnx", batch="batch"), tmp_path / "b.onnx")
    assert OnnxModel(tmp_path / "b.onnx").input_shape == (1, 3, 8, 16)


def test_preparation_writes_the_thresholds_for_the_cpp_program(tmp_path):
    prepare_onnx(detector(tmp_path / "a.onnx"), tmp_path / "b.onnx")
    assert json.loads((tmp_path / "b.thresholds.json").read_text()) == {"thresholds": None}
    thresholds = Thresholds("some images", {"best_f1": OperatingPoint(0.25, 0.75, 0.5, 0.6)}, {})
    prepare_onnx(save_model(tmp_path / "c.onnx", metadata=dataclasses.replace(METADATA, thresholds=thresholds)),
                 tmp_path / "d.onnx")
    assert json.loads((tmp_path / "d.thresholds.json").read_text()) == {"thresholds": thresholds.to_json()}


def test_preparation_refuses_what_is_no_detector(tmp_path):
    (tmp_path / "a.onnx").write_text("text")
    with pytest.raises(UserError, match="no ONNX file"):
        prepare_onnx(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()


def test_conversion_is_compared_with_onnx_runtime(tmp_path):
    """What the C++ program would write comes from ONNX Runtime here, once right and once a little wrong."""
    from src.dataset import load_image, preprocess

    path = detector(tmp_path / "a.onnx", batch=2)
    write_probe(path, tmp_path)
    image = preprocess(load_image(tmp_path / "probe.png"), (8, 16))
    found = OnnxModel(path)(np.stack([image, image]))[0]
    found.boxes.tofile(tmp_path / "probe_0.bin")
    found.scores.tofile(tmp_path / "probe_1.bin")
    check_conversion(path, tmp_path)
    for difference in (2 * LARGEST_DIFFERENCE, np.nan):
        (found.scores + difference).astype(np.float32).tofile(tmp_path / "probe_1.bin")
        with pytest.raises(UserError, match="does not agree with ONNX Runtime"):
            check_conversion(path, tmp_path)
