"""Settings that the user leaves open: `batch_size: auto` and `epoch_size: auto`."""
import dataclasses
import logging
from pathlib import Path

import psutil

from src.runtime.distributed import FirstRankDecides
from src.ssd.complexity import measure_network
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# The part of the machine's memory that training may fill.
MEMORY_SHARE = 0.6
LARGEST_BATCH = 16
# Fewer steps in an epoch are few for the schedule of the learning rate.
FEWEST_STEPS = 8
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# For `epoch_size: auto`; the epochs are multiples of ten.
FINE_TUNING_IMAGES, LEAST_EPOCHS, MOST_EPOCHS = 12_000, 20, 80


def total_memory():
    """Bytes of memory of the machine, or of the container with a limit."""
    total = psutil.virtual_memory().total
    for path in map(Path, CGROUP_LIMITS):
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            total = min(total, int(text))
    return total


def fitting_batch_size(size, num_images, memory, ranks=1):
    """The largest power of two, up to 16, with which training fits into memory and has enough steps an epoch.

    Args:
        size: the `NetworkSize`.
        num_images: of the training data.
        memory: bytes of the machine, which all ranks share.
        ranks: processes that train together.

    Raises:
        UserError: there is too little memory for a single image.
    """
    room = MEMORY_SHARE * memory / ranks
    if size.training_bytes(1) > room:
        raise UserError(f"batch_size: a training step with one image takes about {size.training_bytes(1) / 1e9:.1f} "
                        f"GB, in each of {ranks} process(es); the machine has {memory / 1e9:.1f} GB, of which "
                        f"{100 * MEMORY_SHARE:.0f} percent are meant for training. Choose a smaller model or "
                        "img_shape, or set batch_size to a number.")
    batch_size = 1
    while (2 * batch_size <= min(LARGEST_BATCH, num_images // ranks // FEWEST_STEPS)
           and size.training_bytes(2 * batch_size) <= room):
        batch_size *= 2
    return batch_size


def create_sizes(config, net, num_images, ranks):
    """The configuration with the batch size and the number of epochs that `auto` leaves open."""
    return create_batch_size(create_epoch_size(config, num_images), net, num_images, ranks)


def create_batch_size(config, net, num_images, ranks):
    """The configuration with the batch size that `batch_size: auto` asks for; as it is where it asks for none."""
    if not config.auto_batch_size:
        return config
    batch_size = 0
    if ranks.is_first:
        size = measure_network(net.network, config.img_shape)
        batch_size = fitting_batch_size(size, num_images, total_memory(), ranks.size)
        logger.info("batch_size: %d, about %.1f GB", batch_size, size.training_bytes(batch_size) / 1e9)
    return dataclasses.replace(config, batch_size=FirstRankDecides(ranks).of(batch_size), auto_batch_size=False)


def create_epoch_size(config, num_images):
    """The configuration with the number of epochs that `epoch_size: auto` asks for; as it is where it asks for none.

    Fine-tuning is over when some ten thousand images have been seen; few images are seen more often.
    """
    if not config.auto_epoch_size:
        return config
    epochs = min(max(round(FINE_TUNING_IMAGES / num_images, -1), LEAST_EPOCHS), MOST_EPOCHS)
    logger.info("epoch_size: %d, for %d images", epochs, num_images)
    return dataclasses.replace(config, epoch_size=epochs, auto_epoch_size=False)
