import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from src.boxes.default_boxes import build_default_boxes
from src.config.auto import UnresolvedError
from src.config.coco_classes import COCO_CLASSES
from src.config.loader import format_config, load_config
from src.config.other_names import NOT_NEEDED, OTHER_NAMES
from src.config.schema import KEYS
from src.config.yaml_file import suggestion
from src.utils.errors import UserError

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG_FILES = sorted((CHECKOUT / "config").glob("*.yaml"))
FPN = "--config_path=config/ssd_mobilenet_v1_fpn_config.yaml"

# What the ten files of the original say, keys in the order of PER_FILE_KEYS.
PER_FILE_KEYS = (
    "model_name", "device_target", "img_shape", "num_ssd_boxes", "min_scale", "alpha", "lr_init", "lr_end_rate",
    "batch_size", "weight_decay", "use_global_norm", "use_float16", "all_reduce_fusion_config",
    "checkpoint_file_path", "use_anchor_generator",
)
SMALL, LARGE = (300, 300), (640, 640)
PER_FILE = {
    "ssd300_config": ("ssd300", "Ascend", SMALL, 1917, 0.2, 0.75, 0.001, 0.001, 32, 0.00015, False, False,
                      (29, 58, 89), "ssd-500_458.ckpt", False),
    "ssd300_config_gpu": ("ssd300", "GPU", SMALL, 1917, 0.2, 0.75, 0.001, 0.001, 32, 0.00015, False, True,
                          (29, 58, 89), "ssd-500_458.ckpt", False),
    "ssd_vgg16_config": ("ssd_vgg16", "Ascend", SMALL, 7308, 0.2, 0.75, 0.001, 0.001, 32, 0.00015, False, False,
                         (20, 41, 62), "ssd-500_458.ckpt", False),
    "ssd_vgg16_config_gpu": ("ssd_vgg16", "GPU", SMALL, 7308, 0.1, 0.75, 0.001, 0.001, 32, 0.00015, False, False,
                             (), "ssd-500_458.ckpt", False),
    "ssd_mobilenet_v1_300_config_gpu": (
        "ssd_mobilenet_v1", "GPU", SMALL, 1917, 0.2, 0.75, 0.001, 0.001, 32, 0.00015, False, True, (29, 58, 89),
        "ssd-500_458.ckpt", False),
    "ssd_mobilenet_v1_fpn_config": (
        "ssd_mobilenet_v1_fpn", "Ascend", LARGE, 51150, 0.2, 0.25, 0.01333, 0.0, 32, 0.00004, True, False,
        (29, 58, 89), "mobilenet_v1.ckpt", True),
    "ssd_mobilenet_v1_fpn_config_gpu": (
        "ssd_mobilenet_v1_fpn", "GPU", LARGE, 51150, 0.2, 0.25, 0.01333, 0.0, 32, 0.00004, True, False, (29, 58, 89),
        "mobilenet_v1.ckpt", True),
    "ssd_mobilenet_v1_fpn_ONNX_config": (
        "ssd_mobilenet_v1_fpn", "GPU", LARGE, 51150, 0.2, 0.25, 0.01333, 0.0, 1, 0.00004, True, False, (29, 58, 89),
        "ssdmobilenetv1fpn.ckpt", True),
    "ssd_resnet50_fpn_config": (
        "ssd_resnet50_fpn", "Ascend", LARGE, 51150, 0.2, 0.25, 0.01333, 0.0, 32, 0.0004, True, True, (90, 183, 279),
        "resnet50.ckpt", True),
    "ssd_resnet50_fpn_config_gpu": (
        "ssd_resnet50_fpn", "GPU", LARGE, 51150, 0.2, 0.25, 0.01333, 0.0, 16, 0.0004, True, False, (90, 183, 279),
        "resnet50.ckpt", True),
}
MULTIBOX_RATIOS = ((), (2, 3), (2, 3), (2, 3), (2, 3), (2, 3))
GRID_RATIOS = ((2, 3),) * 6
HEAD_LAYERS = (
    "network.multi_box.cls_layers.0.weight", "network.multi_box.cls_layers.0.bias",
    "network.multi_box.loc_layers.0.weight", "network.multi_box.loc_layers.0.bias",
)
# num_default, feature_size, steps, aspect_ratios, extras_in_channels, extras_out_channels, checkpoint_filter_list
LEVELS = {
    "ssd300": ((3, 6, 6, 6, 6, 6), (19, 10, 5, 3, 2, 1), (16, 32, 64, 100, 150, 300), MULTIBOX_RATIOS,
               (256, 576, 1280, 512, 256, 256), (576, 1280, 512, 256, 256, 128),
               ("multi_loc_layers", "multi_cls_layers")),
    "ssd_vgg16": ((3, 6, 6, 6, 6, 6), (38, 19, 10, 5, 3, 1), (8, 16, 32, 64, 100, 300), MULTIBOX_RATIOS,
                  (256, 512, 1024, 512, 256, 256), (512, 1024, 512, 256, 256, 256),
                  ("multi_loc_layers", "multi_cls_layers")),
    "ssd_mobilenet_v1": ((3, 6, 6, 6, 6, 6), (19, 10, 5, 3, 2, 1), (16, 32, 64, 100, 150, 300), MULTIBOX_RATIOS,
                         (256, 512, 1024, 512, 256, 256), (512, 1024, 512, 256, 256, 128),
                         ("multi_loc_layers", "multi_cls_layers")),
    "ssd_mobilenet_v1_fpn": ((6,) * 5, (80, 40, 20, 10, 5), (8, 16, 32, 64, 128), GRID_RATIOS,
                             (256, 512, 1024, 256, 256), (256,) * 5, HEAD_LAYERS),
    "ssd_resnet50_fpn": ((6,) * 5, (80, 40, 20, 10, 5), (8, 16, 32, 64, 128), GRID_RATIOS,
                         (256, 512, 1024, 256, 256), (256,) * 5, HEAD_LAYERS),
}
LEVEL_KEYS = ("num_default", "feature_size", "steps", "aspect_ratios", "extras_in_channels", "extras_out_channels",
              "checkpoint_filter_list")
