"""The SSD of the TensorFlow Object Detection API: its weights as those of `ssd_mobilenet_v2`.

Both have the background as the first class, boxes as ty tx th tw, and the default boxes of a level in one order. In the
files BatchNorm is folded into the convolutions. It becomes BatchNorm that changes nothing but adds the bias.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from mindspore import nn

from src.utils.errors import UserError
from src.weights.tflite_file import Convolution, TFLiteDetector, read_tflite_detector

MODEL = "ssd_mobilenet_v2"
CONFIG_FILE = "ssd_mobilenet_v2_openimages_config.yaml"
# The first level is the expansion of the block after it, which this project keeps as a layer of its own.
TAP, TAPPED = "backbone.expand_layer_conv_13", "backbone.features_2.0.conv.0"
Item = TypeVar("Item")


class _Layer:
    """A convolution of our network, with its BatchNorm where it has one."""

    def __init__(self, conv: nn.Conv2d) -> None:
        self.conv = conv
        self.batch_norm: nn.BatchNorm2d | None = None

    def fits(self, found: Convolution) -> bool:
        """Whether shape, stride, and kind are those of a convolution of a file."""
        depthwise = self.conv.group > 1
        return (tuple(self.conv.weight.shape), self.conv.stride[0], depthwise) == (
            found.weight.shape, found.stride, found.depthwise)

    def values(self, found: Convolution) -> dict[str, np.ndarray]:
        """The arrays of its parameters by name."""
        if self.batch_norm is None:
            return {self.conv.weight.name: found.weight, self.conv.bias.name: found.bias}
        norm, ones = self.batch_norm, np.ones_like(found.bias)
        return {
            self.conv.weight.name: found.weight,
            norm.gamma.name: np.sqrt(ones + np.float32(norm.eps)),
            norm.beta.name: found.bias,
            norm.moving_mean.name: ones * 0,
            norm.moving_variance.name: ones,
        }

    def __str__(self) -> str:
        out, inner, height, width = self.conv.weight.shape
        kind = "depthwise" if self.conv.group > 1 else f"{inner} ->"
        return f"{height}x{width} {kind} {out}, stride {self.conv.stride[0]}"


def _layers(cells: Iterable[nn.Cell]) -> list[_Layer]:
    """The convolutions of some cells, in the order in which they run."""
    layers: list[_Layer] = []
    for parent in cells:
        for _, cell in parent.cells_and_names():
            if isinstance(cell, nn.Conv2d):
                layers.append(_Layer(cell))
            elif isinstance(cell, nn.BatchNorm2d):
                layers[-1].batch_norm = cell
    return layers


def convert_tensorflow(path: Path | str, detector: nn.Cell, image_size: Sequence[int]) -> dict[str, np.ndarray]:
    """The weights of a `.tflite` file for `ssd_mobilenet_v2`.

    Args:
        path: the file.
        detector: our network, whose parameters are named as those that are wanted.
        image_size: height and width of its input.

    Returns:
        Float32 arrays by the names of all parameters of `detector`.

    Raises:
        UserError: the file is damaged, or of another network or other classes.
    """
    backbone, head = detector.backbone, detector.multi_box
    locations = [_layers([cell]) for cell in head.multi_loc_layers]
    classes = [_layers([cell]) for cell in head.multi_cls_layers]
    found = read_tflite_detector(path, head_layers=len(locations[0]))
    _check_size(found, image_size, path)
    values: dict[str, np.ndarray] = {}
    trunk = _layers([backbone.features_1, backbone.features_2, detector.multi_residual])
    for what, own, theirs in (
        ("backbone and extra layers", trunk, found.trunk),
        ("location heads", _flat(locations), _flat(found.locations)),
        ("class heads", _flat(classes), _flat(found.classes)),
    ):
        _check_fits(what, own, theirs, path)
        for layer, convolution in zip(own, theirs):
            values |= layer.values(convolution)
    names = [parameter.name for parameter in detector.get_parameters()]
    for name in names:
        if TAP in name:
            values[name] = values[name.replace(TAP, TAPPED)]
    return {name: values[name] for name in names}


def _flat(heads: Iterable[Iterable[Item]]) -> list[Item]:
    return list(itertools.chain.from_iterable(heads))


def _check_size(found: TFLiteDetector, image_size: Sequence[int], path: Path | str) -> None:
    if found.image_size != tuple(image_size):
        raise UserError(f"{path} takes images of {found.image_size[0]} x {found.image_size[1]} pixels, the "
                        f"configuration says {image_size[0]} x {image_size[1]}: set img_shape to those of the file")


def _check_fits(what: str, own: list[_Layer], found: list[Convolution], path: Path | str) -> None:
    if len(own) != len(found):
        raise UserError(f"{path} does not hold the {MODEL} of the configuration: its {what} have {len(found)} "
                        f"convolutions, expected are {len(own)}; use_depthwise is for SSDLite")
    for number, (layer, convolution) in enumerate(zip(own, found), start=1):
        if not layer.fits(convolution):
            raise UserError(f"{path} does not hold the {MODEL} of the configuration: convolution {number} of its "
                            f"{what} is {convolution}; expected is {layer}. Does the configuration have the classes of "
                            "the file (--config)?")
