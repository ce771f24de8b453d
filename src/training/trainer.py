"""The parts of a training run, as the configuration describes them."""
import dataclasses
import logging
import math
from pathlib import Path

import numpy as np

from src.config import Config
from src.config.loader import format_config
from src.dataset.mindrecord.create import MindRecordSet
from src.model_zoo import find_weights, published_classes
from src.runtime import distributed
from src.runtime.device import set_up_device
from src.runtime.distributed import AllRanksStop, Ranks, set_up_ranks
from src.runtime.environment import get_device_id
from src.runtime.signals import StopSignals
from src.ssd import SSDWithLossCell, build_training_net, get_model
from src.training.auto_rates import resolve_rates
from src.training.auto_settings import resolve_sizes
from src.training.batch_preview import draw_first_batch
from src.training.callbacks.build import build_callbacks
from src.training.callbacks.summary import describe_run
from src.training.data import TrainingData, build_order, build_training_batches, first_batches
from src.training.loop import TrainingLoop
from src.training.output_folder import WITH_BOXES, WITH_MATCHES, save_config
from src.training.resume import NEWEST, Resume, named_checkpoint, with_resumed_choices
from src.training.step import TrainingWrapper
from src.utils.files import keep_earlier
from src.visualization.draw import save_image
from src.weights import find_classifier, load_backbone, load_weights
from src.weights.run_settings import check_classes_of_run, classes_of_run
from src.weights.unfold import is_folded, unfold_batch_norm

logger = logging.getLogger(__name__)
# The statistics of BatchNorm come from training images of so many pixels together: 96 of 300 x 300.
UNFOLDING_PIXELS = 96 * 300 * 300


def check_launcher(config: Config) -> None:
    """`src.runtime.distributed.check_launcher`, unless this process only prepares or checks the data."""
    if not (config.only_create_dataset or config.check_dataset or config.benchmark_data):
        distributed.check_launcher(config.run_distribute, config.device_target)


def set_up_device_and_ranks(config: Config) -> Ranks:
    """Sets up the device, which the launcher assigns if there is one, and joins the ranks of the run."""
    launched = config.run_distribute or config.enable_modelarts
    device_id = get_device_id() if launched else config.device_id
    set_up_device(config.device_target, device_id, config.cpu_threads, config.seed)
    return set_up_ranks(config.run_distribute, config.device_num)


def find_weight_files(config: Config) -> tuple[Path | None, Path | None]:
    """Files of the weights that training begins from, of the backbone and of the detector; None for none.

    Raises:
        UserError: one of them is missing, or the one that `resume` names.
    """
    if config.resume not in ("", NEWEST):
        named_checkpoint(config)
    backbone, detector = config.feature_extractor_base_param, config.pre_trained
    return (
        find_classifier(backbone, config.checkpoint_path) if backbone else None,
        find_weights(detector, config.checkpoint_path, key="pre_trained") if detector else None,
    )


def build_network(config: Config, records: MindRecordSet | None = None) -> SSDWithLossCell:
    """The network with its loss, and with the weights that training begins from.

    Args:
        config: the configuration.
        records: training images, with which BatchNorm is unfolded where the weights need it; None leaves it as it is.
    """
    net = build_training_net(config)
    net.with_parts = True
    backbone, detector = find_weight_files(config)
    if backbone:
        load_backbone(net, backbone, get_model(config.model_name).backbone_path, config.pretrain_vgg_bn)
    if detector and config.filter_weight and config.class_head_init == "background":
        old_classes, source = classes_of_run(detector)
        if source:
            logger.info("classes of %s: those of %s", detector, source)
        load_weights(net, detector, classes=config.classes, old_classes=old_classes or published_classes(detector))
    elif detector:
        load_weights(net, detector, drop=config.checkpoint_filter_list if config.filter_weight else ())
        if not config.filter_weight:
            check_classes_of_run(detector, config.classes)
    if records and is_folded(net.network):
        images = UNFOLDING_PIXELS // math.prod(config.img_shape)
        unfold_batch_norm(net.network, (batch["image"] for batch in first_batches(config, records, images)))
    return net


def resolve_auto(config: Config, net: SSDWithLossCell, records: MindRecordSet, ranks: Ranks,
                 resume: Resume | None) -> Config:
    """The configuration with the sizes and learning rates that `auto` leaves open; of a resumed run, those of before.

    Args:
        config: the configuration.
        net: result of `build_network`.
        records: the training images.
        ranks: the `Ranks` of the run.
        resume: where it resumes; None for a new run.
    """
    config = with_resumed_choices(config, resume)
    return resolve_rates(resolve_sizes(config, records.num_with_objects, net.network, ranks), net, records, ranks)


def save_run_preview(config: Config, net: SSDWithLossCell, data: TrainingData, ranks: Ranks,
                     resume: Resume | None) -> None:
    """Logs what is going to be trained, and saves the configuration and pictures of the first batch."""
    output, images, steps = Path(config.output_path), data.records.num_images, data.steps_per_epoch
    order = build_order(config, data.records)
    if order is not None:
        logger.info("%s", order.describe())
    is_new = resume is None or config.resume != NEWEST
    save_config(output, format_config(dataclasses.replace(config, resume="")), is_new)
    logger.info("%s: %d images, %d steps an epoch, epochs %d to %d, output in %s", config.model_name, images, steps,
                config.pre_trained_epoch_size + 1, config.epoch_size, config.output_path)
    num_evaluation = data.evaluation.num_images if data.evaluation else None
    logger.info("%s", describe_run(config, net.network, images, num_evaluation, steps, ranks.size))
    # Batches of its own: those that are trained on would continue with the next order of images.
    sheets = draw_first_batch(config, build_training_batches(config, data.records, ranks))
    for name, sheet in zip((WITH_BOXES, WITH_MATCHES), sheets):
        if is_new:
            keep_earlier(output / name)
        save_image(output / name, sheet)


def build_loop(config: Config, data: TrainingData, train_step: TrainingWrapper, learning_rates: np.ndarray,
               signals: StopSignals, ranks: Ranks, resume: Resume | None) -> TrainingLoop:
    """The `TrainingLoop` of a new run, or of one that resumes.

    Args:
        config: the configuration.
        data: of the run.
        train_step: result of `build_train_step`.
        learning_rates: one value for each step.
        signals: `StopSignals` that end the run.
        ranks: the `Ranks` of the run.
        resume: where it resumes; None for a new run.
    """
    callbacks, record = build_callbacks(config, data, train_step, learning_rates, signals, ranks, resume)
    loop = TrainingLoop(
        train_step,
        data.batches,
        callbacks,
        epochs=config.epoch_size,
        first_epoch=config.pre_trained_epoch_size,
        position=resume and resume.position,
        asked_to_stop=AllRanksStop(signals, ranks),
        sink=config.mode_sink == "sink" and config.device_target != "CPU",
    )
    if resume:
        record.restore(resume, loop.state)
    return loop
