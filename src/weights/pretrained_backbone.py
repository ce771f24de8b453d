"""Checkpoints of image classifiers into the backbones of detectors.

Known parameter names:

- the MindSpore Model Zoo's and MindCV's of MobileNetV1, MobileNetV2, ResNet50 and VGG16;
- torchvision's of the last three;
- those of EfficientNet-Lite in PyTorch;
- those of every MindCV model in a MindCV backbone;
- those of the backbones themselves, as in the checkpoint of any detector.
"""
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import mindspore as ms
import numpy as np
from mindspore import nn

from src.backbones.efficientnet_lite import EfficientNetLite
from src.backbones.mobilenet_v1 import MobileNetV1
from src.backbones.mobilenet_v2 import MobileNetV2
from src.backbones.resnet import ResNet50
from src.backbones.vgg16 import VGG16
from src.ssd.registry import MODELS
from src.utils.errors import UserError
from src.weights.checkpoint_file import check_finite, read_checkpoint
from src.weights.external_file import SUFFIXES, read_weight_file
from src.weights.load import LoadReport
from src.weights.parameter_names import is_training_state, shown_names
from src.weights.vgg16_conversion import convert_vgg16

logger = logging.getLogger(__name__)
Value = TypeVar("Value")
# Pattern of a name in a file, and how the groups of the match make the network's own name. The first pattern that
# matches the whole name counts.
Renames = Sequence[tuple[str, Callable[..., str]]]


def _mobilenet_v2_layer(number: int, rest: str) -> str:
    """Classifiers number the stem and the blocks as one sequence; the backbone has two, split after block 13."""
    return f"features_1.{number}.{rest}" if number <= 13 else f"features_2.{number - 14}.{rest}"


# From the names in classifiers to those of each backbone. The Model Zoo's MobileNetV1 and ResNet50 have the names of
# the backbone already; VGG16, whose weights may need a conversion, is in `vgg16_conversion`.
RENAMES: dict[type[nn.Cell], Renames] = {
    MobileNetV1: (  # MindCV: stem, activation, and from number 3 on one entry for a depthwise and a 1x1 convolution
        (r"features\.([01])\.(\w+)", lambda part, end: f"network.0.{part}.{end}"),
        (r"features\.(\d+)\.([01])\.(\w+)", lambda n, part, end: f"network.{2 * int(n) - 5}.{part}.{end}"),
        (r"features\.(\d+)\.([34])\.(\w+)", lambda n, part, end: f"network.{2 * int(n) - 4}.{int(part) - 3}.{end}"),
    ),
    MobileNetV2: (
        # torchvision: as the Model Zoo, but without `features` for the layers of a convolution with BatchNorm
        (r"features\.(\d+)\.([01])\.(\w+)", lambda n, part, end: _mobilenet_v2_layer(int(n), f"features.{part}.{end}")),
        (
            r"features\.(\d+)\.conv\.([01])\.([01])\.(\w+)",
            lambda n, layer, part, end: _mobilenet_v2_layer(int(n), f"conv.{layer}.features.{part}.{end}"),
        ),
        # Model Zoo
        (r"features\.(\d+)\.((?:conv|features)\..+)", lambda n, end: _mobilenet_v2_layer(int(n), end)),
        # MindCV: stem, activation, from number 3 on the blocks (the first without expansion), and the last convolution
        (r"features\.([01])\.(\w+)", lambda part, end: f"features_1.0.features.{part}.{end}"),
        (r"features\.3\.layers\.([01])\.(\w+)", lambda part, end: f"features_1.1.conv.0.features.{part}.{end}"),
        (r"features\.3\.layers\.([34])\.(\w+)", lambda part, end: f"features_1.1.conv.{int(part) - 2}.{end}"),
        (
            r"features\.(\d+)\.layers\.([0134])\.(\w+)",
            lambda n, part, end: _mobilenet_v2_layer(
                int(n) - 2, f"conv.{int(part) // 3}.features.{int(part) % 3}.{end}"
            ),
        ),
        (
            r"features\.(\d+)\.layers\.([67])\.(\w+)",
            lambda n, part, end: _mobilenet_v2_layer(int(n) - 2, f"conv.{int(part) - 4}.{end}"),
        ),
        (r"features\.2([01])\.(\w+)", lambda part, end: f"features_2.4.features.{part}.{end}"),
    ),
    # lukemelas' PyTorch port and those made after it; the depthwise convolution of a block comes before `_bn1`
    EfficientNetLite: (
        (r"_conv_(stem|head)\.(\w+)", lambda layer, end: f"{layer}.features.0.{end}"),
        (r"_bn0\.(\w+)", lambda end: f"stem.features.1.{end}"),
        (r"_bn1\.(\w+)", lambda end: f"head.features.1.{end}"),
        (
            r"_blocks\.(\d+)\._(expand|depthwise)_conv\.(\w+)",
            lambda n, layer, end: f"blocks.{n}.{layer}.features.0.{end}",
        ),
        (r"_blocks\.(\d+)\._bn0\.(\w+)", lambda n, end: f"blocks.{n}.expand.features.1.{end}"),
        (r"_blocks\.(\d+)\._bn1\.(\w+)", lambda n, end: f"blocks.{n}.depthwise.features.1.{end}"),
        (r"_blocks\.(\d+)\._project_conv\.(\w+)", lambda n, end: f"blocks.{n}.project.0.{end}"),
        (r"_blocks\.(\d+)\._bn2\.(\w+)", lambda n, end: f"blocks.{n}.project.1.{end}"),
    ),
    # MindCV and torchvision
    ResNet50: ((r"(.+)\.down_?sample\.(.+)", lambda block, end: f"{block}.down_sample_layer.{end}"),),
}
# BatchNorm in PyTorch and in MindSpore.
BN_PARTS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
# Shortcuts of our and of torchvision's ResNet; MindCV calls a layer `features_3` in a network that returns features,
# `features.3` in the classifier.
MINDCV_RENAMES: Renames = (
    (r"(.+)\.down_?sample(?:_layer)?\.(.+)", lambda block, end: f"{block}.down_sample.{end}"),
    (r"(\w+)\.(\d+)\.(.+)", lambda part, n, end: f"{part}_{n}.{end}"),
)
# A classifier has no separate expansion of SSD's first tap, but the block after the tap begins with this very layer.
COPIES: dict[type[nn.Cell], tuple[tuple[str, str], ...]] = {
    MobileNetV2: (("expand_layer_conv_13.", "features_2.0.conv.0."),),
}


