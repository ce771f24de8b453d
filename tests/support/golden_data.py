"""Where the numbers of the original implementation are found.

The full set is an optional folder beside the checkout (or `SSD_GOLDEN`); the subset in `tests/golden` is always there.
"""
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = Path(os.environ.get("SSD_GOLDEN", ROOT.parent / "shared" / "golden"))
SUBSET = ROOT / "tests" / "golden"
# the configuration that the numbers of each model belong to
CONFIGS = {
    "ssd300": "ssd300_config.yaml",
    "ssd_mobilenet_v1": "ssd_mobilenet_v1_300_config_gpu.yaml",
    "ssd_mobilenet_v1_fpn": "ssd_mobilenet_v1_fpn_config.yaml",
    "ssd_resnet50_fpn": "ssd_resnet50_fpn_config.yaml",
    "ssd_vgg16": "ssd_vgg16_config.yaml",
}
LIBRARY_FOLDERS = {"torchvision": "import_torchvision_ssd300_vgg16", "mmdet": "import_mmdet_ssd300"}


def golden_file(name):
    """Path of a golden file such as `nms.npz` or `ssd300/loss.npz`; skips the test when only the full set has it."""
    for folder in (FULL, SUBSET):
        if (folder / name).is_file():
            return folder / name
    return pytest.skip(f"{name} is not in tests/golden, and the full golden folder is not there")


def golden_arrays(name):
    """The arrays of a golden `.npz` file as a dictionary."""
    with np.load(golden_file(name)) as arrays:
        return dict(arrays)


def golden_json(name):
    return json.loads(golden_file(name).read_text(encoding="utf-8"))


def _rule():
    spec = importlib.util.spec_from_file_location("weights_rule", golden_file("weights_rule.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, golden_json("set.json")["set_seed"]


def golden_weight(name, shape):
    """float32 value of the parameter `name` that the golden numbers belong to."""
    rule, seed = _rule()
    return rule.param_value(name, shape, seed)


def golden_input(tag, shape):
    """float32 network input that the golden numbers belong to."""
    rule, seed = _rule()
    return rule.input_value(tag, shape, seed)


def library_weights(library):
    """float32 weights of another library's SSD300 by its names: `torchvision` or `mmdet`."""
    rule, seed = _rule()
    weights = {}
    for row in golden_json(f"{LIBRARY_FOLDERS[library]}/state_dict.json"):
        name, shape = row["name"], row["shape"]
        value = rule.generator(f"{library}/{name}", seed).standard_normal(shape)
        if name.endswith(("l2_norm.weight", "scale_weight")):
            value += 20
        else:
            value *= 0.1 if name.endswith(".bias") else np.sqrt(2 / np.prod(shape[1:]))
        weights[name] = value.astype(np.float32)
    return weights
