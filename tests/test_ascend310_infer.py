"""The C++ program: its unit tests, and the way from a checkpoint to detections through the scripts."""
import json
import os
import shutil
import subprocess
import sys

import mindspore as ms
import numpy as np
import onnx
import pytest
from PIL import Image

from src.boxes.box_ops import tlbr_to_xywh
from src.dataset.images import load_image
from src.evaluation.thresholds import OperatingPoint, Thresholds
from src.inference import load_detector
from src.ssd import build_inference_net
from src.weights.thresholds_file import write_thresholds
from tests.support.box_sets import largest_distance
from tests.support.golden_data import ROOT, golden_weight
from tests.support.samples import exif_of
from tests.support.script_runner import copy_checkout
from tests.support.script_runner import run as run_command
from tests.support.small_models import CLASSES, SMALL_MULTIBOX, flags_for

HEADERS = ("opencv2/imgcodecs.hpp", "opencv2/imgproc.hpp", "nlohmann/json.hpp", "gtest/gtest.h")
CONFIG = """
classes: [background, circle, square, triangle, star, cross, ring]
img_shape: [96, 96]
feature_size: [6, 3, 2, 1, 1, 1]
steps: [16, 32, 64, 96, 96, 96]
min_score: 0.3
dataset: coco
data_path: '{data}'
coco_root: shapes
val_data_type: val
mindrecord_dir: records
"""


def missing_tools():
    for tool in ("bash", "cmake", "g++"):
        if shutil.which(tool) is None:
            return tool
    source = "".join(f"#include <{header}>\n" for header in HEADERS)
    done = subprocess.run(["g++", "-std=c++17", "-E", "-I/usr/include/opencv4", "-x", "c++", "-o", os.devnull, "-"],
                          input=source, text=True, capture_output=True, check=False)
    return done.stderr.strip().splitlines()[0] if done.returncode else ""


