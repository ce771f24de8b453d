import json

import mindspore as ms
import numpy as np
import pytest

from src.model_export import export_network, verify_export, with_suffix
from src.model_utils.errors import UserError
from src.predictors import mindir_predictor, onnx_predictor
from src.ssd import build_inference_net
from tests.golden_data import golden_weight
from tests.test_training import SMALL_MULTIBOX, SMALL_PYRAMID, flags_for

pytestmark = pytest.mark.usefixtures("cpu")


@pytest.fixture
def net_of(config_of):
    """Function: configuration file, flags -> inference network with the golden weights, which spread the scores."""

    def build(name, *flags):
        net = build_inference_net(config_of(name, "--device_target=CPU", "--use_float16=False", *flags))
        for parameter in net.get_parameters():
            parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
        return net

    return build


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
@pytest.mark.parametrize(("name", "flags", "size"), [
    ("ssd300_config.yaml", SMALL_MULTIBOX, (96, 96)),
    ("ssd_mobilenet_v1_fpn_config.yaml", SMALL_PYRAMID, (128, 128)),
])
def test_exported_files_agree_with_the_network(net_of, tmp_path, name, flags, size, file_format):
    net = net_of(name, *flags)
    path = tmp_path / with_suffix("model", file_format)
    export_network(net, path, file_format, batch_size=2, image_size=size)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    images = np.random.default_rng(1).standard_normal((2, 3, *size)).astype(np.float32)
    assert verify_export(net, path, file_format, images) < 1e-4
    predict = onnx_predictor(path) if file_format == "ONNX" else mindir_predictor(path)
    _, scores = predict(images)
    assert scores.std() > 0.01  # the comparison is between numbers that differ


def test_evaluation_of_an_onnx_file(run, shapes, tmp_path):
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    assert run("train", *flags, "--epoch_size=1", "--lr=0.01")[2] == 0
    checkpoint = next((tmp_path / "output" / "ckpt_0").glob("ssd-1_*.ckpt"))
    checkpoint_flag = f"--checkpoint_file_path={checkpoint}"
    _, err, code = run("export", *flags, checkpoint_flag, "--file_format=onnx", "--file_name=small")
    assert code == 0, err
    found = {}
    for script, flag in (("eval", checkpoint_flag), ("eval_onnx", "--file_name=small.onnx")):
        _, err, code = run(script, *flags, flag)
        assert code == 0, err
        found[script] = json.loads((tmp_path / "output" / "eval_results.json").read_text())
    assert found["eval_onnx"]["mAP"] == pytest.approx(found["eval"]["mAP"], abs=1e-4)
    _, err, code = run("eval_onnx", *flags, "--file_name=small.onnx", "--batch_size=2")
    assert code == 1
    assert "set batch_size" in err


@pytest.mark.parametrize(("flags", "message"), [
    (["--file_format=AIR", "--file_name=small"], "Ascend device only"),
    (["--file_name=nothing.onnx"], "no file nothing.onnx"),
    (["--file_name=text.onnx"], "no ONNX file"),
    (["--file_name=text.onnx", "--device_target=GPU"], "CUDAExecutionProvider"),
    (["--file_name=text.onnx", "--device_target=Ascend"], "not on Ascend"),
])
def test_one_clear_message(run, shapes, net_of, tmp_path, flags, message):
    (tmp_path / "text.onnx").write_text("this is no model")
    base = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    if "--file_format=AIR" in flags:
        ms.save_checkpoint(net_of("ssd300_config.yaml", *SMALL_MULTIBOX, "--num_classes=7",
                                  "--classes=background,circle,square,triangle,star,cross,ring"), "a.ckpt")
        _, err, code = run("export", *base, "--checkpoint_file_path=a.ckpt", *flags)
    else:
        _, err, code = run("eval_onnx", *base, *flags)
    assert code == 1
    assert err.count("error: ") == 1
    assert message in err
    assert not (tmp_path / "output").exists()


def test_a_file_that_does_not_agree(net_of, tmp_path):
    net = net_of("ssd300_config.yaml", *SMALL_MULTIBOX)
    export_network(net, tmp_path / "model.onnx", "ONNX", 1, (96, 96))
    bias = next(p for p in net.trainable_params() if p.name.endswith("multi_cls_layers.0.3.bias"))
    bias.set_data(ms.ops.ones_like(bias))
    with pytest.raises(UserError, match="does not agree with the network"):
        verify_export(net, tmp_path / "model.onnx", "ONNX", np.zeros((1, 3, 96, 96), np.float32))
