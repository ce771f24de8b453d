"""Conversion to OM, with a stand-in for CANN's `atc` that writes down what it is given."""
import json
import os
import sys

import numpy as np
import onnx
import pytest

from src.export.om import om_input_shape
from src.inference.onnx_runtime import OnnxModel
from tests.support.golden_data import ROOT
from tests.support.script_runner import run
from tests.support.small_models import SMALL_MULTIBOX, flags_for, save_detector

pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.skipif(os.name == "nt", reason="shell scripts")]
ATC = f"""#!{sys.executable}
import json, pathlib, sys
flags = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
if "insert_op_conf" in flags:
    flags["aipp"] = pathlib.Path(flags["insert_op_conf"]).read_text()
print("ATC start working now")
if flags["soc_version"] == "Ascend910":
    sys.exit("ATC run failed")
pathlib.Path(flags["output"] + ".om").write_text(json.dumps(flags))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory, shapes, cpu):
    """Folder with `plain.onnx`, `free.onnx` with any batch size, and `pixels.onnx`, which normalises images."""
    from export import main

    folder = tmp_path_factory.mktemp("models")
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    checkpoint = save_detector(folder / "small.ckpt", flags)
    for name, more in (("plain", ["--batch_size=2"]), ("free", ["--dynamic_batch"]), ("pixels", ["--with_preprocess"])):
        main([*flags, f"--checkpoint_file_path={checkpoint}", "--file_format=ONNX", "--verify=False",
              f"--file_name={folder / name}", *more])
    return folder


@pytest.fixture
def convert(tmp_path):
    """Function: arguments of the script, variables -> the finished process."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "atc").write_text(ATC, encoding="utf-8")
    (tools / "atc").chmod(0o755)

    def convert(*arguments, **variables):
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        return run(["bash", ROOT / "scripts" / "convert_om.sh", *arguments], tmp_path,
                   **{"PATH": path, "PYTHON": sys.executable, **variables})

    return convert


def test_what_atc_is_given(models, convert, tmp_path):
    done = convert(models / "plain.onnx", "small.om", "Ascend310P3")
    assert done.returncode == 0, done.stderr
    given = json.loads((tmp_path / "small.om").read_text())
    output = given.pop("output")
    assert output.startswith(str(tmp_path)) and not output.endswith(".om")  # atc adds the suffix
    assert given == {"framework": "5", "model": str(models / "plain.onnx"), "input_format": "NCHW",
                     "input_shape": "image:2,3,96,96", "soc_version": "Ascend310P3",
                     "precision_mode_v2": "cube_fp16in_fp32out", "output_type": "FP32"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["atc.log", "small.om", "tools"]


def test_names_and_static_shape_are_those_of_the_file(models):
    (image,) = onnx.load(models / "free.onnx").graph.input
    assert image.name == "image" and image.type.tensor_type.shape.dim[0].dim_param
    assert om_input_shape(models / "free.onnx") == "image:1,3,96,96"
    assert OnnxModel(models / "plain.onnx").input_shape == (2, 3, 96, 96)


def test_images_of_the_hardware_decoder(models, convert, tmp_path):
    """The AIPP configuration gives the network what it was trained on."""
    config = "config/ssd300_config.yaml"
    done = convert(models / "free.onnx", "small.om", "Ascend310B4", config, PRECISION="mixed_float16")
    assert done.returncode == 0, done.stderr
    given = json.loads((tmp_path / "small.om").read_text())
    assert given["precision_mode_v2"] == "mixed_float16"
    lines = [line.strip().split(": ") for line in given["aipp"].splitlines() if line.startswith("    ")]
    values = dict(lines)
    assert (values["aipp_mode"], values["input_format"]) == ("static", "YUV420SP_U8")
    yuv = np.array([128.0, 100.0, 160.0])
    matrix = np.array([[float(values[f"matrix_r{row}c{column}"]) for column in range(3)] for row in range(3)])
    bias = np.array([float(values[f"input_bias_{channel}"]) for channel in range(3)])
    rgb = matrix @ (yuv - bias) / 256
    mean = np.array([float(values[f"min_chn_{channel}"]) for channel in range(3)])
    factor = np.array([float(values[f"var_reci_chn_{channel}"]) for channel in range(3)])
    expected = (np.array([172.87, 114.76, 78.38]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose((rgb - mean) * factor, expected, atol=0.02)


@pytest.mark.parametrize(("arguments", "message"), [
    (("small.ckpt", "a.om", "Ascend310P3"), "is no .onnx file"),
    (("plain.onnx", "a.mindir", "Ascend310P3"), "must end with .om"),
    (("plain.onnx", "a.om", "310P3"), "SOC_VERSION is '310P3', expected Ascend and the name"),
    (("pixels.onnx", "a.om", "Ascend310P3"), "export it without --with_preprocess"),
    (("plain.onnx", "a.om", "Ascend910"), "atc ended with code 1; log: "),
    (("plain.onnx", "a.om", "Ascend310P3", "no.yaml"), "no.yaml does not exist"),
])
def test_clear_errors(models, convert, tmp_path, arguments, message):
    done = convert(models / arguments[0], *arguments[1:])
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("error: ") == 1
    assert not (tmp_path / "a.om").exists() and not list(tmp_path.glob(".part-*"))


def test_without_cann(models, convert):
    done = convert(models / "plain.onnx", "a.om", "Ascend310P3", PATH="/usr/bin:/bin")
    assert done.returncode == 1 and "atc is not on the path" in done.stderr