COMMON = {
    "num_classes": 81, "classes": COCO_CLASSES, "max_scale": 0.95, "prior_scaling": (0.1, 0.2), "match_threshold": 0.5,
    "extras_strides": (1, 1, 2, 2, 2, 2), "extras_ratio": (0.2, 0.2, 0.2, 0.25, 0.5, 0.25), "ssd_vgg_bn": False,
    "pretrain_vgg_bn": False, "gamma": 2.0, "lr": 0.05, "warmup_epochs": 2, "epoch_size": 500, "momentum": 0.9,
    "loss_scale": 1024, "nms_threshold": 0.6, "min_score": 0.1, "max_boxes": 100, "run_eval": False,
    "eval_start_epoch": 40, "eval_interval": 1, "save_best_ckpt": True, "save_checkpoint_epochs": 10,
    "pre_trained": "", "pre_trained_epoch_size": 0, "filter_weight": False, "freeze_layer": "none",
    "dataset": "coco", "train_data_type": "train2017", "val_data_type": "val2017", "image_dir": "", "anno_path": "",
    "only_create_dataset": False, "enable_modelarts": False, "data_url": "", "train_url": "", "checkpoint_url": "",
    "run_distribute": False, "enable_profiling": False, "mode_sink": "sink", "device_id": 0, "device_num": 1,
    "result_path": "", "img_path": "", "drop": False, "file_name": "ssd", "file_format": "MINDIR",
    # Paths: neutral, whatever machine the original was written on.
    "data_path": "./data", "output_path": "./output", "mindrecord_dir": "MindRecord_COCO", "coco_root": "coco_ori",
    "voc_root": "voc_dataset", "instances_set": "annotations/instances_{}.json",
    "voc_json": "annotations/voc_instances_val.json", "feature_extractor_base_param": "",
    "checkpoint_path": "./checkpoint/", "load_path": "",
}
HELP_KEYS = {
    "enable_modelarts", "data_url", "train_url", "checkpoint_url", "data_path", "output_path", "load_path",
    "device_target", "enable_profiling", "num_classes", "batch_size", "epoch_size", "keep_checkpoint_max",
    "checkpoint_path", "checkpoint_file_path",
}


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch):
    monkeypatch.chdir(CHECKOUT)


@pytest.fixture
def write(tmp_path):
    """Writes a configuration file and gives the flag that selects it."""

    def write_file(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return f"--config_path={path}"

    return write_file


def message_of(*flags):
    with pytest.raises(UserError) as caught:
        load_config(list(flags))
    return str(caught.value)


def printed(capsys, *flags):
    with pytest.raises(SystemExit) as caught:
        load_config(list(flags))
    assert caught.value.code == 0
    return capsys.readouterr().out


# The files of config/


@pytest.mark.parametrize("name", PER_FILE)
def test_the_ten_files_have_the_original_values(name):
    config = load_config([f"--config_path=config/{name}.yaml"])
    levels = LEVELS[config.model_name]
    expected = {**COMMON, **dict(zip(PER_FILE_KEYS, PER_FILE[name])), **dict(zip(LEVEL_KEYS, levels))}
    found = {key: getattr(config, key) for key in expected}
    assert found == expected


@pytest.mark.parametrize("name", PER_FILE)
def test_the_ten_files_have_help_texts_and_no_class_names(name):
    settings, help_texts = yaml.safe_load_all((CHECKOUT / "config" / f"{name}.yaml").read_text())
    assert set(help_texts) == HELP_KEYS
    assert "classes" not in settings
    assert ("num_addition_layers" in settings) == ("mobilenet_v1" in name or "fpn" in name)


@pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)
def test_every_file_loads_and_opens_with_its_command(path):
    config = load_config([f"--config_path={path}"], for_training=True)
    assert config.is_auto("classes") or config.num_classes == len(config.classes)
    opening = path.read_text().split("\n\n")[0]
    assert all(line.startswith("#") for line in opening.splitlines())
    assert f"config/{path.name}" in opening and "docs/" in opening


