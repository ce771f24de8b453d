"""MindRecord to batches: order, shards, workers, memory.

MindSpore is imported where batches are made, so that `src.dataset` serves ONNX Runtime without it.
"""
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.dataset.batches import ALL_IMAGES, BatchSettings, EvaluationBatch, Shard, TrainingBatch, TrainingSettings
from src.dataset.epoch_order import EpochOrder, EpochRecords
from src.dataset.mindrecord.opening import reported_as_unreadable
from src.runtime.environment import available_cores
from src.utils.errors import UserError

RECORD_COLUMNS = ["img_id", "image", "annotation"]
TRAINING_COLUMNS = ["image", "box", "label", "num_match"]
EVALUATION_COLUMNS = ["image", "img_id", "image_shape"]
# A network on a CPU needs the cores itself, and takes much longer for an image than the one worker that prepares it.
MAX_WORKERS_BESIDE_NETWORK = 2
MAX_WORKERS = 16
# Batches that wait for the network; MindSpore's default of 16 for each worker would be many gigabytes.
PREFETCH_BYTES = 512 << 20
MAX_PREFETCH_BESIDE_NETWORK = 2
MAX_PREFETCH = 8


@dataclass(frozen=True)
class WorkerSettings:
    """Who prepares the batches.

    Attributes:
        count: number of workers; 0 means automatic, see `worker_count`.
        use_processes: workers are processes instead of threads.
        device_target: where the network runs, `CPU` or an accelerator.
    """

    count: int = 0
    use_processes: bool = False
    device_target: str = "CPU"


AUTOMATIC = WorkerSettings()


