import dataclasses
import json
import re
import tempfile

import mindspore as ms
import numpy as np
import onnx
import pytest

from src.boxes import build_nms_config, select_detections
from src.boxes.box_ops import tlbr_to_xywh
from src.evaluation.thresholds import OperatingPoint, Thresholds
from src.export import exporter
from src.export.exporter import OnnxOptions, _accepted_path, export_network, verify_file, with_suffix
from src.export.verify import verify_export
from src.inference.metadata import create_metadata
from src.inference.mindir import MindirModel
from src.inference.network import NetworkPredictor
from src.inference.onnx_runtime import OnnxModel, create_session
from src.ssd import build_inference_net
from src.utils.errors import UserError
from tests.support.golden_data import ROOT, golden_weight
from tests.support.small_models import SMALL_MULTIBOX, SMALL_PYRAMID, SMALL_VGG, flags_for, save_detector

pytestmark = pytest.mark.usefixtures("cpu")

SHAPES = ("--num_classes=7", "--classes=background,circle,square,triangle,star,cross,ring")
FLOAT = ("--device_target=CPU", "--use_float16=False")


@pytest.fixture
def model_of(config_of):
    """Function: configuration file, flags -> configuration, and inference network whose weights spread the scores."""

    def build(name, *flags):
        config = config_of(name, *FLOAT, *flags)
        net = build_inference_net(config)
        for parameter in net.get_parameters():
            parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
        return config, net

    return build


def random_images(count, size, seed=1):
    return np.random.default_rng(seed).standard_normal((count, 3, *size)).astype(np.float32)


ONE_AND_FOUR = (("ONNX", (1, 4)), ("MINDIR", (4,)))
ONE = (("ONNX", (1,)), ("MINDIR", (1,)))


@pytest.mark.parametrize(("name", "flags", "exports"), [
    ("ssd300_config.yaml", SMALL_MULTIBOX, ONE_AND_FOUR),
    ("ssd_mobilenet_v1_300_config_gpu.yaml", SMALL_MULTIBOX, ONE),
    ("ssd_mobilenet_v1_fpn_config.yaml", SMALL_PYRAMID, ONE),
    ("ssd_resnet50_fpn_config.yaml", SMALL_PYRAMID, ONE),
    ("ssd_vgg16_config.yaml", SMALL_VGG, ONE_AND_FOUR),
    ("ssd_mobilenet_v2_config.yaml", (*SMALL_MULTIBOX, "--use_depthwise=True"), ONE),
    # levels of 12, 6, 3, 2 and 1: not all halves
    ("ssd_efficientnet_lite0_fpnlite_config.yaml", ("--img_shape=96,96", "--feature_size=12,6,3,2,1"), ONE),
])
def test_exported_files_agree_with_the_network(model_of, tmp_path, name, flags, exports):
    config, net = model_of(name, *flags)
    best = OperatingPoint(0.2345678, 0.75, 0.5, 0.6)
    metadata = create_metadata(config, "fp32", Thresholds("some images", {"best_f1": best}, {"ring": {}}))
    folder = tmp_path / "my models [1], 模型"  # MindSpore's exporters know no such letters
    for file_format, batch_sizes in exports:
        for batch_size in batch_sizes:
            path = folder / with_suffix("model", file_format)
            export_network(net, path, file_format, batch_size, metadata)
            images = random_images(batch_size, config.img_shape)
            fixed = batch_size if file_format == "MINDIR" else 1
            assert verify_export(net, path, fixed, images, "noise") < 1e-4
    model = OnnxModel(folder / "model.onnx")
    assert model.metadata == MindirModel(folder / "model.mindir").metadata == metadata
    assert onnx.load(folder / "model.onnx").metadata_props[-1] == onnx.StringStringEntryProto(
        key="best_score", value="0.2345678")
    assert model(images)[0].scores.std() > 0.01  # the comparison is between numbers that differ
    assert sorted(entry.name for entry in folder.iterdir()) == ["model.mindir", "model.onnx"]


def test_no_place_that_the_exporters_accept(tmp_path, monkeypatch):
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a b"))
    with pytest.raises(UserError, match="let TMPDIR name a folder"), _accepted_path(tmp_path / "a b" / "a.onnx"):
        pass
    with _accepted_path(tmp_path / "plain.onnx") as path:
        assert path == tmp_path / "plain.onnx"


def test_weights_that_levels_share_are_written_once(model_of, tmp_path):
    config, net = model_of("ssd_mobilenet_v1_fpn_config.yaml", *SMALL_PYRAMID)
    export_network(net, tmp_path / "a.onnx", "ONNX", 1, create_metadata(config, "fp32"))
    weights = 4 * sum(parameter.size for parameter in net.get_parameters())
    assert weights < (tmp_path / "a.onnx").stat().st_size < 1.2 * weights
    graph = onnx.load(tmp_path / "a.onnx").graph
    assert [value.name for value in (*graph.input, *graph.output)] == ["image", "boxes", "scores"]