def test_schema_defaults_are_those_of_the_default_file(write):
    assert load_config([write("model_name: ssd300\n")]) == load_config([])


@pytest.mark.parametrize(("name", "expected"), [
    ("bccd", {"classes": ("background", "RBC", "WBC", "Platelets"), "num_classes": 4, "dataset": "voc",
              "voc_root": "bccd", "train_data_type": "trainval", "val_data_type": "test", "epoch_size": 60, "lr": 0.05,
              "eval_start_epoch": 20, "eval_interval": 10, "save_checkpoint_epochs": 20,
              "mindrecord_dir": "MindRecord_BCCD", "output_path": "./output/bccd"}),
    ("raccoon", {"classes": ("background", "raccoon"), "num_classes": 2, "dataset": "voc", "voc_root": "raccoon",
                 "train_data_type": "trainval", "val_data_type": "test", "epoch_size": 60,
                 "mindrecord_dir": "MindRecord_RACCOON", "output_path": "./output/raccoon"}),
    ("shapes", {"classes": ("background", "circle", "square", "triangle", "star", "cross", "ring"), "dataset": "coco",
                "coco_root": "shapes", "train_data_type": "train", "val_data_type": "val", "epoch_size": 12,
                "warmup_epochs": 1, "eval_start_epoch": 6, "eval_interval": 3, "mindrecord_dir": "MindRecord_SHAPES",
                "batch_size": 4, "lr": 0.02,
                "output_path": "./output/shapes"}),
])
def test_files_for_small_datasets(name, expected):
    config = load_config([f"--config_path=config/ssd300_{name}_config.yaml"])
    assert {key: getattr(config, key) for key in expected} == expected
    assert config.batch_size == expected.get("batch_size", 16)
    assert (config.device_target, config.run_eval, config.mode_sink) == ("CPU", True, "non_sink")


def test_file_of_the_vgg16_tutorial():
    config = load_config(["--config_path=config/ssd_vgg16_tutorial_config.yaml"])
    assert (config.model_name, config.batch_size, config.epoch_size, config.warmup_epochs) == ("ssd_vgg16", 5, 60, 2)
    assert (config.lr_init, config.lr) == (0.001, 0.05)
    assert config.lr * config.lr_end_rate == pytest.approx(0.00005)
    assert config.train_data_type == config.val_data_type == "train"
    assert (config.num_default, config.num_ssd_boxes) == ((4, 6, 6, 6, 4, 4), 8732)
    assert config.aspect_ratios == ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    assert (config.min_scale, config.max_scale) == (0.1, 0.95)
    vgg16 = load_config(["--config_path=config/ssd_vgg16_config.yaml"])
    keys = ("feature_size", "steps", "alpha", "gamma", "prior_scaling", "match_threshold")
    assert [getattr(config, key) for key in keys] == [getattr(vgg16, key) for key in keys]


def test_coco_classes():
    assert len(COCO_CLASSES) == len(set(COCO_CLASSES)) == 81
    assert [COCO_CLASSES[label] for label in (0, 1, 10, 35, 59, 80)] == [
        "background", "person", "traffic light", "baseball bat", "potted plant", "toothbrush"]


# The command line


@pytest.mark.parametrize(("flags", "key", "value"), [
    (["--lr=0.1"], "lr", 0.1),
    (["--lr", "5e-4"], "lr", 0.0005),
    (["--lr=1"], "lr", 1.0),
    (["--lr=0.1", "--lr=0.2"], "lr", 0.2),
    (["--run_eval=True"], "run_eval", True),
    (["--run_eval"], "run_eval", True),
    (["--run_eval", "YES"], "run_eval", True),
    (["--save_best_ckpt=0"], "save_best_ckpt", False),
    (["--save_best_ckpt=no"], "save_best_ckpt", False),
    (["--warmup_epochs=0.5"], "warmup_epochs", 0.5),
    (["--loss_scale=1.5"], "loss_scale", 1.5),
    (["--num_ssd_boxes", "-1"], "num_ssd_boxes", 1917),
    (["--img_shape=300,300"], "img_shape", (300, 300)),
    (["--img_shape", "[299, 300]"], "img_shape", (299, 300)),
    (["--prior_scaling=0.2,0.4"], "prior_scaling", (0.2, 0.4)),
    (["--all_reduce_fusion_config="], "all_reduce_fusion_config", ()),
    (["--all_reduce_fusion_config=[]"], "all_reduce_fusion_config", ()),
    (["--aspect_ratios=[[],[2,3],[2,3],[2,3],[2,3],[2,1.5]]"], "aspect_ratios",
     ((), (2, 3), (2, 3), (2, 3), (2, 3), (2, 1.5))),
    (["--num_classes=3", "--classes=background, hot dog,no"], "classes", ("background", "hot dog", "no")),
    (["--num_classes=2", "--classes=[background, 'a, b']"], "classes", ("background", "a, b")),
    (["--device_target=cpu"], "device_target", "CPU"),
    (["--device_target=ascend"], "device_target", "Ascend"),
    (["--file_format=onnx"], "file_format", "ONNX"),
    (["--freeze_layer=None"], "freeze_layer", "none"),
    (["--freeze_layer="], "freeze_layer", "none"),
    (["--freeze_layer=backbone"], "freeze_layer", "backbone"),
    (["--amp_level=o2"], "amp_level", "O2"),
    (["--use_float16=True"], "use_float16", True),  # a key that ssd300_config.yaml leaves out
    (["--pre_trained", ""], "pre_trained", ""),
    (["--epoch=7"], "epoch_size", 7),  # a prefix of one key only
])
def test_flags(flags, key, value):
    assert getattr(load_config(flags), key) == value


