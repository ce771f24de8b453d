"""What a run trains on and is evaluated with."""
import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from mindspore import dataset as ds

from src.boxes import build_box_coder
from src.config import Config
from src.dataset import (
    BatchSettings,
    Shard,
    TrainingSettings,
    WorkerSettings,
    build_augmentation,
    build_input_format,
    create_ssd_dataset,
    format_stage_speeds,
    measure_stages,
)
from src.dataset.epoch_order import EpochOrder, build_epoch_order
from src.dataset.mindrecord.create import MindRecordSet
from src.dataset.mindrecord.manifest import sources_of
from src.dataset.mindrecord.opening import readable
from src.evaluation.evaluator import Evaluation
from src.runtime.device import set_up_device
from src.runtime.distributed import ONE_RANK, Ranks
from src.training.auto_settings import resolve_sizes
from src.training.resume import Resume

# Most images of a batch of `first_batches`.
FIRST_BATCH = 16


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The data of a run.

    Attributes:
        records: the MindRecord files of all ranks.
        batches: the dataset of this rank, see `build_training_batches`.
        evaluation: None where nothing is evaluated: without `run_eval`, and on all ranks but the first.
    """

    records: MindRecordSet
    batches: ds.Dataset
    evaluation: Evaluation | None

    @property
    def made_from(self) -> dict[str, str]:
        """Digests of the annotations and images of training and evaluation, by their names; nothing where none are
        known."""
        digests = {f"{name} of training": digest for name, digest in sources_of(self.records.path).items()}
        if self.evaluation:
            digests |= {f"{name} of evaluation": digest for name, digest in sources_of(self.evaluation.path).items()}
        return digests

    @property
    def steps_per_epoch(self) -> int:
        return self.batches.get_dataset_size()


def build_training_batches(config: Config, records: MindRecordSet, ranks: Ranks = ONE_RANK,
                           resume: Resume | None = None) -> ds.Dataset:
    """The batches of one rank, see `create_ssd_dataset`; from the next one of a resumed run, with `resume`."""
    records.files.require_unchanged()
    return create_ssd_dataset(records.path, *build_dataset_settings(config, records, ranks, resume))


def first_batches(config: Config, records: MindRecordSet, images: int) -> Iterator[dict[str, np.ndarray]]:
    """Batches of at least one and at most so many training images with objects, all of one size, without mosaics.

    Args:
        config: the configuration; its batch size and number of epochs may still be `auto`.
        records: the training images.
        images: so many, but for what is left over.
    """
    batch_size = min(FIRST_BATCH, records.num_with_objects)
    config = dataclasses.replace(config, batch_size=batch_size, mosaic=0.0, empty_share=0.0)
    rows = build_training_batches(config, records).create_dict_iterator(num_epochs=1, output_numpy=True)
    return itertools.islice(readable(rows, records.path), max(1, images // batch_size))


def measure_data_pipeline(config: Config, records: MindRecordSet) -> str:
    """Text: how many images per second each stage of the training pipeline processes."""
    if config.is_auto("batch_size"):  # to choose it, the network runs once
        set_up_device("CPU", cpu_threads=config.cpu_threads, seed=config.seed)
    config = resolve_sizes(config, records.num_with_objects)
    return format_stage_speeds(measure_stages(records.path, *build_dataset_settings(config, records)))


def build_order(config: Config, records: MindRecordSet) -> EpochOrder | None:
    """How often the images are in an epoch, by `repeat_threshold` and `empty_share`; None: each once."""
    if not (records.num_empty or config.repeat_threshold):
        return None
    return build_epoch_order(records.labels, config.repeat_threshold, config.empty_share)


def build_dataset_settings(config: Config, records: MindRecordSet, ranks: Ranks = ONE_RANK,
                           resume: Resume | None = None) -> tuple[BatchSettings, TrainingSettings, WorkerSettings]:
    """What `create_ssd_dataset` needs for training beside the records."""
    first_epoch, first_batch = resume.next_step if resume else (config.pre_trained_epoch_size, 0)
    training = TrainingSettings(
        build_box_coder(config),
        seed=config.seed,
        augmentation=build_augmentation(config),
        shard=Shard(ranks.rank, ranks.size),
        first_epoch=first_epoch,
        first_batch=first_batch,
        x_first=records.x_first,
        order=build_order(config, records),
    )
    is_on_cpu = config.device_target == "CPU"
    workers = WorkerSettings(config.num_parallel_workers, use_processes=not is_on_cpu,
                             device_target=config.device_target)
    return (BatchSettings(config.batch_size, config.img_shape, build_input_format(config), records.upright), training,
            workers)