@pytest.fixture
def ssd300(model_of):
    return model_of("ssd300_config.yaml", *SMALL_MULTIBOX, *SHAPES)


def test_any_batch_size(ssd300, tmp_path):
    config, net = ssd300
    metadata = create_metadata(config, "fp32")
    (tmp_path / ".part-2147483647-a.onnx").touch()  # of an export that was killed
    export_network(net, tmp_path / "a.onnx", "ONNX", 1, metadata, OnnxOptions(dynamic_batch=True))
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
    for batch_size in (1, 3):
        assert verify_export(net, tmp_path / "a.onnx", 1, random_images(batch_size, (96, 96)), "noise") < 1e-4
    # on several threads a batch goes through image by image; on one it is one call
    images = random_images(3, (96, 96))
    for one, other in zip(*(OnnxModel(tmp_path / "a.onnx", threads=threads).run(images) for threads in (1, 2))):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_nms_and_normalisation_inside(model_of, tmp_path):
    # of some classes and images more than `max_boxes` are left, of others fewer
    config, net = model_of("ssd300_config.yaml", *SMALL_MULTIBOX, *SHAPES, "--min_score=0.6", "--max_boxes=60")
    metadata = create_metadata(config, "fp32")
    export_network(net, tmp_path / "a.onnx", "ONNX", 1, metadata,
                   OnnxOptions(dynamic_batch=True, with_preprocess=True, with_nms=True))
    session = create_session(str(tmp_path / "a.onnx"))
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (3, 96, 96, 3), np.uint8)
    pixels[1] = 0  # an image of its own number of detections
    image_shapes = np.array([[333, 500], [20, 30], [480, 640]], np.float32)
    boxes, scores, labels, counts = session.run(None, {"image": pixels, "image_shape": image_shapes})
    one_by_one = OnnxModel(tmp_path / "a.onnx", threads=2).run(pixels, image_shapes)
    for found, expected in zip(one_by_one, (boxes, scores, labels, counts)):
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert boxes.shape == (3, max(counts), 4)
    assert len(set(counts)) > 1

    normalised = (pixels.astype(np.float32) - np.float32(metadata.mean)) / np.float32(metadata.std)
    network = NetworkPredictor(net)
    for row, image in enumerate(normalised.transpose(0, 3, 1, 2)):
        one_boxes, one_scores = network.run(image[None])
        # candidates whose score lies on the threshold may fall to either side
        assert np.abs(one_scores - metadata.min_score).min() > 1e-6
        xywh, expected_scores, expected_labels = select_detections(
            one_boxes[0], one_scores[0], image_shapes[row], build_nms_config(config)
        )
        count = counts[row]
        np.testing.assert_array_equal(labels[row, :count], expected_labels)
        np.testing.assert_allclose(scores[row, :count], expected_scores, atol=1e-5)
        np.testing.assert_allclose(tlbr_to_xywh(boxes[row, :count]), xywh, atol=1e-2)
        assert not scores[row, count:].any()
    assert counts.sum() > 100


def test_nothing_found(ssd300, tmp_path):
    config, net = ssd300
    for parameter in net.trainable_params():
        if re.search(r"multi_cls_layers\.\d\.3\.bias", parameter.name):
            parameter.set_data(ms.ops.full_like(parameter, -1000.0))
    metadata = create_metadata(config, "fp32")
    export_network(net, tmp_path / "a.onnx", "ONNX", 2, metadata, OnnxOptions(with_nms=True))
    assert verify_export(net, tmp_path / "a.onnx", 1, random_images(2, (96, 96)), "noise") < 1e-4
    model = OnnxModel(tmp_path / "a.onnx")
    for found in model(random_images(2, (96, 96)), np.full((2, 2), 300)):
        assert [array.shape for array in found.select((300, 300), metadata.nms)] == [(0, 4), (0,), (0,)]


@pytest.mark.parametrize(("precision", "smallest", "largest"), [("fp16", 0.45, 0.55), ("int8", 0.2, 0.4)])
def test_low_precision(config_of, tmp_path, precision, smallest, largest):
    # weights of the start: those that spread the scores also magnify rounding, as no trained ones do
    config = config_of("ssd300_config.yaml", *FLOAT, *SMALL_MULTIBOX, *SHAPES)
    net = build_inference_net(config)
    images = random_images(8, (96, 96))
    export_network(net, tmp_path / "full.onnx", "ONNX", 2, create_metadata(config, "fp32"))
    options = OnnxOptions(with_nms=True, calibration_images=lambda: images)
    export_network(net, tmp_path / "low.onnx", "ONNX", 2, create_metadata(config, precision), options)
    verify_export(net, tmp_path / "low.onnx", 1, images[:2], "noise")
    sizes = [(tmp_path / name).stat().st_size for name in ("low.onnx", "full.onnx")]
    assert smallest < sizes[0] / sizes[1] < largest
    kinds = {node.op_type for node in onnx.load(tmp_path / "low.onnx").graph.node}
    assert ("QuantizeLinear" in kinds) == (precision == "int8")


