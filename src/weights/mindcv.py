"""The SSDs of MindCV's examples: their checkpoints by the names of `ssd_mindcv` and `ssd_mindcv_fpn`.

Structure, default boxes, order of the outputs, classes and normalisation are the same. Two parts have BatchNorm with
another epsilon, which the conversion makes up for: the feature pyramid, and the expansion of the first tap of
MobileNetV3.
"""
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from src.utils.errors import UserError
from src.weights.library_detector import match_detector
from src.weights.parameter_names import MINDCV_PREFIX
from src.weights.pretrained_backbone import Renames

# What one of their three detectors has alone -> YAML file in `config/`.
V3_EXPANSION = f"{MINDCV_PREFIX}feature1_expand_layer.0.weight"
CONFIG_FILES = {
    f"{MINDCV_PREFIX}feature1_expand_layer.features.0.weight": "ssd_mindcv_mobilenetv2_config.yaml",
    V3_EXPANSION: "ssd_mindcv_mobilenetv3_config.yaml",
    f"{MINDCV_PREFIX}fpn.lateral_convs_list.0.weight": "ssd_mindcv_resnet50_fpn_config.yaml",
}
EPS, EXPANSION_EPS = 1e-3, 1e-5  # of their BatchNorm: outside of the backbone, and in the expansion of MobileNetV3

RENAMES: Renames = (
    (r"backbone_wrapper\.backbone\.(net\..+)", lambda end: f"backbone.mindcv.{end}"),
    (r"backbone_wrapper\.feature1_expand_layer\.(?:features\.)?([01]\.\w+)", lambda end: f"backbone.expand.{end}"),
    (r"backbone_wrapper\.(multi_residual\..+)", lambda end: end),
)
PYRAMID_RENAMES: Renames = (
    (r"backbone_wrapper\.backbone\.(net\..+)", lambda end: f"feature_extractor.backbone.mindcv.{end}"),
    (r"backbone_wrapper\.(fpn\.lateral_convs_list\..+)", lambda end: f"feature_extractor.{end}"),
    (r"backbone_wrapper\.(fpn\.fpn_convs_list|bottom_up\.blocks)\.(\d+)\.features\.(.+)",
     lambda part, n, end: f"feature_extractor.{part}.{n}.{end}"),
)


def config_file(names: Iterable[str], path: Path | str) -> str:
    """The YAML file in `config/` for the detector whose parameters have these names.

    Raises:
        UserError: it is none of MindCV's.
    """
    found = [CONFIG_FILES[name] for name in names if name in CONFIG_FILES]
    if len(found) != 1:
        raise UserError(f"{path} is no checkpoint of an SSD of MindCV: expected one of the parameters "
                        f"{', '.join(CONFIG_FILES)}")
    return found[0]


def convert_mindcv(tensors: Mapping[str, np.ndarray], own_shapes: Mapping[str, tuple[int, ...]],
                   own_eps: Mapping[str, float], model: str, num_classes: int,
                   path: Path | str) -> dict[str, np.ndarray]:
    """The weights of an SSD of MindCV as those of `ssd_mindcv` or `ssd_mindcv_fpn`.

    Args:
        tensors: arrays by MindCV's names.
        own_shapes: shapes of the network's parameters by name.
        own_eps: epsilon of each BatchNorm of the network, by the name of its layer.
        model: `model_name` of the network.
        num_classes: C, the background included.
        path: of the file, for messages.

    Returns:
        One array for each name in `own_shapes`, with which the network computes the same as MindCV's.

    Raises:
        UserError: a tensor has no place, is missing, or has another shape.
    """
    renames = PYRAMID_RENAMES if model == "ssd_mindcv_fpn" else RENAMES
    values = match_detector(tensors, own_shapes, renames, model, num_classes, path)
    is_v3 = V3_EXPANSION in tensors
    for layer, eps in own_eps.items():
        if ".mindcv." in layer:  # the same code on both sides
            continue
        their_eps = EXPANSION_EPS if is_v3 and ".expand." in layer else EPS
        if eps != their_eps:
            variance = values[f"{layer}.moving_variance"]
            factor = np.sqrt((variance + np.float64(eps)) / (variance + np.float64(their_eps)))
            values[f"{layer}.gamma"] = (values[f"{layer}.gamma"] * factor).astype(np.float32)
    return values