def load_backbone(net: nn.Cell, path: Path | str, backbone_path: str, has_batch_norm: bool | None = None) -> LoadReport:
    """Loads the checkpoint of a classifier, or of another detector, into the backbone of a detector.

    The log names the parameters of the file that the backbone does not have, such as the classifier's last layer.

    Args:
        net: a network with the detector as `network`, such as that of `build_training_net`.
        path: checkpoint of MindSpore, or a `.pth` or `.safetensors` file of torchvision's classifier.
        backbone_path: where the backbone lies in the detector, see `Model`.
        has_batch_norm: VGG16 only: whether the network of the checkpoint has BatchNorm; None not to check it. Weights
            are converted where the backbone differs, see `convert_vgg16`.

    Returns:
        A `LoadReport` with the backbone's names for `loaded` and `kept`, the file's for `unused`.

    Raises:
        UserError: the file lacks parameters of the backbone, or they have other shapes, or values that are not finite.
    """
    backbone = _backbone_of(net, backbone_path)
    prefix = f"network.{backbone_path}."
    own = {
        parameter.name[len(prefix) :]: parameter
        for parameter in net.get_parameters()
        if parameter.name.startswith(prefix)
    }
    found = read_classifier(path)
    if isinstance(backbone, VGG16):
        values, used, optional = convert_vgg16(found, set(own), _prefixes(backbone_path), has_batch_norm, path)
    else:
        renames = RENAMES.get(type(backbone), MINDCV_RENAMES)
        sources = match_names(found, set(own), _prefixes(backbone_path), renames)
        values = {name: found[source] for name, source in sources.items()}
        used, optional = set(sources.values()), set()
    for target, source in COPIES.get(type(backbone), ()):
        for name in own:
            copied = source + name[len(target) :]
            if name.startswith(target) and name not in values and copied in values:
                values[name] = values[copied]
    _check_complete(own, values, found, used, optional, path)
    check_finite(values, path)
    for name, value in values.items():
        own[name].set_data(ms.Tensor(value).astype(own[name].dtype))
    report = LoadReport(tuple(sorted(values)), tuple(sorted(set(own) - set(values))), tuple(sorted(set(found) - used)))
    logger.info("%s: %d of the %d parameters of the backbone loaded", path, len(values), len(own))
    if report.kept:
        logger.info("not in the file, kept as initialised: %s", shown_names(report.kept))
    logger.info("%d of the %d parameters of the file not used: %s", len(report.unused), len(found),
                shown_names(report.unused) or "none")
    return report