@pytest.mark.parametrize(("flag", "parts"), [
    ("--batch-sise=3", ["command line", "--batch-sise", "--batch_size"]),
    ("--min_scor3=3", ["--min_scor3", "--min_score"]),
    ("--zzz", ["--zzz", "nearest known"]),
    ("--backbone_ckpt_path=a.ckpt", ["unknown option --backbone_ckpt_path; here it is --feature_extractor_base_param"]),
    ("-c", ["unknown option -c; here it is --config_path"]),
    ("--drop_remainder=True", ["leave it out: training leaves an incomplete last batch out, evaluation does not"]),
    ("lr=3", ["'lr=3'", "--key=value"]),
    ("--img=3", ["ambiguous", "--img_shape", "--img_path"]),
    ("--lr", ["--lr", "expected one argument"]),
    ("--lr=abc", ["command line: lr is abc", "a number > 0"]),
    ("--lr=--", ["lr is --", "a number > 0"]),
    ("--lr=", ["lr is ''", "a number > 0"]),
    ("--lr=nan", ["lr", "a number > 0"]),
    ("--loss_scale=inf", ["loss_scale", "a number > 0"]),
    ("--lr=0", ["lr is 0", "a number > 0"]),
    ("--batch_size=0", ["batch_size is 0", "a whole number >= 1"]),
    ("--batch_size=1.5", ["batch_size is 1.5", "a whole number >= 1"]),
    ("--batch_size=True", ["batch_size", "a whole number >= 1"]),
    ("--run_eval=maybe", ["run_eval is maybe", "true or false"]),
    ("--run_eval=2", ["run_eval", "true or false"]),
    ("--device_target=TPU", ["device_target is TPU", "Ascend, GPU, CPU"]),
    ("--freeze_layer=head", ["freeze_layer is head", "none, backbone"]),
    ("--mode_sink=maybe", ["mode_sink is maybe", "sink, non_sink"]),
    ("--dataset=imagenet", ["dataset is imagenet", "coco, voc, yolo"]),
    ("--eval_protocol=x", ["eval_protocol is x", "reference, coco"]),
    ("--model_name=", ["model_name", "not empty"]),
    ("--min_score=1", ["min_score is 1", ">= 0 and < 1"]),
    ("--nms_threshold=0", ["nms_threshold is 0", "> 0 and <= 1"]),
    ("--match_threshold=1.1", ["match_threshold is 1.1", "> 0 and <= 1"]),
    ("--momentum=1", ["momentum is 1", ">= 0 and < 1"]),
    ("--eval_start_epoch=0", ["eval_start_epoch is 0", ">= 1"]),
    ("--prior_scaling=0.1,0", ["prior_scaling is 0.1,0;", "each > 0"]),
    ("--prior_scaling=0.1", ["prior_scaling is 0.1;", "exactly 2"]),
    ("--img_shape=300", ["img_shape is 300;", "exactly 2"]),
    ("--img_shape=300,abc", ["img_shape is 300,abc;", "list of whole numbers"]),
    ("--img_shape=[300,300", ["img_shape is [300,300;", "list of whole numbers"]),
    ("--img_shape=-300,300", ["img_shape is -300,300;", "each >= 1"]),
    ("--aspect_ratios=2,3", ["aspect_ratios is 2,3;", "list of lists of numbers"]),
    ("--instances_set=a_{}_{}.json", ["instances_set", "at most once"]),
])
def test_wrong_flags(flag, parts):
    message = message_of(flag)
    assert all(part in message for part in parts), message
    assert "usage" not in message


def test_default_argv_is_that_of_the_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr=0.3"])
    assert load_config().lr == 0.3


# The configuration file


