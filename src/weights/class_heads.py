"""Class heads of a trained detector for other classes: they begin by saying "here is some object"."""
from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence

import numpy as np
from mindspore import nn

from src.utils.errors import UserError

logger = logging.getLogger(__name__)


def class_outputs(detector: nn.Cell) -> list[nn.Conv2d]:
    """The last convolution of each class head, whose outputs are default boxes times classes."""
    head = detector.multi_box
    layers = head.multi_cls_layers if hasattr(head, "multi_cls_layers") else head.cls_layers
    return [[cell for _, cell in layer.cells_and_names() if isinstance(cell, nn.Conv2d)][-1] for layer in layers]


def convert_class_heads(values: Mapping[str, np.ndarray], detector: nn.Cell, classes: Sequence[str],
                        old_classes: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """The weights of the class heads of a checkpoint, for other classes.

    The background keeps its weights. A class of the same name as an old one takes over those of that. Any other class
    begins with the negative weights of the background, its bias less the logarithm of the number of classes: all of
    them together are as likely as the background is unlikely.

    Args:
        values: arrays of the checkpoint by name.
        detector: the network with heads for `classes`.
        classes: C names, the background first.
        old_classes: those of the checkpoint; empty where they are unknown, not used where their number is another.

    Returns:
        Arrays by name for the last convolutions of the class heads.

    Raises:
        UserError: the heads of the checkpoint are not those of another number of classes.
    """
    convs = class_outputs(detector)
    counts = {len(values[conv.weight.name]) * len(classes) // conv.out_channels for conv in convs
              if conv.weight.name in values}
    if old_classes and counts != {len(old_classes)}:
        logger.info("class heads: those of the checkpoint are not for the %d classes that are known", len(old_classes))
        old_classes = ()
    places = {name.lower(): label for label, name in enumerate(old_classes) if label}
    known = [name for name in classes[1:] if name.lower() in places]
    logger.info("class heads: %d of %d classes begin as those of the checkpoint%s, the others as any object",
                len(known), len(classes) - 1, f" ({', '.join(known)})" if known else "")
    converted = {}
    for conv in convs:
        boxes = conv.out_channels // len(classes)
        for parameter in (conv.weight, conv.bias):
            old = values.get(parameter.name)
            count = len(old) // boxes if old is not None else 0
            if old is None or len(old) % boxes or old.shape[1:] != parameter.shape[1:]:
                raise UserError(f"{parameter.name} has shape {None if old is None else old.shape} in the file, "
                                f"{tuple(parameter.shape)} in the network, which is no change of classes alone: is it "
                                "a checkpoint of another model_name?")
            columns = old.reshape(boxes, count, *old.shape[1:])  # (boxes, classes, ...)
            any_object = -columns[:, 0]
            if old.ndim == 1:
                any_object = any_object - np.float32(math.log(len(classes) - 1))
            new = [columns[:, 0]] + [columns[:, places[name.lower()]] if name.lower() in places else any_object
                                     for name in classes[1:]]
            converted[parameter.name] = np.stack(new, axis=1).reshape(parameter.shape)
    return converted