MISSING = missing_tools()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the C++ program cannot be built here: {MISSING}")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what the scripts need, so that nothing is built in the real checkout."""
    folder = copy_checkout(tmp_path_factory.mktemp("cpp") / "a checkout")
    shutil.copytree(ROOT / "ascend310_infer", folder / "ascend310_infer", ignore=shutil.ignore_patterns("build"))
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What the scripts need in the environment; skips the test where there is no MindSpore Lite."""
    source = f"source '{ROOT}/scripts/common.sh'; source '{ROOT}/scripts/lite_common.sh'; lite_home"
    done = run_command(["bash", "-c", source], tmp_path_factory.getbasetemp())
    if done.returncode:
        pytest.skip(f"no end-to-end test of the C++ program: {done.stderr.strip()}")
    return {"PYTHON": sys.executable, "MS_LITE_HOME": done.stdout.strip()}


def test_unit_tests(checkout):
    build = checkout / "unit tests"
    for command in (
        ["cmake", "-S", checkout / "ascend310_infer", "-B", build, "-DSSD_BUILD_PROGRAM=OFF", "-DSSD_BUILD_TESTS=ON",
         "-DCMAKE_BUILD_TYPE=None"],  # without optimisation: compiling takes longer than the tests
        ["cmake", "--build", build, "--parallel"],
        ["ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error"],
    ):
        done = run_command(command, checkout)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def model(cpu, checkout, environment, shapes, tmp_path_factory):
    """Folder with a converted model of four images a batch (`small.mindir`), its checkpoint, and `small.yaml`."""
    from export import main as export
    from src.config import load_config

    folder = tmp_path_factory.mktemp("model")
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    net = build_inference_net(load_config(list(flags)))
    for parameter in net.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
    ms.save_checkpoint(net, str(folder / "small.ckpt"))
    write_thresholds(folder / "small.ckpt", Thresholds("some images", {"best_f1": OperatingPoint(0.3, 1, 1, 1)}, {}))
    export([*flags, f"--checkpoint_file_path={folder / 'small.ckpt'}", "--file_format=ONNX",
            f"--file_name={folder / 'small'}", "--batch_size=4"])
    (folder / "small.yaml").write_text(CONFIG.format(data=shapes), encoding="utf-8")
    done = run_command(["bash", checkout / "scripts" / "convert_lite.sh", "small.onnx", "small.mindir"], folder,
                       **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def program(model, checkout):
    """Function: flags -> the finished C++ program, called in the folder of the model."""
    (path,) = (checkout / "ascend310_infer" / "build").glob("*/main")

    def call(*flags):
        return run_command([path, *flags], model, GLOG_v="4")

    return call


def test_from_the_checkpoint_to_the_same_result(run, model, program, checkout, environment, shapes, tmp_path):
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX, "--min_score=0.3", "--output_path=network")
    flags = [flag for flag in flags if flag != "--min_score=0.001"]
    _, err, code = run("eval", *flags, f"--checkpoint_file_path={model / 'small.ckpt'}")
    assert code == 0, err
    (tmp_path / "result_Files").mkdir()
    (tmp_path / "acc.log").write_text("of an earlier run", encoding="utf-8")
    done = run_command(["bash", checkout / "scripts" / "run_infer_cpp.sh", model / "small.mindir",
                        shapes / "shapes" / "val", "cpu", model / "small.yaml", "CPU"], tmp_path, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "time_Result" / "test_perform_static.txt").read_text(encoding="utf-8").endswith(
        " ms of infer_count 6\n")
    assert list((tmp_path / "result_Files-1").iterdir()) == []
    assert (tmp_path / "acc-1.log").read_text(encoding="utf-8") == "of an earlier run"
    expected, found = (json.loads((tmp_path / name / "eval_results.json").read_text(encoding="utf-8"))
                       for name in ("network", "acc_Result"))
    assert found["mAP"] == pytest.approx(expected["mAP"], abs=5e-4)
    assert f"mAP: {found['mAP']}" in done.stdout
    by_network, by_files = (json.loads((tmp_path / name / "predictions.json").read_text(encoding="utf-8"))
                            for name in ("network", "acc_Result"))
    assert len(by_files) > 100
    assert abs(len(by_network) - len(by_files)) <= len(by_files) // 100

    annotations = shapes / "shapes" / "annotations" / "instances_val.json"
    done = program("--mindir_path=small.mindir", f"--dataset_path={shapes / 'shapes' / 'val'}", CLASSES[0],
                   f"--annotations={annotations}", "--detections=found.json", "--min_score=best")  # 0.3
    assert done.returncode == 0, done.stderr
    by_program = json.loads((model / "found.json").read_text(encoding="utf-8"))
    evaluated = {detection["image_id"] for detection in by_files}
    assert [detection for detection in by_program if detection["image_id"] in evaluated] == by_files


def test_a_photograph_that_lies_on_its_side(model, program, shapes, tmp_path):
    """The same boxes in upright pixels from the C++ program and from ONNX Runtime."""
    pixels = Image.open(min((shapes / "shapes" / "val").iterdir())).crop((0, 0, 160, 120))
    (tmp_path / "photos").mkdir()
    pixels.save(tmp_path / "photos" / "7.jpg", exif=exif_of(6))
    detector = load_detector(model / "small.onnx", min_score=0.3)
    for exif, size in (("upright", (160, 120)), ("stored", (120, 160))):
        done = program("--mindir_path=small.mindir", f"--dataset_path={tmp_path / 'photos'}", CLASSES[0],
                       f"--detections={exif}.json", "--min_score=0.3", f"--exif={exif}")
        assert done.returncode == 0, done.stderr
        image = load_image(tmp_path / "photos" / "7.jpg", upright=exif == "upright")
        assert image.shape[:2] == size
        by_program = json.loads((model / f"{exif}.json").read_text(encoding="utf-8"))
        (boxes, _, labels), = detector.detect([image])
        assert [one["category_id"] for one in by_program] == labels.tolist() and len(labels) > 0
        found = np.array([one["bbox"] for one in by_program])
        for label in np.unique(labels):
            assert largest_distance(found[labels == label], tlbr_to_xywh(boxes[labels == label])) < 0.02


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(model, program, checkout, images, value):
    """MindSpore Lite makes numbers of what is none, and ReLU6 of what is infinite: the outputs do not show it."""
    content = onnx.load(model / "small.onnx")
    first = next(node.input[1] for node in content.graph.node if node.op_type == "Conv")
    weights = next(weights for weights in content.graph.initializer if weights.name == first)
    array = onnx.numpy_helper.to_array(weights).copy()
    array.flat[0] = value  # in a convolution that Lite fuses with its ReLU6
    weights.CopyFrom(onnx.numpy_helper.from_array(array, weights.name))
    onnx.save(content, model / "broken.onnx")
    (converter,) = (checkout / "ascend310_infer" / "build").glob("*/convert_lite")
    done = run_command([converter, "broken.onnx", "broken.mindir"], model, GLOG_v="4")
    assert done.returncode == 0, done.stderr
    (images / "b.jpg").unlink()
    done = program("--mindir_path=broken.mindir", f"--dataset_path={images}", "--output_path=broken")
    assert done.returncode == 1
    assert "error: broken.mindir computes values that are not finite numbers (NaN or infinite): its weights are" in \
        done.stderr
    assert not (model / "broken" / "result_Files").exists()


@pytest.fixture
def images(shapes, tmp_path):
    """Folder with one good and one broken image."""
    folder = tmp_path / "images"
    folder.mkdir()
    first = min((shapes / "shapes" / "val").iterdir())
    shutil.copy(first, folder / "a.jpg")
    (folder / "b.jpg").write_text("no image", encoding="utf-8")
    return folder


@pytest.mark.parametrize(("flags", "message"), [
    (["--mindir_path=small.mindir", "--dataset_path={images}"], "b.jpg cannot be decoded"),
    (["--mindir_path=small.mindir", "--dataset_path={empty}"], "there is no image in"),
    (["--mindir_path=wrong.mindir", "--dataset_path={images}"], "cannot load wrong.mindir"),
    (["--mindir_path=wrong.ms", "--dataset_path={images}"], "wrong.ms is no model of MindSpore Lite"),
    (["--mindir_path=small.onnx", "--dataset_path={images}"], "scripts/convert_lite.sh"),
    (["--mindir_path=small.mindir", "--dataset_path={images}", "--image_height=300", "--image_width=300"],
     "takes images of 96 x 96, but --image_height and --image_width say 300 x 300"),
    (["--mindir_path=small.mindir", "--dataset_path={images}", "--device_type=Ascend", "--cpu_dvpp=DVPP",
      "--image_height=96", "--image_width=96", "--aipp_path=aipp.cfg"], "built without hardware decoding"),
])
def test_one_clear_message(model, program, images, tmp_path, flags, message):
    (tmp_path / "empty").mkdir()
    for name in ("wrong.mindir", "wrong.ms"):
        (model / name).write_text("this is no model", encoding="utf-8")
    folders = {"images": images, "empty": tmp_path / "empty"}
    done = program(*(flag.format(**folders) for flag in flags), f"--output_path={tmp_path / 'out'}")
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 1
    assert message in done.stderr
    assert not list(tmp_path.glob("out/**/*"))


def test_a_model_that_cannot_be_converted(model, checkout, environment):
    (model / "wrong.onnx").write_text("this is no model", encoding="utf-8")
    done = run_command(["bash", checkout / "scripts" / "convert_lite.sh", "wrong.onnx", "wrong_out.mindir"], model,
                       **environment)
    assert done.returncode == 1
    assert "wrong.onnx is no ONNX file" in done.stderr
    assert f"error: the preparation ended with code 1; log: {model}/convert.log" in done.stderr
    assert not list(model.glob("*wrong_out*")) and not list(model.glob(".part-*"))
    # An .onnx file that is to be run is converted first.
    done = run_command(["bash", checkout / "scripts" / "run_infer_cpp.sh", "wrong.onnx", ".", "CPU", "small.yaml",
                        "CPU"], model, **environment)
    assert done.returncode == 1
    assert done.stderr.count("error: the preparation ended with code 1") == 1


@pytest.mark.parametrize(("script", "more"), [
    ("run_infer_cpp.sh", [".", "CPU", "small.yaml", "CPU"]),
    ("run_infer_310.sh", [".", "0", "small.yaml"]),
    ("convert_lite.sh", ["new.mindir"]),
])
def test_mindir_of_mindspore_is_answered_with_the_command_that_helps(checkout, tmp_path, script, more):
    """As of `export.py --file_format=MINDIR`, for the kit, which has no converter for it."""
    header = tmp_path / "kit" / "include" / "api" / "model.h"
    header.parent.mkdir(parents=True)
    header.touch()
    (tmp_path / "exported.mindir").write_bytes(b"\x08\x01prior_scaling\x12")
    (tmp_path / "small.yaml").touch()
    done = run_command(["bash", checkout / "scripts" / script, "exported.mindir", *more], tmp_path,
                       MS_LITE_HOME=str(tmp_path / "kit"), PYTHON=sys.executable)
    assert done.returncode == 1
    assert "export.py --config_path=" in done.stderr and done.stderr.count("error: ") == 1


def test_what_the_build_lacks(checkout, tmp_path):
    """A stand-in for cmake that does not find a package."""
    tool = tmp_path / "tools" / "cmake"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'Could NOT find nlohmann_json'\nexit 1\n", encoding="utf-8")
    tool.chmod(0o755)
    script = f"cd '{checkout}/scripts'; source common.sh; source lite_common.sh; build_cpp '{tmp_path}/build.log' /kit"
    done = run_command(["bash", "-c", script], tmp_path, PATH=f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1
    assert "Could NOT find nlohmann_json" in done.stderr and "apt-get install cmake g++ make" in done.stderr


def test_a_failing_step_ends_the_script(model, checkout, environment, images, tmp_path):
    done = run_command(["bash", checkout / "scripts" / "run_infer_cpp.sh", model / "small.mindir", images, "CPU",
                        model / "small.yaml", "CPU"], tmp_path, **environment)
    assert done.returncode == 1
    assert "b.jpg cannot be decoded" in done.stderr
    assert f"error: the inference ended with code 1; log: {tmp_path}/infer.log" in done.stderr
    assert not (tmp_path / "acc_Result").exists() and not (tmp_path / "result_Files").exists()


def test_a_run_in_the_same_folder_is_refused(checkout, environment, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "small.yaml").write_text(CONFIG.format(data=tmp_path), encoding="utf-8")
    (tmp_path / "small.ms").touch()
    (tmp_path / "result_Files").mkdir()
    with open(tmp_path / "build.log", "w", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        done = run_command(["bash", checkout / "scripts" / "run_infer_cpp.sh", "small.ms", ".", "CPU", "small.yaml",
                            "CPU"], tmp_path, **environment)
    assert done.returncode == 1
    assert done.stderr == f"error: a run still writes to {tmp_path}; wait for its end, or stop it first\n"
    assert (tmp_path / "result_Files").exists()