def test_values_in_a_file(write):
    config = load_config([write(
        "lr: 5e-4\nloss_scale: 8\nfreeze_layer: None\npre_trained: null\nimage_dir:\nrun_eval: yes\n"
        "classes: [background, cat]\n")])
    assert (config.lr, config.loss_scale, config.freeze_layer, config.pre_trained) == (0.0005, 8.0, "none", "")
    assert (config.image_dir, config.run_eval, config.classes, config.num_classes) == (
        "", True, ("background", "cat"), 2)


# All keys of the six YAML files of MindCV's SSD example.
MINDCV_KEYS = """
    mode distribute num_parallel_workers enable_modelarts eval_while_train dataset data_dir shuffle batch_size
    drop_remainder num_classes classes image_size num_ssd_boxes match_threshold nms_threshold min_score max_boxes
    all_reduce_fusion_config backbone backbone_ckpt_path backbone_ckpt_auto_mapping backbone_features_only
    backbone_out_indices ckpt_path use_fpn num_default extras_in_channels extras_out_channels extras_strides
    extras_ratio feature_size min_scale max_scale aspect_ratios steps prior_scaling gamma alpha num_addition_layers
    use_anchor_generator epoch_size ckpt_save_dir keep_checkpoint_max eval_interval eval_start_epoch
    dataset_sink_mode amp_level lr lr_init lr_end_rate warmup_epochs loss_scale weight_decay momentum"""


def test_keys_of_mindcv_are_known_or_answered():
    unknown = set(MINDCV_KEYS.split()) - set(KEYS)
    assert {key for key in unknown if "nearest" in suggestion(key)} == set()
    assert suggestion("data_dir").startswith("here it is mindrecord_dir")
    assert suggestion("mode") == "leave it out: networks are always compiled as graphs"
    page = (CHECKOUT / "docs" / "other_repositories.md").read_text(encoding="utf-8")
    assert {key for key in unknown if f"`{key}`" not in page} == set()


def test_names_of_other_repositories_lead_to_keys():
    assert not set(OTHER_NAMES) & set(NOT_NEEDED) and not (set(OTHER_NAMES) | set(NOT_NEEDED)) & set(KEYS)
    for new in OTHER_NAMES.values():
        assert re.match(r"\w+", new)[0] in {*KEYS, "config_path"}


def test_null_freezes_nothing(write):
    assert load_config([write("freeze_layer: null\n")]).freeze_layer == "none"


@pytest.mark.parametrize(("text", "parts"), [
    ("lr: 0.1\n\nepoch_sise: 3\n", ["mine.yaml, line 3", "'epoch_sise'", "nearest known one is epoch_size"]),
    ("lr: 0.1\n---\nepoch_sise: number of epochs\n", ["line 3", "'epoch_sise'", "nearest known one is epoch_size"]),
    ("lr: 0.1\n---\nlr: 3\n", ["line 3", "help text of lr", "expected text"]),
    ("lr: 0.1\n---\nlr: text\n---\nlr: 2\n", ["3 YAML documents"]),
    ("lr: 0.1\nbatch_size: 2\nlr: 0.2\n", ["line 3: lr is 0.2", "line 1 says 0.1"]),
    ("lr: 0.1\nclasses: [background, cat\nbatch_size: 3\n", ["line 3", "not valid YAML"]),
    ("lr: 0.1\n\tx: 3\n", ["mine.yaml, line 2", "not valid YAML"]),
    ("lr: !!python/object:os.system x\n", ["line 1", "not valid YAML"]),
    ("lr: 0.1\nrun_eval: !!bool x\n", ["line 2", "run_eval is not valid YAML"]),
    ("", ["mine.yaml", "empty"]),
    ("# only a comment\n", ["mine.yaml", "empty"]),
    ("- lr\n- 3\n", ["line 1", "found a list"]),
    ("just words\n", ["line 1", "found a plain text"]),
    ("lr: 0.1\nbatch_size: 2.5\n", ["line 2: batch_size is 2.5", "a whole number >= 1"]),
    ("batch_size: yes\n", ["line 1: batch_size is true", "a whole number >= 1"]),
    ("file_name: 300\n", ["file_name is 300", "text", "quotes"]),
    ("classes: [background, no]\n", ["classes is [background, false]", "list of text", "quotes"]),
    ("steps: 16\n", ["steps is 16", "list of whole numbers"]),
    ("lr: {a: 1}\n", ["lr is", "a number > 0"]),
    ("lr: .nan\n", ["lr is .nan", "a number > 0"]),
    ("lr: '0.1'\n", ["lr is '0.1'", "a number > 0"]),
])
def test_wrong_files(write, text, parts):
    message = message_of(write(text))
    assert all(part in message for part in parts), message


