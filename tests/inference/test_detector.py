"""The public detector: from a model file to named boxes; ONNX files without MindSpore."""
import dataclasses
import json
import re
import subprocess
import sys
import types

import cv2
import numpy as np
import onnx
import pytest

from src.boxes import NMSConfig
from src.evaluation.predictions import split_batch
from src.evaluation.thresholds import OperatingPoint, Thresholds
from src.export.lite import prepare_onnx
from src.export.onnx_graph import add_nms, add_preprocessing
from src.inference import Detection, Detections, Device, load_detector, load_predictor
from src.inference.metadata import ModelMetadata
from src.inference.onnx_runtime import OnnxModel
from src.utils.errors import UserError
from src.visualization.draw import class_colour, save_image
from tests.support.golden_data import ROOT

METADATA = ModelMetadata(
    model_name="ssd300", classes=["background", "dark", "light"], image_size=[8, 16], mean=[0, 0, 0], std=[255] * 3,
    float_resize=False, default_boxes={}, prior_scaling=[0.1, 0.2], min_score=0.05, nms_threshold=0.5, max_boxes=10,
    precision="fp32",
)
# Three boxes, of which the second overlaps the first by 0.9; all are as light as the image.
DETECTOR = """
<ir_version: 8, opset_import: ["" : 13]>
detector (float[batch, 3, 8, 16] image) => (float[batch, 3, 4] boxes, float[batch, 3, 3] scores)
<float[1, 3, 4] all_boxes = {0, 0, 0.5, 0.5, 0, 0, 0.45, 0.5, 0.5, 0.5, 1, 1}, float[1, 1, 1] nothing = {0},
 float[1, 3, 1] share = {1, 0.9, 0.8}, float[1, 1, 3] offset = {0, 1, 0}, float[1, 1, 3] sign = {0, -1, 1}>
{
  light = ReduceMax <axes = [1, 2, 3], keepdims = 0> (image)
  as_table = Constant <value_ints = [1, 2]> ()
  lights = Unsqueeze (light, as_table)
  changes = Mul (lights, sign)
  of_classes = Add (changes, offset)
  scores = Mul (of_classes, share)
  no_light = Mul (lights, nothing)
  boxes = Add (all_boxes, no_light)
}
"""
IMAGE = np.full((100, 200, 3), 204, np.uint8)  # 0.8 light


def save_model(path, with_nms=False, with_preprocess=False, metadata=METADATA):
    """An ONNX file as `export.py` writes it, of a detector that looks at the brightness only."""
    model = onnx.parser.parse_model(DETECTOR)
    if with_preprocess:
        model = add_preprocessing(model, metadata.mean, metadata.std)
    if with_nms:
        model = add_nms(model, metadata.nms)
    if metadata:
        onnx.helper.set_model_props(model, metadata.to_texts())
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("with_preprocess", [False, True])
@pytest.mark.parametrize("with_nms", [False, True])
def test_boxes_in_pixels_with_the_names_of_their_classes(tmp_path, with_nms, with_preprocess):
    detector = load_detector(save_model(tmp_path / "a.onnx", with_nms, with_preprocess))
    assert detector.classes == ("background", "dark", "light")
    found = detector(IMAGE)
    assert [(one.name, one.label) for one in found] == [("light", 2), ("light", 2)]  # the dark ones are below 0.3
    np.testing.assert_allclose([one.xyxy for one in found], [[0, 0, 100, 50], [100, 50, 200, 100]], atol=1e-4)
    np.testing.assert_allclose([one.score for one in found], [0.8, 0.64], rtol=1e-6)
    assert isinstance(found[0], Detection) and type(found[0].xyxy) is tuple
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].score = 1.0
    assert detector(np.zeros((1, 1, 3), np.uint8))[0].name == "dark"