def test_evaluation_of_exported_files(run, shapes, tmp_path):
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    checkpoint_flag = f"--checkpoint_file_path={save_detector(tmp_path / 'a.ckpt', flags)}"
    exports = {
        "plain": ("--file_format=onnx",),
        "all_inside": ("--file_format=onnx", "--dynamic_batch", "--with_preprocess", "--with_nms"),
        "graph": ("--file_format=mindir",),
    }
    for name, options in exports.items():
        _, err, code = run("export", *flags, checkpoint_flag, *options, f"--file_name={name}")
        assert code == 0, err
    found = {}
    for script, flag in (("eval", checkpoint_flag), ("eval", "--checkpoint_file_path=graph.mindir"),
                         ("eval_onnx", "--file_name=plain.onnx"), ("eval_onnx", "--file_name=all_inside.onnx")):
        _, err, code = run(script, *flags, flag)
        assert code == 0, err
        found[flag] = json.loads((tmp_path / "output" / "eval_results.json").read_text())["mAP"]
    expected = found[checkpoint_flag]
    assert expected > 0
    assert found == {flag: pytest.approx(expected, abs=1e-4) for flag in found}
    _, err, code = run("eval_onnx", *flags, "--file_name=plain.onnx", "--classes=background,ring,circle",
                       "--num_classes=3")
    assert code == 1
    assert "plain.onnx gives scores of 7 classes, but the configuration names 3" in err


@pytest.mark.parametrize(("flags", "message"), [
    (["--file_name=nothing.onnx"], "no model file nothing.onnx"),
    (["--file_name=ssd300_coco"], "python export.py --checkpoint_file_path=ssd300_coco --file_format=ONNX"),
    (["--file_name=text.onnx"], "no ONNX file"),
    (["--file_name=text.onnx", "--device_target=GPU"], "CUDAExecutionProvider"),
    (["--file_name=text.onnx", "--device_target=Ascend"], "not on Ascend"),
    (["--file_name=good.onnx", *SMALL_MULTIBOX, "--img_shape=90,90"], "takes images of 96 x 96 pixels"),
    (["--file_name=good.onnx", "--classes=background,ring,star,cross,square,triangle,circle"],
     "The class circle has the number 6 in the configuration"),
    (["--file_name=good.onnx", "--image_std=0.2,0.2,0.2"], "exported with image_std"),
    (["--file_name=good.onnx", "--benchmark", "--benchmark_batch_sizes=1,2"], "takes 2 images at a time"),
    (["--file_name=other.onnx"], "no model of export.py"),
])
def test_one_clear_message_of_eval_onnx(run, shapes, ssd300, tmp_path, flags, message):
    config, net = ssd300
    (tmp_path / "text.onnx").write_text("this is no model")
    other = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 13]> other (float[1] x) => (float[1] y) '
                                    "{ y = Exp (x) }")
    onnx.save(other, tmp_path / "other.onnx")
    if "--file_name=good.onnx" in flags:
        export_network(net, tmp_path / "good.onnx", "ONNX", 2, create_metadata(config, "fp32"))
    _, err, code = run("eval_onnx", *flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX), *flags)
    assert code == 1
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert message in err
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("script", "flags", "message"), [
    ("export", ["--file_format=AIR", "--file_name=small"], "Ascend device only"),
    ("export", ["--with_nms"], "file_format MINDIR"),
    ("export", ["--file_format=ONNX", "--with_preprocess", "--float_resize"], "float_resize"),
    ("export", ["--file_format=ONNX", "--precision=int8", "--coco_root=nowhere"], "nowhere"),
    ("eval", ["--checkpoint_file_path=text.mindir"], "no MindIR file"),
])
def test_one_clear_message(run, shapes, ssd300, tmp_path, script, flags, message):
    (tmp_path / "text.mindir").write_text("this is no model")
    ms.save_checkpoint(ssd300[1], str(tmp_path / "a.ckpt"))
    before = set(tmp_path.iterdir())
    _, err, code = run(script, *flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX),
                       "--checkpoint_file_path=a.ckpt", *flags)
    assert code == 1
    assert err.count("error: ") == 1
    assert message in err
    assert set(tmp_path.iterdir()) == before