def test_a_key_twice_with_the_same_value_is_accepted(write):
    twice = "extras_ratio: [1, 1, 2, 2, 2, 2]\nlr: 0.1\nextras_ratio: [1, 1, 2, 2, 2, 2]\n"
    assert load_config([write(twice)]).extras_ratio == (1, 1, 2, 2, 2, 2)


def test_files_that_cannot_be_read(tmp_path):
    assert "no_such.yaml: no such configuration file" in message_of("--config_path=no_such.yaml")
    assert "cannot be read" in message_of(f"--config_path={tmp_path}")
    (tmp_path / "binary.yaml").write_bytes(b"lr: \xff\xfe")
    assert "not a text file" in message_of(f"--config_path={tmp_path / 'binary.yaml'}")


def test_relative_config_path_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config([]).model_name == "ssd300"
    assert load_config(["--config_path=config/ssd_vgg16_config.yaml"]).model_name == "ssd_vgg16"
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "ssd_vgg16_config.yaml").write_text("lr: 0.7\n")
    assert load_config(["--config_path=config/ssd_vgg16_config.yaml"]).lr == 0.7


# Values that train.py chooses


def auto_config(write, text="batch_size: auto\nepoch_size: AUTO\nclasses: auto\n", **options):
    return load_config([write(text)], **options)


def test_auto_cannot_be_read_as_a_number_or_a_list(write):
    config = auto_config(write, for_training=True)
    assert all(map(config.is_auto, ("batch_size", "epoch_size", "classes", "num_classes")))
    assert not config.is_auto("lr")
    uses = (lambda: range(config.batch_size), lambda: 2 * config.batch_size, lambda: config.batch_size or 3,
            lambda: config.epoch_size - 10, lambda: config.epoch_size > 3, lambda: f"{config.epoch_size:d}",
            lambda: len(config.classes), lambda: list(config.classes), lambda: config.classes[0],
            lambda: config.num_classes - 1)
    for use in uses:
        with pytest.raises((UnresolvedError, TypeError)):
            use()
    with pytest.raises(UnresolvedError, match="batch_size is still 'auto' where it is read"):
        int(config.batch_size)


def test_auto_is_for_training_only(write, caplog):
    caplog.set_level("INFO")
    config = auto_config(write)
    assert config.batch_size == 32
    assert "batch_size: auto is for train.py; it is 32 here" in caplog.text
    with pytest.raises(UserError, match=r"classes: auto is for train.py, .*OUTPUT_PATH/config.yaml"):
        tuple(config.classes)
    with pytest.raises(UserError, match="epoch_size: auto is for train"):
        config.epoch_size // 2


def test_input_size_brings_what_follows_from_it():
    config = load_config(["--input_size=512"])
    assert (config.img_shape, config.feature_size, config.num_ssd_boxes) == ((512, 512), (32, 16, 8, 4, 2, 1), 5118)
    assert config.min_scale * 512 == pytest.approx(60, abs=1e-3)
    assert load_config([]).input_size == 0


def test_input_size_of_a_configuration_that_was_written(write):
    config = load_config(["--input_size=384"])
    assert load_config([write(format_config(config))]) == config


def test_input_size_and_img_shape(write):
    path = write("input_size: auto\n")
    config = load_config([path, "--img_shape=300,300"])  # the flag counts
    assert (config.input_size, config.img_shape) == (0, (300, 300))
    assert "leave one of them out" in message_of("--img_shape=300,300", "--input_size=384")
    assert load_config([path], for_training=True).is_auto("input_size")
    assert "input_size: auto is for train.py" in message_of(path)


def test_input_size_where_the_levels_do_not_halve():
    message = message_of("--config_path=config/ssd_vgg16_config.yaml", "--input_size=512")
    assert "input_size 512 (command line)" in message and "set img_shape, feature_size and steps instead" in message


def test_a_number_on_the_command_line_replaces_auto(write):
    path = write("batch_size: auto\n")
    assert load_config([path, "--batch_size=8"], for_training=True).batch_size == 8
    assert load_config(["--batch_size=Auto", "--classes=auto"], for_training=True).is_auto("classes")
    assert "batch_size is automatic; allowed: a whole number >= 1, or auto" in message_of("--batch_size=automatic")
    assert "momentum is auto; allowed: a number >= 0" in message_of("--momentum=auto")


def test_keys_of_older_files_that_say_auto(write):
    def is_auto(text, *flags):
        return load_config([write(text), *flags], for_training=True).is_auto("batch_size")

    assert is_auto("auto_batch_size: True\nbatch_size: 32\n")
    assert is_auto("lr: 0.1\n", "--auto_batch_size")
    assert not is_auto("auto_batch_size: False\n")
    assert not is_auto("batch_size: auto\n", "--auto_batch_size=False")
    assert "line 1: auto_classes is 3; allowed: true or false" in message_of(write("auto_classes: 3\n"))


