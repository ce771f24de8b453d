"""Training, evaluation while training, evaluation of the saved weights: every model, through the entry scripts."""
import csv
import json
from dataclasses import asdict

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.config import load_config
from src.ssd import build_training_net
from src.weights import read_checkpoint
from tests.support.small_models import DATA, SMALL_MULTIBOX, SMALL_PYRAMID, SMALL_VGG, flags_for, save_detector

FROM_SCRATCH = ("--feature_extractor_base_param=",)
HALF = ("--use_float16=True",)  # as the file says
MODELS = {
    "ssd300_config_gpu.yaml": (*SMALL_MULTIBOX, *HALF),
    "ssd_mobilenet_v1_300_config_gpu.yaml": (*SMALL_MULTIBOX, *HALF),
    "ssd_mobilenet_v1_fpn_config_gpu.yaml": SMALL_PYRAMID,
    "ssd_resnet50_fpn_config_gpu.yaml": SMALL_PYRAMID,
    "ssd_vgg16_config_gpu.yaml": SMALL_VGG,
    "ssd_mindcv_mobilenetv3_config.yaml": SMALL_MULTIBOX,
    "ssd_efficientnet_lite0_fpnlite_config.yaml": (*SMALL_PYRAMID, *FROM_SCRATCH),
}


def test_one_epoch_in_float16(run, shapes, tmp_path):
    flags = flags_for("ssd_resnet50_fpn_config.yaml", shapes, *SMALL_PYRAMID, *HALF)
    _, err, code = run("train", *flags, "--epoch_size=1", "--lr=0.01")
    assert code == 0, err
    assert next((tmp_path / "output" / "ckpt_0").glob("ssd-1_*.ckpt"))


@pytest.mark.parametrize(("config", "trained"), [
    ("ssd_mobilenet_v1_fpn_config.yaml", "ssd_mobilenet_v1_fpn_config_gpu.yaml"),
    ("ssd_mobilenet_v1_fpn_ONNX_config.yaml", "ssd_mobilenet_v1_fpn_config_gpu.yaml"),
    ("ssd_vgg16_config.yaml", "ssd_vgg16_config_gpu.yaml"),
])
def test_the_same_training(config, trained):
    """With these and ssd300_config.yaml below, all ten configurations of the Model Zoo train: these as another does."""
    first, second = (asdict(load_config([f"--config_path=config/{name}", "--device_target=CPU"]))
                     for name in (config, trained))
    differ = {key for key in first if first[key] != second[key]}
    assert differ <= {"config_path", "batch_size", "checkpoint_file_path", "all_reduce_fusion_config", "min_scale"}


@pytest.mark.parametrize("config", MODELS)
def test_one_epoch_and_the_same_numbers_again(run, shapes, tmp_path, config):
    if "mindcv" in config:
        pytest.importorskip("mindcv")
    flags = flags_for(config, shapes, *MODELS[config])
    _, err, code = run("train", *flags, "--epoch_size=1", "--run_eval=True", "--eval_start_epoch=1", "--lr=0.01")
    assert code == 0, err
    saved = sorted(path.name for path in (tmp_path / "output" / "ckpt_0").glob("*.ckpt"))
    assert [name.split("_")[0] for name in saved] == ["best", "ssd-1"]
    with open(tmp_path / "output" / "results.csv", newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    best, last = (read_checkpoint(tmp_path / "output" / "ckpt_0" / name) for name in saved)
    for name, value in best.items():
        np.testing.assert_array_equal(value.asnumpy(), last[name].asnumpy(), err_msg=name)
    _, err, code = run("eval", *flags, f"--checkpoint_file_path=output/ckpt_0/{saved[0]}")
    assert code == 0, err
    results = json.loads((tmp_path / "output" / "eval_results.json").read_text())
    assert results["mAP"] == float(row["mAP"])
    beside = json.loads((tmp_path / "output" / "ckpt_0" / "best_map.thresholds.json").read_text())
    assert results["thresholds"] == beside["thresholds"]
    assert json.loads((tmp_path / "output" / "predictions.json").read_text())


def test_pictures_of_detections(run, shapes, tmp_path):
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    checkpoint = save_detector(tmp_path / "a.ckpt", flags)
    images = shapes / "shapes" / "val"
    _, err, code = run("predict", *flags, f"--checkpoint_file_path={checkpoint}", f"--input={images}",
                       "--output=pictures", "--score=0.001", "--max_images=2")
    assert code == 0, err
    assert len(list((tmp_path / "pictures").glob("*.jpg"))) == 2
    found = json.loads((tmp_path / "pictures" / "detections.json").read_text())
    assert found
    assert {"file_name", "picture", "class", "score", "bbox"} == set(found[0])


@pytest.fixture
def folded_detector(cpu, tmp_path):
    """Checkpoint of the detector of finetune.yaml for two classes, one of the demo data, its BatchNorm folded."""
    net = build_training_net(load_config(["--config_path=config/ssd_mobilenet_v2_config.yaml",
                                          "--classes=background,ring,dog", "--num_classes=3"]))
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.BatchNorm2d):
            cell.beta.set_data(ms.Tensor(np.full(cell.beta.shape, 0.1, np.float32)))
    ms.save_checkpoint(net, str(tmp_path / "detector.ckpt"))
    return tmp_path / "detector.ckpt"


