"""The parts of a training run, as the configuration describes them."""
import dataclasses
import logging
from pathlib import Path

from src.boxes import build_box_coder
from src.config.loader import format_config
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
from src.runtime.device import set_up_device
from src.runtime.distributed import ONE_RANK, AllRanksStop
from src.ssd import build_training_net, get_model
from src.training.auto_settings import resolve_sizes
from src.training.batch_preview import create_batch_sheets
from src.training.callbacks.build import create_callbacks
from src.training.callbacks.summary import create_start_summary
from src.training.loop import TrainingLoop
from src.training.output_folder import CONFIG_FILE, WITH_BOXES, WITH_MATCHES
from src.training.resume import create_run_state
from src.utils.files import whole_file
from src.visualization.draw import save_image
from src.weights import find_checkpoint, find_classifier, load_backbone, load_weights

logger = logging.getLogger(__name__)


def build_training_dataset(config, records, ranks=ONE_RANK, resume=None):
    """The batches of one rank, see `create_ssd_dataset`; those that a resumed run has left, with `resume`."""
    return create_ssd_dataset(records.path, *build_dataset_settings(config, ranks, resume))


def measure_data_pipeline(config, records):
    """Text: how many images a second each stage of the training pipeline takes."""
    if config.is_auto("batch_size"):  # to choose it, the network runs once
        set_up_device("CPU", cpu_threads=config.cpu_threads, seed=config.seed)
    config = resolve_sizes(config, records.num_images)
    return format_stage_speeds(measure_stages(records.path, *build_dataset_settings(config)))


def build_dataset_settings(config, ranks=ONE_RANK, resume=None):
    """What `create_ssd_dataset` needs beside the records, for training."""
    first_epoch, first_batch = resume.next_step if resume else (config.pre_trained_epoch_size, 0)
    training = TrainingSettings(
        build_box_coder(config),
        seed=config.seed,
        augmentation=build_augmentation(config),
        shard=Shard(ranks.rank, ranks.size),
        first_epoch=first_epoch,
        first_batch=first_batch,
    )
    is_on_cpu = config.device_target == "CPU"
    workers = WorkerSettings(config.num_parallel_workers, use_processes=not is_on_cpu,
                             device_target=config.device_target)
    return BatchSettings(config.batch_size, config.img_shape, build_input_format(config)), training, workers


def check_weight_paths(config):
    """Files of the weights that training begins from, of the backbone and of the detector; None for none.

    Raises:
        UserError: one of them is not there.
    """
    backbone, detector = config.feature_extractor_base_param, config.pre_trained
    return (
        find_classifier(backbone, config.checkpoint_path) if backbone else None,
        find_checkpoint(detector, config.checkpoint_path, key="pre_trained") if detector else None,
    )


def build_network(config):
    """The network with its loss, and with the weights that training begins from."""
    net = build_training_net(config)
    net.with_parts = True
    backbone, detector = check_weight_paths(config)
    if backbone:
        load_backbone(net, backbone, get_model(config.model_name).backbone_path, config.pretrain_vgg_bn)
    if detector:
        load_weights(net, detector, drop=config.checkpoint_filter_list if config.filter_weight else ())
    return net


def save_run_preview(config, net, records, evaluation, steps, ranks):
    """Tells what is going to be trained, and saves the configuration and pictures of the first batch."""
    with whole_file(Path(config.output_path) / CONFIG_FILE) as part:
        part.write_text(format_config(dataclasses.replace(config, resume="")), encoding="utf-8")
    logger.info("%s: %d images, %d steps an epoch, epochs %d to %d, output in %s", config.model_name,
                records.num_images, steps, config.pre_trained_epoch_size + 1, config.epoch_size, config.output_path)
    logger.info("%s", create_start_summary(config, net.network, records.num_images,
                                           evaluation and evaluation.num_images, steps, ranks.size))
    # A dataset of its own: the one that is trained on would go on with the next order of images.
    sheets = create_batch_sheets(config, build_training_dataset(config, records, ranks))
    for name, sheet in zip((WITH_BOXES, WITH_MATCHES), sheets):
        save_image(Path(config.output_path) / name, sheet)


def create_run(config, records, train_step, dataset, evaluation, learning_rates, signals, ranks, resume):
    """The `TrainingLoop` of a new run, or of one that is resumed.

    Args:
        signals: `StopSignals` that end it.
    """
    first_epoch, sink = config.pre_trained_epoch_size, config.mode_sink == "sink" and config.device_target != "CPU"
    callbacks, parts = create_callbacks(config, records, train_step, evaluation, learning_rates, signals, ranks, resume)
    state = create_run_state(config, train_step, parts, resume, ranks)
    loop = TrainingLoop(train_step, dataset, callbacks, config.epoch_size, first_epoch, resume and resume.position,
                        AllRanksStop(signals, ranks), sink)
    if resume:
        state.restore(resume, train_step, loop.params.batch_num, loop.params.cur_step_num)
    if "checkpoints" in parts:
        parts["checkpoints"].describe = state.describe
    return loop
