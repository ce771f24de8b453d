"""The parts of a training run, as the configuration describes them."""
import contextlib
import dataclasses
import logging
from pathlib import Path

from src.box_utils import build_box_coder
from src.checkpoint import EpochDone, SaveCheckpoint
from src.dataset import (
    batch_image_ids,
    build_augmentation,
    build_input_format,
    create_ssd_dataset,
    format_speeds,
    load_image,
    measure_stages,
)
from src.delivery import Deliver, create_delivery
from src.eval_callback import EvalCallback, unless_stopped
from src.first_batch import create_batch_sheets
from src.model_utils.config import format_config
from src.model_utils.device_adapter import AllRanksStop, FirstRankDecides
from src.model_utils.files import whole_file
from src.model_utils.local_adapter import get_rank_id
from src.network_size import fitting_batch_size, measure_network, total_memory
from src.predictors import network_predictor
from src.resume import checkpoint_folder, create_run_state
from src.run_folder import run_folder
from src.run_summary import EndSummary, create_start_summary
from src.ssd import (
    build_inference_net,
    build_training_net,
    find_checkpoint,
    find_classifier,
    get_model,
    load_backbone,
    load_weights,
)
from src.train_log import Results, TrainingLog
from src.train_loop import TrainingLoop
from src.visualize import save_image
from src.watching import PlotResults, StopTogether, TensorBoard

logger = logging.getLogger(__name__)

# Pictures of the first batch.
WITH_BOXES, WITH_MATCHES = "first_batch.jpg", "first_batch_matches.jpg"
# The configuration of the run, with what was worked out.
CONFIG_FILE = "config.yaml"
# For `epoch_size: auto`; the epochs are multiples of ten.
FINE_TUNING_IMAGES, LEAST_EPOCHS, MOST_EPOCHS = 12_000, 20, 80


def create_run_folder(config):
    """Context manager: `run_folder` of the output, on the first rank."""
    if get_rank_id():
        return contextlib.nullcontext()
    return run_folder(config.output_path, checkpoint_folder(config.output_path))


def create_training_dataset(config, records, rank=0, ranks=1, resume=None):
    """The batches of one rank, see `create_ssd_dataset`; those that a resumed run has left, with `resume`."""
    first_epoch, first_batch = resume.next_step if resume else (config.pre_trained_epoch_size, 0)
    return create_ssd_dataset(
        records.path,
        batch_size=config.batch_size,
        image_size=config.img_shape,
        box_coder=build_box_coder(config),
        rank=rank,
        device_num=ranks,
        seed=config.seed,
        num_parallel_workers=config.num_parallel_workers,
        use_multiprocessing=config.device_target != "CPU",
        first_epoch=first_epoch,
        first_batch=first_batch,
        input_format=build_input_format(config),
        device_target=config.device_target,
        augmentation=build_augmentation(config),
    )


def create_data_report(config, records):
    """Text: how many images a second each stage of the training pipeline takes."""
    dataset = create_training_dataset(config, records)
    return format_speeds(measure_stages(records.path, dataset, config.img_shape, build_box_coder(config), config.seed,
                                        augmentation=build_augmentation(config)))


def create_weight_paths(config):
    """Files of the weights that training begins from, of the backbone and of the detector; None for none.

    Raises:
        UserError: one of them is not there.
    """
    backbone, detector = config.feature_extractor_base_param, config.pre_trained
    return (
        find_classifier(backbone, config.checkpoint_path) if backbone else None,
        find_checkpoint(detector, config.checkpoint_path, key="pre_trained") if detector else None,
    )


def create_network(config):
    """The network with its loss, and with the weights that training begins from."""
    net = build_training_net(config)
    net.with_parts = True
    backbone, detector = create_weight_paths(config)
    if backbone:
        load_backbone(net, backbone, get_model(config.model_name).backbone_path, config.pretrain_vgg_bn)
    if detector:
        load_weights(net, detector, drop=config.checkpoint_filter_list if config.filter_weight else ())
    return net


def create_sizes(config, net, num_images, rank=0, ranks=1):
    """The configuration with the batch size and the number of epochs that `auto` leaves open."""
    return create_batch_size(create_epoch_size(config, num_images), net, num_images, rank, ranks)


def create_batch_size(config, net, num_images, rank=0, ranks=1):
    """The configuration with the batch size that `batch_size: auto` asks for; as it is where it asks for none."""
    if not config.auto_batch_size:
        return config
    batch_size = 0
    if rank == 0:
        size = measure_network(net.network, config.img_shape)
        batch_size = fitting_batch_size(size, num_images, total_memory(), ranks)
        logger.info("batch_size: %d, about %.1f GB", batch_size, size.training_bytes(batch_size) / 1e9)
    return dataclasses.replace(config, batch_size=FirstRankDecides(rank, ranks).of(batch_size), auto_batch_size=False)