def test_print_config_keeps_auto(write, capsys):
    text = printed(capsys, write("batch_size: auto\nclasses: auto\n"), "--print_config")
    assert "batch_size: auto\n" in text and "classes: auto\n" in text and "num_classes: -1\n" in text
    config = auto_config(write, text, for_training=True)
    assert config == auto_config(write, "batch_size: auto\nclasses: auto\n", for_training=True)
    assert config.to_dict()["batch_size"] == "auto"
    assert format_config(config) in text


# What must hold between keys


@pytest.mark.parametrize(("flags", "parts"), [
    (["--num_classes=80"], ["num_classes 80 (command line)", "81 names"]),
    (["--classes=background,cat"], ["num_classes 81 (config/ssd300_config.yaml, line ", "classes (command line)",
                                    "2 names"]),
    (["--classes=cat,background"], ["'cat'", "expected 'background'"]),
    (["--classes=background,cat,dog,cat"], ["cat more than once"]),
    (["--classes=background,cat,Background"], ["'Background' beside 'background'", "another name"]),
    (["--classes=background"], ["at least one class"]),
    (["--num_ssd_boxes=1916"], ["num_ssd_boxes 1916 (command line)", "1917"]),
    (["--steps=16,32"], ["steps [16, 32] (command line) has 2", "feature_size [19, 10, 5, 3, 2, 1]"]),
    (["--num_default=3,6,6,6,6"], ["num_default", "has 5", "has 6"]),
    (["--extras_in_channels=1,2"], ["extras_in_channels [1, 2]", "has 2"]),
    (["--extras_out_channels=1,2"], ["extras_out_channels [1, 2]", "has 2"]),
    (["--extras_strides=1,2"], ["extras_strides [1, 2]", "has 2"]),
    (["--extras_ratio=1,2"], ["extras_ratio [1, 2]", "has 2"]),
    (["--aspect_ratios=[[],[2,3]]"], ["aspect_ratios [[], [2, 3]]", "has 2"]),
    (["--feature_size="], ["feature_size []", "one number for each level"]),
    (["--aspect_ratios=[[],[2],[2,3],[2,3],[2,3],[2,3]]"], ["6 default boxes at level 1", "gives 4"]),
    (["--aspect_ratios=[[2],[2,3],[2,3],[2,3],[2,3],[2,3]]"], ["3 default boxes at level 0", "gives 4"]),
    (["--num_default=6,6,6,6,6,6"], ["6 default boxes at level 0", "gives 3"]),
    (["--img_shape=320,320"], ["img_shape [320, 320]", "20 x 20 at level 0", "19 x 19", "feature_size", "steps"]),
    (["--img_shape=300,320"], ["19 x 20 at level 0"]),
    (["--feature_size=19,10,5,3,2,2"], ["1 x 1 at level 5", "2 x 2"]),
    (["--steps=16,32,64,100,150,100"], ["3 x 3 at level 5", "1 x 1"]),
    (["--anchor_sizes=21,45,99"], ["anchor_sizes [21, 45, 99] (command line) has 3", "expected 7", "feature_size"]),
    (["--anchor_sizes=21,45,99,153,207,261,315"], ["3 default boxes at level 0", "gives 2"]),
    (["--min_scale=0.95"], ["min_scale 0.95", "max_scale 0.95"]),
    (["--pre_trained_epoch_size=500"], ["pre_trained_epoch_size 500", "epoch_size 500"]),
    (["--clip_norm=10"], ["clip_norm 10 (command line) has no effect", "use_global_norm false (default)"]),
    (["--class_head_init=background"],
     ["class_head_init background (command line) has no effect", "filter_weight false (config/ssd300_config.yaml"]),
    (["--ema_decay=0.9", "--use_ema=False"], ["ema_decay 0.9", "use_ema false (command line)"]),
    (["--mosaic_close_epochs=3"], ["mosaic_close_epochs 3", "mosaic 0"]),
    (["--scale_jitter=0.5"], ["scale_jitter [0.5] (command line)", "least and the largest factor"]),
    (["--scale_jitter=2,0.5"], ["scale_jitter [2, 0.5]"]),
    ([FPN, "--img_shape=640,600"], ["divisible by 32", "640, 600"]),
    ([FPN, "--img_shape=512,512"], ["height 64 at level 0", "feature_size [80, 40, 20, 10, 5]"]),
    ([FPN, "--num_default=6,6,6,6,4"], ["num_default [6, 6, 6, 6, 4]", "6 default boxes"]),
    ([FPN, "--num_ssd_boxes=51151"], ["51151", "51150"]),
    ([FPN, "--steps=8,16,32"], ["steps [8, 16, 32]", "has 3"]),
])
def test_contradictions(flags, parts):
    message = message_of(*flags)
    assert all(part in message for part in parts), message


def test_a_file_keeps_the_value_of_what_is_switched_off(write):
    path = write("use_global_norm: True\nclip_norm: 10\n")
    assert load_config([path, "--use_global_norm=False"]).clip_norm == 10
    message = message_of(write("clip_norm: 10\n"))
    assert "clip_norm 10 (" in message and "mine.yaml, line 1) has no effect" in message, message


