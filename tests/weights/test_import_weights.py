"""From published weights to evaluation, fine-tuning and export."""
import csv
import json

import mindspore as ms
import numpy as np
import pytest

from src.dataset.shapes import draw_shapes_dataset
from src.ssd import build_training_net
from src.weights import load_backbone, read_checkpoint, save_checkpoint
from src.weights.import_weights import main
from src.weights.torchvision_mmdet import LIBRARIES
from tests.support.golden_data import library_weights
from tests.support.small_models import CLASSES, DATA
from tests.support.torch_files import dictionary, text, write_state_dict
from tests.support.torchvision_shapes import resnet50

pytestmark = pytest.mark.usefixtures("cpu")
# fc7 needs a map of 17 x 17, so that 1 x 1 is left after the last block
SMALL = ("--img_shape=260,260", "--feature_size=33,17,9,5,3,1", "--steps=8,16,30,60,100,260")


def values_of(checkpoint):
    return {name: parameter.asnumpy() for name, parameter in read_checkpoint(checkpoint).items()}


def failure(capsys, *flags):
    """What is printed where the import ends with an error."""
    with pytest.raises(SystemExit) as stop:
        main([str(flag) for flag in flags])
    assert stop.value.code == 1
    return capsys.readouterr().err


def test_import_fine_tune_evaluate_export(run, tmp_path):
    weights = library_weights("mmdet")
    for name, value in weights.items():
        weights[name] = value * np.float32(0.8 if value.ndim == 4 else 1)  # moderate outputs, as of trained weights
    file = write_state_dict(tmp_path / "ssd300_coco.pth", weights, lambda state: dictionary({
        "meta": dictionary({"mmdet_version": text("2.14.0")}), "state_dict": state}))
    main([str(file), "--from", "mmdet"])
    checkpoint = tmp_path / "ssd300_coco.ckpt"
    imported = values_of(checkpoint)
    assert len(imported) == 71
    np.testing.assert_array_equal(imported["network.fc6.weight"], weights["backbone.features.31.weight"])

    draw_shapes_dataset(tmp_path / "shapes", num_train=4, num_val=2)
    flags = (f"--config_path=config/{LIBRARIES['mmdet'].config_file}", f"--data_path={tmp_path}", *CLASSES, *DATA,
             *SMALL, "--device_target=CPU", "--batch_size=2", "--output_path=output")
    train = ("train", *flags, f"--pre_trained={checkpoint}", "--epoch_size=1", "--lr=0.00001", "--lr_init=0.000001",
             "--run_eval=True", "--eval_start_epoch=1")
    _, err, code = run(*train)
    assert code == 1
    assert "--filter_weight=True" in err
    _, err, code = run(*train, "--filter_weight=True")
    assert code == 0, err
    trained_file = next((tmp_path / "output" / "ckpt_0").glob("ssd-1_*.ckpt"))
    trained = values_of(trained_file)["network.fc6.weight"]
    change = np.abs(trained - imported["network.fc6.weight"]).max()
    assert 0 < change < 0.01 * np.abs(trained).max()
    with open(tmp_path / "output" / "results.csv", newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    assert np.isfinite(float(row["loss"]))

    flag = f"--checkpoint_file_path={trained_file}"
    _, err, code = run("eval", *flags, flag)
    assert code == 0, err
    assert json.loads((tmp_path / "output" / "eval_results.json").read_text())["mAP"] == float(row["mAP"])
    for file_format in ("MINDIR", "ONNX"):
        _, err, code = run("export", *flags, flag, f"--file_format={file_format}", "--file_name=exported")
        assert code == 0, err
        assert (tmp_path / f"exported.{file_format.lower()}").is_file()


def random_values(shapes):
    rng = np.random.default_rng(0)
    return {name: np.array(7) if name.endswith("num_batches_tracked") else
            np.abs(rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def test_classifier_to_a_checkpoint_for_the_backbone(tmp_path, config_of):
    values = random_values(resnet50())
    file = write_state_dict(tmp_path / "resnet50.pth", values)
    main([str(file), "--from", "torchvision", "--config", "config/ssd_resnet50_fpn_config.yaml", "--output",
          str(tmp_path / "backbone.ckpt")])
    written = values_of(tmp_path / "backbone.ckpt")
    counters = [name for name in values if name.endswith("num_batches_tracked")]
    assert len(counters) == 53
    assert len(written) == len(values) - len(counters) - 2  # without the last layer
    np.testing.assert_array_equal(written["layer1.0.bn1.moving_variance"], values["layer1.0.bn1.running_var"])

    net = build_training_net(config_of("ssd_resnet50_fpn_config.yaml", "--use_float16=False"))
    path = "feature_extractor.resnet"
    load_backbone(net, tmp_path / "backbone.ckpt", path)
    found = {p.name: p.asnumpy() for p in net.get_parameters()}
    np.testing.assert_array_equal(found[f"network.{path}.layer4.0.down_sample_layer.1.gamma"],
                                  values["layer4.0.downsample.1.weight"])
    load_backbone(net, file, path)  # the library's own file serves as well
    assert all(np.array_equal(p.asnumpy(), found[p.name]) for p in net.get_parameters())


def test_one_clear_message_and_nothing_written(tmp_path, capsys):
    detector = {"bbox_head.cls_convs.0.0.bias": np.zeros(324, np.float32)}
    old = write_state_dict(tmp_path / "old.pth", detector, lambda state: dictionary({
        "meta": dictionary({"mmdet_version": text("1.2.0")}), "state_dict": state}))
    file = write_state_dict(tmp_path / "a.pth", detector)
    classifier = write_state_dict(tmp_path / "b.pth", {"fc.bias": np.zeros(3, np.float32)})
    other = tmp_path / "d.ckpt"
    save_checkpoint([{"name": "network.weight", "data": ms.Tensor(np.zeros(3, np.float32))}], other)
    ssd300 = "config/ssd300_config.yaml"
    for flags, message in (
        ((old, "--from", "mmdet"), "upgrade_model_version.py"),
        ((file, "--from", "mmdet"), "1 of its 71"),
        ((file, "--from", "torchvision"), "other library"),
        ((file, "--from", "mmdet", "--config", ssd300), "names ssd300"),
        ((classifier, "--from", "torchvision"), "--config"),
        ((classifier, "--from", "torchvision", "--config", ssd300), "0 of the 265"),
        ((tmp_path / "c.pth", "--from", "torchvision"), "no file"),
        ((other, "--from", "mindcv"), "no checkpoint of an SSD of MindCV"),
    ):
        err = failure(capsys, *flags)
        assert err.count("error: ") == 1
        assert message in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pth", "b.pth", "d.ckpt", "old.pth"]