def test_own_data_to_a_model_file_and_pictures(run, shapes, tmp_path, folded_detector, caplog):
    caplog.set_level("INFO")
    output = tmp_path / "meine Läufe [1]"  # letters that MindSpore's exporters refuse
    flags = ("--config_path=config/finetune.yaml", f"--data_path={shapes}", *DATA, f"--pre_trained={folded_detector}",
             "--input_size=96", "--epoch_size=1", "--eval_start_epoch=1", "--val_data_type=train", "--val_share=0.25",
             "--mindrecord_dir=own", f"--output_path={output}")
    _, err, code = run("train", *flags)
    assert code == 0, err
    assert "BatchNorm: statistics of 61 layers from 11 training images" in caplog.text
    shown = json.loads((output / "pictures" / "detections.json").read_text())
    assert len(list((output / "pictures").glob("*.jpg"))) == 4  # a quarter of the 16 training images
    assert {item["class"] for item in shown} <= {"circle", "square", "triangle", "star", "cross", "ring"}
    # The configuration of the run and the model file are enough for what comes next.
    _, err, code = run("eval", f"--config_path={output / 'config.yaml'}",
                       f"--checkpoint_file_path={output / 'ckpt_0' / 'best_map.ckpt'}")
    assert code == 0, err
    with open(output / "results.csv", newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert json.loads((output / "eval_results.json").read_text())["mAP"] == float(row["mAP"])
    _, err, code = run("predict", f"--checkpoint_file_path={output / 'model.onnx'}", "--score=0.001",
                       f"--input={shapes / 'shapes' / 'val'}", "--max_images=1", "--output=found")
    assert code == 0, err
    assert len(list((tmp_path / "found").glob("*.jpg"))) == 1
    best = output / "ckpt_0" / "best_map.ckpt"
    _, err, code = run("eval", *flags, f"--checkpoint_file_path={best}")
    assert code == 1
    assert "config.yaml in the output_path" in err


def test_continuing_after_some_epochs(run, shapes, tmp_path, caplog):
    caplog.set_level("INFO")
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX, "--lr=0.01")
    assert run("train", *flags, "--epoch_size=2")[2] == 0
    checkpoint = next((tmp_path / "output" / "ckpt_0").glob("ssd-2_*.ckpt"))
    before = {path: path.read_bytes() for path in checkpoint.parent.glob("ssd-*")}
    caplog.clear()
    _, err, code = run("train", *flags, "--epoch_size=3", f"--pre_trained={checkpoint}", "--pre_trained_epoch_size=2")
    assert code == 0, err
    assert {path: path.read_bytes() for path in before} == before
    saved = {path.name for path in checkpoint.parent.glob("*.ckpt")} - {path.name for path in before}
    assert saved == {checkpoint.name.replace("ssd-2_", "ssd_1-3_")}
    lines = [record.getMessage() for record in caplog.records]
    assert not any(line.startswith("epoch: 1 ") for line in lines)
    assert any(line.startswith("epoch: 3 step: 3, loss is ") for line in lines)


def test_fine_tuning_from_other_classes(run, shapes, tmp_path):
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    checkpoint = save_detector(tmp_path / "a.ckpt", flags)
    other = ("--classes=background,circle,ring", "--num_classes=3", f"--pre_trained={checkpoint}", "--epoch_size=1",
             "--mindrecord_dir=records_of_two")
    _, err, code = run("train", *flags, *other)
    assert code == 1
    assert "another shape" in err
    assert "--filter_weight=True" in err
    _, err, code = run("train", *flags, *other, "--filter_weight=True", "--freeze_layer=backbone")
    assert code == 0, err


@pytest.mark.parametrize(
    ("script", "flags", "message"),
    [
        ("train", ["--coco_root=nowhere"], "nowhere"),
        ("eval", ["--coco_root=nowhere", "--checkpoint_file_path=a.ckpt"], "a.ckpt"),
        ("eval", ["--checkpoint_file_path=missing.ckpt"], "missing.ckpt"),
        ("train", ["--pre_trained=missing.ckpt", "--epoch_size=1"], "missing.ckpt"),
        ("train", ["--epoch_sise=3"], "epoch_size"),
        ("train", ["--model_name=ssd301"], "ssd300"),
        ("train", ["--classes=background,unicorn", "--num_classes=2", "--mindrecord_dir=empty"], "unicorn"),
        ("train", ["--batch_size=4000", "--epoch_size=1"], "batch_size"),
        ("predict", ["--input=nothing.jpg"], "nothing.jpg"),
        ("download_dataset", ["--dataset=voc"], "shapes"),
    ],
)
def test_one_clear_message(run, shapes, tmp_path, script, flags, message):
    base = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    _, err, code = run(script, *base, *flags)
    assert code == 1
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_model(run, shapes, tmp_path):
    checkpoint = save_detector(tmp_path / "a.ckpt", flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX))
    flags = flags_for("ssd_mobilenet_v1_300_config_gpu.yaml", shapes, *SMALL_MULTIBOX)
    _, err, code = run("eval", *flags, f"--checkpoint_file_path={checkpoint}", "--output_path=other")
    assert code == 1
    assert "do not belong to the network: network.backbone" in err
    assert not (tmp_path / "other").exists()
