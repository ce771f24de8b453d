"""Weights of VGG16 with and without BatchNorm, converted to the form that a detector's backbone has."""
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from src.backbones.vgg16 import BLOCKS
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# `b1.0.weight` of the backbone; `layers.0.weight` of the Model Zoo and `features.0.weight` of MindCV, which number all
# layers as one sequence
NAME = re.compile(r"(?:b([1-5])|layers|features)\.(\d+)\.(weight|bias|gamma|beta|moving_mean|moving_variance)")
CONVOLUTIONS = tuple(convolutions for _, convolutions in BLOCKS)
BN_PARTS = ("gamma", "beta", "moving_mean", "moving_variance")
BN_EPS = 1e-5  # of the classifiers and of the backbone
# block, counted from 1, and convolution in the block, counted from 0
Convolution = tuple[int, int]


def convert_vgg16(found: Mapping[str, np.ndarray], own: Collection[str], prefixes: Sequence[str],
                  has_batch_norm: bool | None, path: Path | str) -> tuple[dict[str, np.ndarray], set[str], set[str]]:
    """Values for the backbone from the parameters of a VGG16, each of them with or without BatchNorm.

    | file | backbone | result |
    |---|---|---|
    | with | with | as they are; the bias of a convolution is subtracted from the running statistics: the same outputs |
    | without | without | the weights; a bias has no place and is left out with a warning |
    | without | with | the weights, and a bias as `beta`; the rest of BatchNorm as initialised |
    | with | without | weights times `gamma / sqrt(variance)`; shifts have no place and are left out with a warning |
    | without | biases | as they are; the backbone's biases as initialised where the file has none |
    | with | biases | BatchNorm becomes part of weights and biases, with the same outputs |

    Args:
        found: arrays by the names in the file.
        own: names of the parameters of the backbone.
        prefixes: a name in the file may begin with one of these.
        has_batch_norm: whether the file is expected to have BatchNorm; None for either.
        path: of the file, for messages.

    Returns:
        Arrays by own name, the names in the file that were used, and the own names that need no value.

    Raises:
        UserError: the file contradicts `has_batch_norm`.
    """
    source_bn = any(name.endswith(".gamma") and _match(name, prefixes) for name in found)
    target_bn = any(name.endswith(".gamma") for name in own)
    target_bias = any(name.endswith(".bias") for name in own)
    convolutions: dict[Convolution, dict[str, np.ndarray]] = {}  # part -> array
    names: dict[Convolution, dict[str, str]] = {}  # part -> name in the file
    for name, value in found.items():
        place = _place(_match(name, prefixes), source_bn)
        if place:
            convolution, part = place
            convolutions.setdefault(convolution, {})[part] = value
            names.setdefault(convolution, {})[part] = name
    values: dict[str, np.ndarray] = {}
    used: set[str] = set()
    for (block, number), parts in convolutions.items():
        converted, read = _convert(parts, source_bn, target_bn, target_bias)
        used |= {names[block, number][part] for part in read}
        for part, value in converted.items():
            layer = number * _layers_per_conv(target_bn) + (part in BN_PARTS)
            values[f"b{block}.{layer}.{part}"] = value
    is_vgg16 = sum(name.endswith(".weight") for name in values) == sum(CONVOLUTIONS)
    if is_vgg16 and has_batch_norm is not None and source_bn != has_batch_norm:
        raise UserError(
            f"pretrain_vgg_bn is {has_batch_norm}, but the VGG16 in {path} has {'' if source_bn else 'no '}BatchNorm; "
            f"set pretrain_vgg_bn to {source_bn}"
        )
    if not target_bn and not target_bias:
        _warn_of_losses(convolutions, source_bn)
    optional = {name for name in own if name.split(".")[-1] in (*BN_PARTS, "bias")} if not source_bn else set()
    return values, used, optional


def plain_name(name: str) -> str | None:
    """Name of a convolution's parameter in the backbone without BatchNorm, from that in a classifier without it:
    `features.7.bias` -> `b2.2.bias`; None where there is none."""
    place = _place(NAME.fullmatch(name), batch_norm=False)
    if not place:
        return None
    (block, number), part = place
    return f"b{block}.{number * _layers_per_conv(batch_norm=False)}.{part}"


def _match(name: str, prefixes: Sequence[str]) -> re.Match[str] | None:
    for prefix in ("", *prefixes):
        match = NAME.fullmatch(name[len(prefix) :]) if name.startswith(prefix) else None
        if match:
            return match
    return None


def _layers_per_conv(batch_norm: bool) -> int:
    return 3 if batch_norm else 2  # convolution, BatchNorm, activation


def _place(match: re.Match[str] | None, batch_norm: bool) -> tuple[Convolution, str] | None:
    """Convolution and part that a matched name stands for; None for another layer."""
    if not match:
        return None
    block, layer, part = match.group(1), int(match.group(2)), match.group(3)
    per_conv = _layers_per_conv(batch_norm)
    block = int(block) if block else 1
    if match.group(1) is None:
        while block < len(BLOCKS) and layer >= CONVOLUTIONS[block - 1] * per_conv:
            layer -= CONVOLUTIONS[block - 1] * per_conv + 1  # the pooling after the block
            block += 1
    number, kind = divmod(layer, per_conv)
    if number not in range(CONVOLUTIONS[block - 1]) or kind != (part in BN_PARTS):
        return None
    return (block, number), part


def _convert(parts: Mapping[str, np.ndarray], source_bn: bool, target_bn: bool,
             target_bias: bool) -> tuple[dict[str, np.ndarray], set[str]]:
    """Parts of one convolution and its BatchNorm -> the same for the backbone, and the parts that were used."""
    needed = ("weight", *BN_PARTS) if source_bn else ("weight",)
    if any(part not in parts for part in needed):
        return {}, set()
    weight, bias = parts["weight"], parts.get("bias")
    read = set(needed)
    if source_bn and target_bn:
        converted = {part: parts[part] for part in needed}
        if bias is not None:
            converted["moving_mean"] = parts["moving_mean"] - bias
            read.add("bias")
        return converted, read
    if source_bn:
        scale = parts["gamma"] / np.sqrt(parts["moving_variance"] + BN_EPS)
        scaled = {"weight": weight * scale.reshape(-1, 1, 1, 1)}
        if not target_bias:
            return scaled, {"weight", "gamma", "moving_variance"}
        before = parts["moving_mean"] - (0 if bias is None else bias)
        return {**scaled, "bias": parts["beta"] - before * scale}, set(parts)
    if bias is not None and (target_bn or target_bias):
        return {"weight": weight, "beta" if target_bn else "bias": bias}, read | {"bias"}
    return {"weight": weight}, read


def _warn_of_losses(convolutions: Mapping[Convolution, Mapping[str, np.ndarray]], source_bn: bool) -> None:
    if source_bn:
        logger.warning(
            "The VGG16 of the checkpoint has BatchNorm, the backbone does not: its scales are kept, its shifts are "
            "not. Set ssd_vgg_bn to True to keep both."
        )
    elif any("bias" in parts for parts in convolutions.values()):
        logger.warning(
            "The convolutions of the VGG16 in the checkpoint have a bias, those of the backbone do not: it is left "
            "out. Set ssd_vgg_bn to True to keep it."
        )