def test_number_of_boxes_is_derived():
    # 5 x 5 x 3 + (3 x 3 + 2 x 2 + 1 + 1 + 1) x 6 = 171
    small = load_config(["--img_shape=75,75", "--feature_size=5,3,2,1,1,1", "--num_ssd_boxes=-1"])
    assert small.num_ssd_boxes == 171
    # (8 x 16 + 4 x 8 + 2 x 4 + 1 x 2) x 6 = 1020
    wide = load_config([FPN, "--img_shape=128,256", "--steps=16,32,64,128", "--feature_size=8,4,2,1",
                        "--num_default=6,6,6,6", "--extras_in_channels=1,2,3,4", "--extras_out_channels=1,2,3,4"])
    assert wide.num_ssd_boxes == 1020


def test_number_of_boxes_agrees_with_the_default_boxes():
    for flags in ([], ["--config_path=config/ssd_vgg16_config.yaml"], [FPN]):
        config = load_config(flags)
        assert build_default_boxes(config).anchors().shape == (config.num_ssd_boxes, 4)


def test_sink_is_off_on_a_cpu():
    assert load_config(["--mode_sink=sink"]).mode_sink == "sink"
    assert load_config(["--mode_sink=sink", "--device_target=CPU"]).mode_sink == "non_sink"


def test_cloud_folders(write):
    paths = ("data_path", "output_path", "load_path")

    def folders(*flags):
        return tuple(getattr(load_config(list(flags)), path) for path in paths)

    assert folders() == ("./data", "./output", "")
    cloud = "--enable_modelarts=True"
    assert folders(cloud) == ("/cache/data", "/cache/train", "/cache/checkpoint_path/")
    assert folders(cloud, "--output_path=mine") == ("/cache/data", "mine", "/cache/checkpoint_path/")
    in_file = write("enable_modelarts: True\ndata_path: /mnt/data\noutput_path: ./out\n")
    assert folders(in_file) == ("/mnt/data", "/cache/train", "/cache/checkpoint_path/")
    config = load_config([cloud, "--checkpoint_url=obs://a", "--file_name=mine"])
    assert (config.checkpoint_path, config.file_name) == ("/cache/checkpoint_path/", "/cache/train/mine")
    assert load_config([cloud, "--checkpoint_url=obs://a", "--checkpoint_path=here"]).checkpoint_path == "here"
    assert load_config([cloud, "--file_name=/mnt/mine"]).file_name == "/mnt/mine"


# The object, --print_config


def test_read_only():
    config = load_config([])
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.lr = 0.1
    assert isinstance(hash(config), int)  # tuples all the way down
    changed = config.to_dict()
    changed["aspect_ratios"][1].append(9)
    assert config.aspect_ratios[1] == (2, 3)


@pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)
def test_print_config_round_trip(path, write, capsys):
    flags = [f"--config_path={path}", "--lr=0.0000123", "--warmup_epochs=0.5", "--file_name=5e-4", "--pre_trained=no"]
    config = load_config(flags, for_training=True)
    text = printed(capsys, *flags, "--print_config")
    assert load_config([write(text)], for_training=True) == config
    assert "loss_scale: 1024\n" in text
    assert yaml.safe_load(text)["lr"] == 0.0000123  # also for readers without a rule of their own for exponents
    assert yaml.safe_load(format_config(config)) == config.to_dict()


def test_print_config_writes_nested_lists_on_one_line(capsys):
    assert "aspect_ratios: [[], [2, 3], [2, 3], [2, 3], [2, 3], [2, 3]]\n" in printed(capsys, "--print_config")


def test_print_config_still_checks():
    assert "num_ssd_boxes" in message_of("--print_config", "--num_ssd_boxes=3")


def test_scripts_show_one_line_and_fail():
    program = ("from src.runtime.cli import entry_point\nfrom src.config.loader import load_config\n"
               "entry_point(load_config)()")
    result = subprocess.run([sys.executable, "-c", program, "--epoch_sise=3"], cwd=CHECKOUT, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and "--epoch_size" in result.stderr


def test_a_run_whose_folder_was_renamed(tmp_path):
    (tmp_path / "new" / "ckpt_0").mkdir(parents=True)
    path = tmp_path / "new" / "config.yaml"
    path.write_text(f"output_path: '{tmp_path / 'old'}'\n")
    flags = [f"--config_path={path}", "--resume"]
    with pytest.raises(UserError, match=rf"there is no such folder\. .*--output_path={tmp_path / 'new'}$"):
        load_config(flags, for_training=True)
    assert load_config([*flags, f"--output_path={tmp_path / 'new'}"], for_training=True).resume
    (tmp_path / "old").mkdir()
    assert load_config(flags, for_training=True).output_path == str(tmp_path / "old")
