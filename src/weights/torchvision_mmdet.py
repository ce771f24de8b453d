"""Detectors of torchvision and mmdetection: their weights by the names and in the order of `ssd300_vgg16_caffe`.

Both libraries predict boxes as dx dy dw dh, this project as dy dx dh dw; mmdetection has the background as the last
class, torchvision and this project as the first. The output channels of the heads are reordered once, here.
"""
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from src.weights.library_detector import match_detector
from src.weights.pretrained_backbone import Renames
from src.weights.vgg16_conversion import plain_name

MODEL = "ssd300_vgg16_caffe"
# In every detector's weights of the two libraries, and in no classifier's.
HEADS = ("head.", "bbox_head.")


@dataclasses.dataclass(frozen=True)
class Library:
    """Names and order of one library's weights.

    Attributes:
        config_file: YAML file in `config/` with the library's default boxes, normalisation and evaluation.
        background_last: the background is the last class instead of the first.
        renames: from the library's names to those of this project, see `Renames`.
    """

    config_file: str
    background_last: bool
    renames: Renames


def _backbone(name: str) -> str:
    return f"backbone.{plain_name(name)}"


def _head(kind: str, level: str, end: str) -> str:
    layers = "multi_loc_layers" if kind.startswith("reg") else "multi_cls_layers"
    return f"multi_box.{layers}.{level}.{end}"


LIBRARIES = {
    "torchvision": Library(
        config_file="ssd300_torchvision_config.yaml",
        background_last=False,
        renames=(
            (r"backbone\.scale_weight", lambda: "l2_norm.gamma"),
            (r"backbone\.(features\.\d+\.\w+)", _backbone),
            # block 5 after its first pooling, then the fully connected layers after theirs
            (r"backbone\.extra\.0\.([135])\.(\w+)", lambda n, end: f"backbone.b5.{int(n) - 1}.{end}"),
            (r"backbone\.extra\.0\.7\.([13])\.(\w+)", lambda n, end: f"fc{6 + int(n) // 2}.{end}"),
            (r"backbone\.extra\.([1-4])\.([02])\.(\w+)", lambda n, part, end: f"extras.{int(n) - 1}.{part}.{end}"),
            (r"head\.(classification|regression)_head\.module_list\.(\d)\.(\w+)", _head),
        ),
    ),
    "mmdet": Library(
        config_file="ssd300_mmdet_config.yaml",
        background_last=True,
        renames=(
            (r"backbone\.features\.3([13])\.(\w+)", lambda n, end: f"fc{6 + int(n) // 2}.{end}"),
            (r"backbone\.(features\.\d+\.\w+)", _backbone),
            (r"neck\.l2_norm\.weight", lambda: "l2_norm.gamma"),
            (r"neck\.extra_layers\.(\d)\.([01])\.conv\.(\w+)", lambda n, m, end: f"extras.{n}.{2 * int(m)}.{end}"),
            (r"bbox_head\.(cls|reg)_convs\.(\d)\.0\.(\w+)", _head),
            # before mmdetection 2.14
            (r"backbone\.l2_norm\.weight", lambda: "l2_norm.gamma"),
            (r"backbone\.extra\.(\d)\.(\w+)", lambda n, end: f"extras.{int(n) // 2}.{2 * (int(n) % 2)}.{end}"),
            (r"bbox_head\.(cls|reg)_convs\.(\d)\.(\w+)", _head),
        ),
    ),
}


def is_detector(tensors: Iterable[str]) -> bool:
    """Whether weights by name are those of a detector, not of a classifier."""
    return any(name.startswith(HEADS) for name in tensors)


def convert_detector(tensors: Mapping[str, np.ndarray], library: Library, own_shapes: Mapping[str, tuple[int, ...]],
                     num_classes: int, path: Path | str) -> dict[str, np.ndarray]:
    """The weights of a library's SSD300 as those of `ssd300_vgg16_caffe`.

    Args:
        tensors: arrays by the library's names.
        library: a value of `LIBRARIES`.
        own_shapes: shapes of the network's parameters by name.
        num_classes: C, the background included.
        path: of the file, for messages.

    Returns:
        Float32 arrays, one for each name in `own_shapes`.

    Raises:
        UserError: a tensor has no place, is missing, or has another shape.
    """
    values = match_detector(tensors, own_shapes, library.renames, MODEL, num_classes, path)
    return {name: _in_order(name, value, num_classes, library) for name, value in values.items()}


def _in_order(name: str, value: np.ndarray, num_classes: int, library: Library) -> np.ndarray:
    value = np.asarray(value, np.float32)
    if "multi_loc_layers" in name:
        return _reordered(value, (1, 0, 3, 2))
    if "multi_cls_layers" in name and library.background_last:
        return _reordered(value, (num_classes - 1, *range(num_classes - 1)))
    return value


def _reordered(value: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Output channels `(default boxes * len(order), ...)` with those of each default box in another order."""
    return value.reshape(-1, len(order), *value.shape[1:])[:, list(order)].reshape(value.shape)
