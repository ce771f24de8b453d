"""What `auto` leaves open of learning rates and frozen parts: the weights that training begins from change gently where
they know the objects.
"""
import dataclasses
import logging
from collections.abc import Iterator
from typing import NamedTuple

import mindspore as ms
import numpy as np
from mindspore import nn

from src.config import Config
from src.dataset.mindrecord.create import MindRecordSet
from src.dataset.pipeline import TRAINING_COLUMNS
from src.layers.modes import evaluation_mode
from src.runtime.distributed import FirstRankDecides, Ranks
from src.ssd import get_model
from src.training.data import first_batches

logger = logging.getLogger(__name__)
# Training images whose loss is looked at before the first step.
IMAGES = 32


class Rates(NamedTuple):
    """Values of the keys of the same names."""

    lr: float
    backbone_lr_scale: float


# Measured on raccoons (loss before training 2.8) and blood cells (6.2), from a detector of everyday objects. The early
# parts of the backbone are frozen for the former.
FAMILIAR, UNFAMILIAR = Rates(0.02, 0.15), Rates(0.1, 1.0)
FAMILIAR_LOSS = 4.5
FROZEN = "freeze_parts"


def resolve_rates(config: Config, net: nn.Cell, records: MindRecordSet, ranks: Ranks) -> Config:
    """The configuration with the learning rates and frozen parts that `auto` asks for; as it is where it asks for none.

    Args:
        config: the configuration.
        net: `SSDWithLossCell` with the weights that training begins from.
        records: the training images.
        ranks: `Ranks` that train together.
    """
    keys = [key for key in (*Rates._fields, FROZEN) if config.is_auto(key)]
    if not keys:
        return config
    loss = mean_loss(net, first_batches(config, records, IMAGES)) if ranks.is_first else 0.0
    is_familiar = bool(FirstRankDecides(ranks).of(int(loss < FAMILIAR_LOSS)))
    rates = FAMILIAR if is_familiar else UNFAMILIAR
    choices = {**rates._asdict(), FROZEN: get_model(config.model_name).early_parts if is_familiar else ()}
    chosen = {key: choices[key] for key in keys}
    if ranks.is_first:
        logger.info("%s, since the loss before training is %.1f: the weights %s objects like these",
                    ", ".join(f"{key}: {_text(value)}" for key, value in chosen.items()), loss,
                    "know" if is_familiar else "do not know")
    return dataclasses.replace(config, **chosen)


def _text(value: float | tuple[str, ...]) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else f"{value:g}"


def mean_loss(net: nn.Cell, batches: Iterator[dict[str, np.ndarray]]) -> float:
    """The mean loss of a `SSDWithLossCell` in evaluation mode."""
    losses = []
    with evaluation_mode(net):
        for batch in batches:
            loss = net(*(ms.Tensor(batch[name]) for name in TRAINING_COLUMNS))
            losses.append(float((loss[0] if isinstance(loss, tuple) else loss).asnumpy()))
    return float(np.mean(losses))
