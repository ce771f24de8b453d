"""Weights of VGG16 with and without BatchNorm, brought to the form that a detector's backbone has."""
import logging
import re

import numpy as np

from src.backbones.vgg16 import BLOCKS
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# `b1.0.weight` of the backbone; `layers.0.weight` of the model zoo and `features.0.weight` of MindCV, whose layers are
# numbered through
NAME = re.compile(r"(?:b([1-5])|layers|features)\.(\d+)\.(weight|bias|gamma|beta|moving_mean|moving_variance)")
CONVOLUTIONS = tuple(convolutions for _, convolutions in BLOCKS)
BN_PARTS = ("gamma", "beta", "moving_mean", "moving_variance")
BN_EPS = 1e-5  # of the classifiers and of the backbone


def convert_vgg16(found, own, prefixes, has_batch_norm, path):
    """Values for the backbone from the parameters of a VGG16, whether or not the two have BatchNorm.

    | file | backbone | result |
    |---|---|---|
    | with | with | as they are; a bias of a convolution moves into the mean, which changes nothing |
    | without | without | the weights; there is no place for a bias, which is left out with a warning |
    | without | with | the weights, and a bias as `beta`; the rest of BatchNorm as initialised |
    | with | without | weights times `gamma / sqrt(variance)`; shifts have no place and are left out with a warning |
    | without | biases | as they are; without a bias in the file those of the backbone as initialised |
    | with | biases | BatchNorm becomes part of weights and biases, which changes nothing |

    Args:
        found: arrays by the names in the file.
        own: names of the parameters of the backbone.
        prefixes: what a name in the file may begin with in addition.
        has_batch_norm: what is expected of the file; None for anything.
        path: of the file, for messages.

    Returns:
        Arrays by own name, the names of the file that were used, and the own names that need no value.

    Raises:
        UserError: the file contradicts `has_batch_norm`.
    """
    source_bn = any(name.endswith(".gamma") and _match(name, prefixes) for name in found)
    target_bn = any(name.endswith(".gamma") for name in own)
    target_bias = any(name.endswith(".bias") for name in own)
    convolutions, names = {}, {}
    for name, value in found.items():
        place = _place(_match(name, prefixes), source_bn)
        if place:
            convolution, part = place
            convolutions.setdefault(convolution, {})[part] = value
            names.setdefault(convolution, {})[part] = name
    values, used = {}, set()
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


def plain_name(name):
    """Name of a convolution's parameter in the backbone without BatchNorm, from that in a classifier without it:
    `features.7.bias` -> `b2.2.bias`; None where there is none."""
    place = _place(NAME.fullmatch(name), batch_norm=False)
    if not place:
        return None
    (block, number), part = place
    return f"b{block}.{number * _layers_per_conv(batch_norm=False)}.{part}"


def _match(name, prefixes):
    for prefix in ("", *prefixes):
        match = NAME.fullmatch(name[len(prefix) :]) if name.startswith(prefix) else None
        if match:
            return match
    return None


def _layers_per_conv(batch_norm):
    return 3 if batch_norm else 2  # convolution, BatchNorm, activation


def _place(match, batch_norm):
    """`((block from 1, convolution in it from 0), part)` of a matched name; None for what is none of these."""
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


def _convert(parts, source_bn, target_bn, target_bias):
    """Parts of one convolution and its BatchNorm -> the same for the backbone, and the parts that were read."""
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


def _warn_of_losses(convolutions, source_bn):
    if source_bn:
        logger.warning(
            "The VGG16 of the checkpoint has BatchNorm, the backbone has not: its scales are kept, its shifts are not. "
            "Set ssd_vgg_bn to True to keep both."
        )
    elif any("bias" in parts for parts in convolutions.values()):
        logger.warning(
            "The convolutions of the VGG16 in the checkpoint have a bias, those of the backbone have not: it is left "
            "out. Set ssd_vgg_bn to True to keep it."
        )