def read_classifier(path: Path | str) -> dict[str, np.ndarray]:
    """The weights of a file by name, with MindSpore's names for the parts of BatchNorm."""
    if Path(path).suffix in SUFFIXES:
        return with_mindspore_names(read_weight_file(path).tensors)
    parameters = read_checkpoint(path)
    return {name: value.asnumpy() for name, value in parameters.items() if not is_training_state(name)}


def with_mindspore_names(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Values by PyTorch's names, with MindSpore's names for the parts of BatchNorm; its counters of steps are left out.
    """
    renamed = {}
    for name, value in tensors.items():
        layer, _, part = name.rpartition(".")
        if f"{layer}.running_mean" in tensors:
            if part == "num_batches_tracked":
                continue
            name = f"{layer}.{BN_PARTS.get(part, part)}"
        renamed[name] = value
    return renamed


def match_names(names: Iterable[str], own: Collection[str], prefixes: Sequence[str],
                renames: Renames) -> dict[str, str]:
    """For each of the backbone's own names the name in a file, where there is one.

    Args:
        names: of the parameters in the file.
        own: names of the parameters of the backbone.
        prefixes: a name in the file may begin with one of these.
        renames: from names in the file to own names.

    Returns:
        Dictionary from own name to name in the file.

    Raises:
        UserError: two names in the file stand for the same parameter.
    """
    sources: dict[str, str] = {}
    for name in names:
        target = _own_name(name, own, prefixes, renames)
        if target is None:
            continue
        if target in sources:
            raise UserError(
                f"feature_extractor_base_param: the file has {target} twice, as {sources[target]} and as {name}; "
                "expected the checkpoint of one network"
            )
        sources[target] = name
    return sources


def _own_name(name: str, own: Collection[str], prefixes: Sequence[str], renames: Renames) -> str | None:
    candidates = [name, *(name[len(prefix) :] for prefix in prefixes if name.startswith(prefix))]
    for candidate in candidates:
        if candidate in own:
            return candidate
    for candidate in candidates:
        for pattern, make_name in renames:
            match = re.fullmatch(pattern, candidate)
            if match:
                renamed = make_name(*match.groups())
                if renamed in own:
                    return renamed
                break
    return None


def _prefixes(backbone_path: str) -> tuple[str, ...]:
    """What names may begin with: where this detector has its backbone, or any other one in the model table."""
    paths = dict.fromkeys([backbone_path, *(model.backbone_path for model in MODELS.values())])
    return (*(f"{start}{path}." for path in paths for start in ("network.", "")), "network.", "backbone.")


def _backbone_of(net: nn.Cell, backbone_path: str) -> nn.Cell:
    cell = net.network
    for part in backbone_path.split("."):
        cell = getattr(cell, part)
    return cell


def _check_complete(own: Mapping[str, ms.Parameter], values: Mapping[str, np.ndarray], found: Collection[str],
                    used: set[str], optional: set[str], path: Path | str) -> None:
    missing = [name for name in own if name not in values and name not in optional]
    fitting = f"{len(own) - len(missing)} of the {len(own)} parameters of the backbone"
    if missing:
        raise UserError(
            f"feature_extractor_base_param: {path} has {fitting}.\n"
            f"  missing: {shown_names(missing)}\n"
            f"  not used of the file: {shown_names(set(found) - used) or 'none'}\n"
            "Expected a checkpoint of the same network from the MindSpore Model Zoo, MindCV or torchvision, or of a "
            "detector with this backbone."
        )
    shapes = [
        f"{name} has shape {values[name].shape} in the file, {tuple(own[name].shape)} in the backbone"
        for name in values
        if tuple(values[name].shape) != tuple(own[name].shape)
    ]
    if shapes:
        raise UserError(
            f"feature_extractor_base_param: {path} has {fitting}, but {len(shapes)} of them have other shapes: "
            f"{'; '.join(shapes[:3])}. Is it a network of another width or size?"
        )