def create_epoch_size(config, num_images):
    """The configuration with the number of epochs that `epoch_size: auto` asks for; as it is where it asks for none.

    Fine-tuning is over when some ten thousand images have been seen; few images are seen more often.
    """
    if not config.auto_epoch_size:
        return config
    epochs = min(max(round(FINE_TUNING_IMAGES / num_images, -1), LEAST_EPOCHS), MOST_EPOCHS)
    logger.info("epoch_size: %d, for %d images", epochs, num_images)
    return dataclasses.replace(config, epoch_size=epochs, auto_epoch_size=False)


def create_first_look(config, net, records, evaluation, steps, ranks):
    """Tells what is going to be trained, and saves the configuration and pictures of the first batch."""
    with whole_file(Path(config.output_path) / CONFIG_FILE) as part:
        part.write_text(format_config(dataclasses.replace(config, resume="")), encoding="utf-8")
    logger.info("%s: %d images, %d steps an epoch, epochs %d to %d, output in %s", config.model_name,
                records.num_images, steps, config.pre_trained_epoch_size + 1, config.epoch_size, config.output_path)
    logger.info("%s", create_start_summary(config, net.network, records.num_images,
                                           evaluation and evaluation.num_images, steps, ranks))
    # A dataset of its own: the one that is trained on would go on with the next order of images.
    sheets = create_batch_sheets(config, create_training_dataset(config, records, 0, ranks))
    for name, sheet in zip((WITH_BOXES, WITH_MATCHES), sheets):
        save_image(Path(config.output_path) / name, sheet)


def create_run(config, records, train_step, dataset, evaluation, learning_rates, signals, rank, ranks, resume):
    """The `TrainingLoop` of a new run, or of one that is resumed.

    Args:
        signals: `StopSignals` that end it.
    """
    first_epoch, sink = config.pre_trained_epoch_size, config.mode_sink == "sink" and config.device_target != "CPU"
    callbacks, parts = create_callbacks(config, records, train_step, evaluation, learning_rates, signals, rank, ranks,
                                        resume)
    state = create_run_state(config, train_step, parts, resume, rank)
    loop = TrainingLoop(train_step, dataset, callbacks, config.epoch_size, first_epoch, resume and resume.position,
                        AllRanksStop(signals, rank, ranks), sink)
    if resume:
        state.restore(resume, train_step, loop.params.batch_num, loop.params.cur_step_num)
    if "checkpoints" in parts:
        parts["checkpoints"].describe = state.describe
    return loop


def create_callbacks(config, records, train_step, evaluation, learning_rates, signals, rank, ranks, resume=None):
    """Log, checkpoints, evaluation and what there is to watch; all but the log on the first rank only.

    Returns:
        The callbacks, and by name those with a state that a run needs to go on.
    """
    output = Path(config.output_path)
    results = Results(output / "results.csv") if rank == 0 else None
    log = TrainingLog(config.batch_size * ranks, learning_rates, results, find_images=lambda epoch, step: (
        batch_image_ids(records.path, config.batch_size, epoch - 1, step - 1, config.seed, rank, ranks)))
    callbacks, parts = [log], {"log": log}
    checkpoints = evaluator = None
    if rank == 0:
        checkpoints = SaveCheckpoint(checkpoint_folder(output), config.save_checkpoint_epochs,
                                     config.keep_checkpoint_max)
        callbacks.append(checkpoints)
        parts |= {"results": results, "checkpoints": checkpoints}
        if evaluation:
            evaluator = _create_evaluator(config, train_step, evaluation, checkpoints.directory, results, signals)
            callbacks.append(evaluator)
            parts["evaluation"] = evaluator
        callbacks.append(PlotResults(results))
        if config.tensorboard:
            pictures = {name: load_image(output / name) for name in (WITH_BOXES, WITH_MATCHES)}
            first_epoch = resume.next_step[0] + 1 if resume else None
            callbacks.append(TensorBoard(output / "tensorboard", results, pictures, first_epoch))
        summary = EndSummary(output, checkpoints, evaluator, output / CONFIG_FILE, config.model_name)
        callbacks.append(summary)
        if config.export_best:
            callbacks.append(Deliver(lambda: create_delivery(config, summary.checkpoint)))
    if config.early_stopping:
        callbacks.append(StopTogether(evaluator, FirstRankDecides(rank, ranks).of))
    if checkpoints:
        callbacks.append(EpochDone(checkpoints))
    return callbacks, parts


def _create_evaluator(config, train_step, evaluation, folder, results, signals):
    average = train_step.average
    inference_net = average.inference_net if average else build_inference_net(config, train_step.network.network)
    return EvalCallback(
        lambda: evaluation(unless_stopped(network_predictor(inference_net), signals), config.batch_size),
        inference_net,
        start=config.eval_start_epoch,
        interval=config.eval_interval,
        best_path=folder / "best_map.ckpt" if config.save_best_ckpt else None,
        results=results,
        weights=average.checkpoint if average else None,
        patience=config.early_stopping,
    )
