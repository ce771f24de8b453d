"""Settings that the user leaves open: `batch_size: auto` and `epoch_size: auto`."""
import dataclasses
import logging
from pathlib import Path
from typing import NamedTuple

import psutil
from mindspore import nn

from src.config import Config
from src.config.auto import AUTO
from src.runtime.distributed import ONE_RANK, FirstRankDecides, Ranks
from src.ssd import build_detector
from src.ssd.complexity import NetworkSize, measure_network
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# Share of the machine's memory that training may fill.
MEMORY_SHARE = 0.6
LARGEST_BATCH = 16
# Fewer steps in an epoch are too few for the learning rate schedule.
FEWEST_STEPS = 5
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Epochs(NamedTuple):
    """For `epoch_size: auto`: images that are seen in all epochs together, and the bounds of the number of epochs."""

    images: int
    least: int
    most: int


FROM_DETECTOR, FROM_BACKBONE = Epochs(4_500, 15, 40), Epochs(12_000, 20, 80)


def total_memory() -> int:
    """Bytes of memory of the machine, or of the container with a limit."""
    total = psutil.virtual_memory().total
    for path in map(Path, CGROUP_LIMITS):
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            total = min(total, int(text))
    return total


def fitting_batch_size(size: NetworkSize, num_images: int, memory: float, num_ranks: int = 1) -> int:
    """The largest power of two, up to 16, with which training fits into memory and has enough steps an epoch.

    Args:
        size: the `NetworkSize`.
        num_images: of the training data.
        memory: bytes of the machine, which all ranks share.
        num_ranks: ranks that train together.

    Raises:
        UserError: there is too little memory for a single image.
    """
    room = MEMORY_SHARE * memory / num_ranks
    if size.training_bytes(1) > room:
        raise UserError(f"batch_size: a training step with one image takes about {size.training_bytes(1) / 1e9:.1f} "
                        f"GB, in each of {num_ranks} rank(s); the machine has {memory / 1e9:.1f} GB, of which "
                        f"{100 * MEMORY_SHARE:.0f} percent are meant for training. Choose a smaller model or "
                        "img_shape, or set batch_size to a number.")
    batch_size = 1
    while (2 * batch_size <= min(LARGEST_BATCH, num_images // num_ranks // FEWEST_STEPS)
           and size.training_bytes(2 * batch_size) <= room):
        batch_size *= 2
    return batch_size


def resolve_sizes(config: Config, num_images: int, detector: nn.Cell | None = None, ranks: Ranks = ONE_RANK) -> Config:
    """The configuration with the batch size and the number of epochs that `auto` leaves open.

    Args:
        config: the configuration.
        num_images: of the training data.
        detector: that of `model_name`; None builds one where its size is needed.
        ranks: `Ranks` that train together.
    """
    return resolve_batch_size(resolve_epoch_size(config, num_images), num_images, detector, ranks)


def resolve_batch_size(config: Config, num_images: int, detector: nn.Cell | None = None,
                       ranks: Ranks = ONE_RANK) -> Config:
    """The configuration with the batch size that `batch_size: auto` asks for; as it is where it asks for none."""
    if not config.is_auto("batch_size"):
        return config
    batch_size = 0
    if ranks.is_first:
        size = measure_network(build_detector(config) if detector is None else detector, config.img_shape)
        batch_size = fitting_batch_size(size, num_images, total_memory(), ranks.size)
        logger.info("batch_size: %d, about %.1f GB", batch_size, size.training_bytes(batch_size) / 1e9)
    return dataclasses.replace(config, batch_size=FirstRankDecides(ranks).of(batch_size))


def resolve_epoch_size(config: Config, num_images: int) -> Config:
    """The configuration with the number of epochs that `epoch_size: auto` asks for; as it is where it asks for none.

    Fine-tuning is over when some thousand images have been seen, more of them where training begins without the weights
    of a detector (`pre_trained`); few images are seen more often. The number is a multiple of five.

    Raises:
        UserError: `pre_trained_epoch_size` epochs are done already, and are not fewer.
    """
    if not config.is_auto("epoch_size"):
        return config
    choice = FROM_DETECTOR if config.pre_trained else FROM_BACKBONE
    epochs = min(max(5 * round(choice.images / num_images / 5), choice.least), choice.most)
    if config.pre_trained_epoch_size >= epochs:
        raise UserError(f"pre_trained_epoch_size {config.pre_trained_epoch_size} leaves nothing to train: epoch_size "
                        f"{AUTO} gives {epochs} for {num_images} images. Set epoch_size to a number; it counts the "
                        "epochs already done too")
    logger.info("epoch_size: %d, for %d images", epochs, num_images)
    return dataclasses.replace(config, epoch_size=epochs)