def worker_count(workers: WorkerSettings, ranks: int = 1) -> int:
    """Number of workers: as given, or for 0 as many as the device leaves cores for.

    Two beside a network on the CPU; with an accelerator, the ranks of the run share the cores. Never more than there
    are cores (MindSpore refuses more).
    """
    most = MAX_WORKERS_BESIDE_NETWORK if workers.device_target == "CPU" else MAX_WORKERS
    automatic = max(1, min(most, available_cores() // ranks))
    return min(workers.count or automatic, os.cpu_count() or 1)


def prefetch_batches(settings: BatchSettings, num_workers: int, device_target: str = "CPU") -> int:
    """Number of batches that may wait for the network, for each worker: bounds their memory."""
    height, width = settings.image_size
    # 3 floats an image pixel, and about as many again for the default boxes of the large networks.
    batch_bytes = settings.batch_size * height * width * 3 * 4 * 1.2
    most = MAX_PREFETCH_BESIDE_NETWORK if device_target == "CPU" else MAX_PREFETCH
    return int(min(most, max(1, PREFETCH_BYTES // (batch_bytes * num_workers))))


def _open_records(mindrecord_file: Path | str, columns: list[str], num_workers: int, shuffle: bool, seed: int = 1,
                  shard: Shard = ALL_IMAGES, first_epoch: int = 0, order: EpochOrder | None = None) -> Any:
    import mindspore.dataset as ds

    if order is not None:
        positions = functools.partial(order.share_of, shard.index, shard.count, seed)
        rows = EpochRecords(mindrecord_file, columns, positions, first_epoch, len(order.factors), num_workers)
        return ds.GeneratorDataset(rows, columns, shuffle=False, num_parallel_workers=1, python_multiprocessing=False)
    sampler = ds.DistributedSampler(shard.count, shard.index, shuffle=shuffle)
    # The sampler counts its seed up once an epoch. Spread seeds keep neighbouring ones from sharing their epochs.
    sampler.seed = int(np.random.SeedSequence(seed).generate_state(1)[0] >> 2) + first_epoch
    return ds.MindDataset(str(mindrecord_file), columns_list=columns, sampler=sampler, num_parallel_workers=num_workers)


def batch_image_ids(mindrecord_file: Path | str, batch_size: int, epoch: int, batch: int, seed: int = 1,
                    shard: Shard = ALL_IMAGES, order: EpochOrder | None = None) -> list[int]:
    """Ids of the images in a training batch; epoch and batch are counted from 0, the others as in the settings."""
    records = _open_records(mindrecord_file, RECORD_COLUMNS[:1], 1, True, seed, shard, epoch, order)
    return _image_ids(records)[batch * batch_size : (batch + 1) * batch_size]


def evaluated_image_ids(mindrecord_file: Path | str) -> list[int]:
    """Ids of all images in MindRecord files, in the order of evaluation."""
    return _image_ids(_open_records(mindrecord_file, RECORD_COLUMNS[:1], 1, False))


def _image_ids(records: Any) -> list[int]:
    return [row["img_id"].item() for row in records.create_dict_iterator(num_epochs=1, output_numpy=True)]


def create_ssd_dataset(mindrecord_file: Path | str, settings: BatchSettings, training: TrainingSettings | None = None,
                       workers: WorkerSettings = AUTOMATIC) -> Any:
    """Batches for training or evaluation from MindRecord files.

    Training batches are shuffled and augmented; both depend on the seed, the number of the epoch, and the shard only,
    not on the number of workers. Epochs are counted from the creation of an iterator, so one iterator has to serve the
    whole run: `create_dict_iterator(num_epochs=N)` or `Model.train`. A run that resumes after `k` epochs passes
    `first_epoch=k` and gets the batches that the first run would have got.

    What it sets for the whole process is in `set_up_data_pipeline`.

    Args:
        mindrecord_file: first file of the set (`MindRecordSet.path`); MindSpore finds the others.
        settings: what a batch looks like.
        training: of training batches; None for evaluation.
        workers: who prepares the batches.

    Returns:
        `mindspore.dataset` object. Training, incomplete last batch dropped: image `(B, 3, H, W)` float32, box
        `(B, A, 4)` float32, label `(B, A)` int32, num_match `(B, 1)` int32. Evaluation, in the order of the files and
        with the incomplete last batch: image `(B, 3, H, W)` float32, img_id `(B,)` int64, image_shape `(B, 2)` float32
        (height, width of the original image).

    Raises:
        UserError: no such file, one that is damaged, or fewer images than one batch for every rank.
    """
    from src.runtime.device import set_up_data_pipeline

    if not Path(mindrecord_file).is_file():
        raise UserError(f"There is no MindRecord file {mindrecord_file}. Make it with create_mindrecord, or "
                        "train.py --only_create_dataset=True.")
    shard = training.shard if training else ALL_IMAGES
    num_workers = worker_count(workers, shard.count)
    set_up_data_pipeline(prefetch_batches(settings, num_workers, workers.device_target))
    readers, batch_size = min(2, num_workers), settings.batch_size
    with reported_as_unreadable(mindrecord_file):
        if training:
            records = _open_records(mindrecord_file, RECORD_COLUMNS, readers, True, training.seed, shard,
                                    training.first_epoch, training.order)
        else:
            records = _open_records(mindrecord_file, RECORD_COLUMNS, readers, False)
        num_images = records.get_dataset_size()
    if num_images == 0:
        raise UserError(f"{mindrecord_file} holds no image.")
    if training and num_images < batch_size:
        raise UserError(f"{mindrecord_file} has {num_images} images for each of {shard.count} device(s), fewer than "
                        f"batch_size = {batch_size}: there would be no step. Set --batch_size to at most {num_images}.")
    return records.batch(
        batch_size,
        drop_remainder=training is not None,
        num_parallel_workers=num_workers,
        per_batch_map=TrainingBatch(settings, training) if training else EvaluationBatch(settings),
        input_columns=RECORD_COLUMNS,
        output_columns=TRAINING_COLUMNS if training else EVALUATION_COLUMNS,
        python_multiprocessing=workers.use_processes,
    )