def test_a_file_that_does_not_agree(ssd300, tmp_path):
    config, net = ssd300
    images = np.zeros((1, 3, 96, 96), np.float32)
    for file_format in ("ONNX", "MINDIR"):
        export_network(net, tmp_path / with_suffix("a", file_format), file_format, 1, create_metadata(config, "fp32"))
    bias = next(p for p in net.trainable_params() if p.name.endswith("multi_cls_layers.0.3.bias"))
    bias.set_data(ms.ops.ones_like(bias))
    for name in ("a.onnx", "a.mindir"):
        with pytest.raises(UserError, match="does not agree with the network"):
            verify_export(net, tmp_path / name, 1, images, "zeros")
    bias.set_data(ms.ops.full_like(bias, float("nan")))  # in the scores alone
    with pytest.raises(UserError, match="does not agree with the network: largest difference nan"):
        verify_export(net, tmp_path / "a.onnx", 1, images, "zeros")


def test_a_file_that_does_not_agree_has_another_name(ssd300, tmp_path, monkeypatch):
    config, net = ssd300
    images = np.zeros((1, 3, 96, 96), np.float32)
    monkeypatch.setattr(exporter, "create_real_inputs", lambda config, count: (images, "images"))
    for file_format, name in (("ONNX", "a.onnx"), ("MINDIR", "a.mindir")):
        own = dataclasses.replace(config, file_format=file_format, batch_size=1, dynamic_batch=False, precision="fp32")
        export_network(net, tmp_path / name, file_format, 1, create_metadata(own, "fp32"))
        verify_file(own, net, str(tmp_path / name))
        bias = next(p for p in net.trainable_params() if p.name.endswith("multi_cls_layers.0.3.bias"))
        bias.set_data(bias + 1)
        refused = tmp_path / name.replace(".", ".refused.")
        with pytest.raises(UserError, match=f"does not agree with the network.*It is {refused} now"):
            verify_file(own, net, str(tmp_path / name))
        assert refused.is_file() and not (tmp_path / name).exists()


def test_nms_that_does_not_agree(ssd300, tmp_path):
    config, net = ssd300
    path = tmp_path / "a.onnx"
    export_network(net, path, "ONNX", 1, create_metadata(config, "fp32"), OnnxOptions(with_nms=True))
    model = onnx.load(path)
    next(entry for entry in model.metadata_props if entry.key == "nms_threshold").value = "0.3"
    onnx.save(model, path)
    with pytest.raises(UserError, match="where the evaluation finds"):
        verify_export(net, path, 1, random_images(1, (96, 96)), "noise")


@pytest.mark.parametrize("options", [("--dynamic_batch",), ("--dynamic_batch", "--with_preprocess", "--with_nms")])
def test_benchmark(run, shapes, ssd300, tmp_path, caplog, options):
    caplog.set_level("INFO")
    ms.save_checkpoint(ssd300[1], str(tmp_path / "a.ckpt"))
    flags = (*flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX), "--min_score=0.3")
    export = ("--checkpoint_file_path=a.ckpt", "--file_format=ONNX", "--verify=False")
    assert run("export", *flags, *export, *options)[2] == 0
    caplog.clear()
    _, err, code = run("eval_onnx", *flags, "--file_name=ssd.onnx", "--benchmark", "--benchmark_batch_sizes=1,4",
                       "--benchmark_threads=1,2", "--benchmark_images=8")
    assert code == 0, err
    rows = caplog.records[-1].getMessage().splitlines()
    assert len(rows) == 1 + 4 * 4
    assert [row.split()[:2] for row in rows[1::4]] == [["1", "1"], ["4", "1"], ["1", "2"], ["4", "2"]]
    for first in range(1, len(rows), 4):
        medians = [float(row.split()[-3]) for row in rows[first : first + 4]]
        assert medians[3] > medians[1] > 0


def test_the_example_of_the_page(shapes, ssd300, tmp_path, monkeypatch):
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(import cv2\n.*?)```", text, flags=re.DOTALL)
    assert len(example.splitlines()) <= 20
    assert re.findall(r"import (\w+)", example) == ["cv2", "numpy", "onnxruntime"]
    config, net = ssd300
    metadata = create_metadata(config, "fp32")
    export_network(net, tmp_path / "ssd.onnx", "ONNX", 1, metadata, OnnxOptions(with_preprocess=True, with_nms=True))
    picture = next((shapes / "shapes" / "val").glob("*.jpg"))
    (tmp_path / "picture.jpg").write_bytes(picture.read_bytes())
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, "export.md", "exec"), names)
    drawn, image = names["cv2"].imread("detections.jpg"), names["cv2"].imread("picture.jpg")
    assert drawn.shape == image.shape
    assert np.abs(drawn.astype(int) - image).max() > 50