def test_pictures_of_every_kind(tmp_path):
    """A file, an array as OpenCV reads it, and several of both; the detector looks at red here."""
    metadata = dataclasses.replace(METADATA, std=[255, 1e6, 1e6])
    detector = load_detector(save_model(tmp_path / "a.onnx", metadata=metadata))
    red = np.zeros((50, 60, 3), np.uint8)
    red[:, :, 2] = 204
    cv2.imwrite(str(tmp_path / "red.png"), red)
    single = detector(red)
    assert [one.name for one in single] == ["light"] * 2
    assert detector(tmp_path / "red.png") == detector(str(tmp_path / "red.png")) == single
    blue = np.ascontiguousarray(red[:, :, ::-1])
    several = detector([tmp_path / "red.png", blue])
    assert several[0] == single and {one.name for one in several[1]} == {"dark"}
    assert detector([]) == [] and detector(iter([red])) == [single]
    for array in (red.astype(float), red[:, :, 0], np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(UserError, match=r"is no picture; expected is \(height, width, 3\) uint8"):
            detector(array)
    with pytest.raises(UserError, match=r"The image .*none\.png cannot be read"):
        detector(tmp_path / "none.png")


def test_pictures_are_drawn_and_given_to_supervision(tmp_path, monkeypatch):
    detector = load_detector(save_model(tmp_path / "a.onnx"))
    found = detector(IMAGE)
    drawn = detector.draw(IMAGE, found)
    red, green, blue = class_colour(2)
    assert drawn.shape == IMAGE.shape and drawn[30, 0].tolist() == [blue, green, red]
    assert drawn[25, 50].tolist() == [204] * 3 and (IMAGE == 204).all()
    np.testing.assert_array_equal(detector.draw(IMAGE, []), IMAGE)

    package = types.SimpleNamespace(Detections=lambda **columns: columns)
    monkeypatch.setitem(sys.modules, "supervision", package)
    columns = found.to_supervision()
    np.testing.assert_allclose(columns["xyxy"], [[0, 0, 100, 50], [100, 50, 200, 100]], atol=1e-4)
    assert columns["class_id"].tolist() == [2, 2] and columns["data"]["class_name"].tolist() == ["light"] * 2
    assert Detections().to_supervision()["xyxy"].shape == (0, 4)
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UserError, match="pip install supervision"):
        found.to_supervision()


@pytest.mark.parametrize("with_nms", [False, True])
def test_limits_of_the_user(tmp_path, with_nms):
    path = save_model(tmp_path / "a.onnx", with_nms)
    assert [one.name for one in load_detector(path, min_score=0.1)(IMAGE)] == ["light", "light", "dark", "dark"]
    assert len(load_detector(path, min_score=0.7)(IMAGE)) == 1
    assert len(load_detector(path, nms_threshold=0.0)(IMAGE)) == 1  # the corners of the two share a pixel


def test_the_threshold_that_the_model_knows(tmp_path):
    points = {"best_f1": OperatingPoint(0.7, 1, 1, 1), "target_recall": OperatingPoint(0.1, 1, 1, 1)}
    metadata = dataclasses.replace(METADATA, thresholds=Thresholds("some images", points, {}))
    path = save_model(tmp_path / "a.onnx", metadata=metadata)
    counts = {score: len(load_detector(path, min_score=score)(IMAGE))
              for score in (None, "best", "target_recall", 0.3)}
    assert counts == {None: 1, "best": 1, "target_recall": 4, 0.3: 2}
    with pytest.raises(UserError, match="no confidence threshold target_precision"):
        load_detector(path, min_score="target_precision")
    model = onnx.load(path)
    next(entry for entry in model.metadata_props if entry.key == "thresholds").value = '{"all_classes": {}}'
    onnx.save(model, path)
    with pytest.raises(UserError, match="the metadata of the model file say that thresholds is"):
        load_detector(path)


def test_stricter_limits_inside_the_file_are_told(tmp_path, caplog):
    path = save_model(tmp_path / "a.onnx", with_nms=True)  # 0.05, 0.5
    load_detector(path, min_score=0.05, nms_threshold=0.5)
    assert not caplog.records
    load_detector(path, min_score=0.01, nms_threshold=0.7)
    assert ("a.onnx has NMS inside, with stricter limits, which hold: min_score 0.05 instead of 0.01, nms_threshold "
            "0.5 instead of 0.7") in caplog.text
    assert [load_detector(path, min_score=score).min_score for score in (0.01, 0.05, 0.3)] == [0.05, 0.05, 0.3]


@pytest.mark.parametrize(("boxes", "scores"), [(0.5, np.nan), (np.inf, 0.5)])
def test_outputs_that_are_no_numbers(tmp_path, monkeypatch, boxes, scores):
    outputs = split_batch(np.full((1, 3, 4), boxes), np.full((1, 3, 3), scores))
    monkeypatch.setattr(OnnxModel, "__call__", lambda *_: outputs)
    detector = load_detector(save_model(tmp_path / "a.onnx"))
    with pytest.raises(UserError, match=r"not finite numbers .*: its weights are broken"):
        detector.detect([IMAGE])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(tmp_path, value):
    """NMS inside a file finds nothing in scores that are no numbers, MindSpore Lite makes numbers of them, and ReLU6
    makes 6 of infinite values."""
    for with_nms, load in ((True, load_detector), (False, load_detector),
                           (False, lambda path: prepare_onnx(path, tmp_path / "b.onnx"))):
        path = save_model(tmp_path / "a.onnx", with_nms)
        load(path)
        model = onnx.load(path)
        (share,) = (tensor for tensor in model.graph.initializer if tensor.name == "share")
        share.CopyFrom(onnx.numpy_helper.from_array(np.array([[[1], [value], [1]]], np.float32), "share"))
        onnx.save(model, path)
        with pytest.raises(UserError, match=r"a\.onnx has weights that are not finite numbers .*: share\. Export an"):
            load(path)


def test_several_images_at_once(tmp_path):
    path = save_model(tmp_path / "a.onnx", with_nms=True)
    predictor = load_predictor(path, device=Device(threads=2))
    assert predictor.runs_images_apart and predictor.nms == NMSConfig(0.05, 0.5, 10)
    images = np.stack([np.full((3, 8, 16), light, np.float32) for light in (0.9, 0.0)])
    shapes = np.full((2, 2), 100)
    together = predictor(images, shapes)
    assert [len(one.scores) for one in together] == [4, 2]
    for found, image in zip(together, images):
        (alone,) = predictor(image[None], shapes[:1])
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_array_equal(found.labels, alone.labels)
    assert not predictor.with_threads(1).runs_images_apart


def test_models_without_metadata_or_configuration(tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.ckpt does not say what network it belongs to"):
        load_detector(tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"has no metadata about its classes and its input"):
        load_detector(save_model(tmp_path / "a.onnx", metadata=None))
    for name, message in (("none.onnx", r"no model file .*none\.onnx"),
                          ("none.ckpt", r"no such checkpoint.*none\.ckpt"),
                          ("ssd300_caco", r"did you mean the published weights ssd300_coco")):
        with pytest.raises(UserError, match=message):
            load_detector(tmp_path / name if "." in name else name)
    other = dataclasses.replace(METADATA, classes=["background", "light"])
    with pytest.raises(UserError, match="scores of 3 classes, but `classes` names 2"):
        load_detector(save_model(tmp_path / "a.onnx", metadata=other))(IMAGE)


WITHOUT_MINDSPORE = "import sys; sys.modules['mindspore'] = None\n"


def run_without_mindspore(code, folder):
    return subprocess.run([sys.executable, "-c", WITHOUT_MINDSPORE + code], cwd=folder, capture_output=True, text=True,
                          env={"PYTHONPATH": str(ROOT), "PATH": ""}, check=False)


def test_the_example_of_the_page_needs_no_mindspore(tmp_path):
    page = (ROOT / "docs" / "prediction.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    save_model(tmp_path / "model.onnx", with_nms=True, with_preprocess=True)
    save_image(tmp_path / "picture.jpg", IMAGE)
    imported = "\nprint([name for name in sys.modules if name.startswith('mindspore.')])"
    done = run_without_mindspore(example + imported, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["light", "light", "[]"]


def test_predict_needs_no_mindspore_either(tmp_path):
    save_model(tmp_path / "model.onnx", with_nms=True)
    save_image(tmp_path / "a.png", IMAGE)
    code = "import predict; predict.main(['--input=a.png', '--checkpoint_file_path=model.onnx', '--output=out'])"
    done = run_without_mindspore(code, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["class"] for row in json.loads((tmp_path / "out" / "detections.json").read_text())] == ["light"] * 2
