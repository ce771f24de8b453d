"""The parts of a training run, as the configuration describes them."""
import dataclasses
import logging
import sys
from pathlib import Path

from src.box_utils import build_box_coder
from src.checkpoint import SaveCheckpoint
from src.dataset import build_input_format, create_ssd_dataset, format_speeds, load_image, measure_stages
from src.eval_callback import EvalCallback
from src.first_batch import create_batch_sheets
from src.model_utils.device_adapter import FirstRankDecides
from src.network_size import fitting_batch_size, measure_network, total_memory
from src.predictors import network_predictor
from src.run_summary import EndSummary, create_start_summary
from src.ssd import build_inference_net, build_training_net, find_checkpoint, get_model, load_backbone, load_weights
from src.train_log import Results, TrainingLog
from src.visualize import save_image
from src.watching import PlotResults, StopTogether, TensorBoard

logger = logging.getLogger(__name__)

# Pictures of the first batch.
WITH_BOXES, WITH_MATCHES = "first_batch.jpg", "first_batch_matches.jpg"


def create_training_dataset(config, records, rank=0, ranks=1):
    """The batches of one rank, see `create_ssd_dataset`."""
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
        first_epoch=config.pre_trained_epoch_size,
        input_format=build_input_format(config),
        device_target=config.device_target,
    )


def create_data_report(config, records):
    """Text: how many images a second each stage of the training pipeline takes."""
    dataset = create_training_dataset(config, records)
    return format_speeds(measure_stages(records.path, dataset, config.img_shape, build_box_coder(config), config.seed))


def create_network(config):
    """The network with its loss, and with the weights that training begins from."""
    net = build_training_net(config)
    net.with_parts = True
    if config.feature_extractor_base_param:
        model = get_model(config.model_name)
        path = find_checkpoint(config.feature_extractor_base_param, config.checkpoint_path)
        load_backbone(net, path, model.backbone_path, config.pretrain_vgg_bn)
    if config.pre_trained:
        path = find_checkpoint(config.pre_trained, config.checkpoint_path)
        load_weights(net, path, drop=config.checkpoint_filter_list if config.filter_weight else ())
    return net


def create_batch_size(config, net, num_images, rank=0, ranks=1):
    """The configuration with the batch size that `batch_size: auto` asks for; as it is where it asks for none."""
    if not config.auto_batch_size:
        return config
    batch_size = 0
    if rank == 0:
        size = measure_network(net.network, config.img_shape)
        batch_size = fitting_batch_size(size, num_images, total_memory(), ranks)
        logger.info("batch_size: %d, about %.1f GB", batch_size, size.training_bytes(batch_size) / 1e9)
    return dataclasses.replace(config, batch_size=FirstRankDecides(rank, ranks).of(batch_size))


def create_first_look(config, net, records, evaluation, steps, ranks):
    """Tells what is going to be trained, and saves pictures of the first batch."""
    logger.info("%s: %d images, %d steps an epoch, epochs %d to %d, output in %s", config.model_name,
                records.num_images, steps, config.pre_trained_epoch_size + 1, config.epoch_size, config.output_path)
    logger.info("%s", create_start_summary(config, net.network, records.num_images,
                                           evaluation and evaluation.num_images, steps, ranks))
    # A dataset of its own: the one that is trained on would go on with the next order of images.
    sheets = create_batch_sheets(config, create_training_dataset(config, records, 0, ranks))
    for name, sheet in zip((WITH_BOXES, WITH_MATCHES), sheets):
        save_image(Path(config.output_path) / name, sheet)


def create_callbacks(config, train_step, evaluation, learning_rates, rank, ranks):
    """Log, checkpoints, evaluation and what there is to watch; all but the log on the first rank only."""
    output = Path(config.output_path)
    results = Results(output / "results.csv") if rank == 0 else None
    callbacks = [TrainingLog(config.batch_size * ranks, learning_rates, results)]
    checkpoints = evaluator = None
    if rank == 0:
        checkpoints = SaveCheckpoint(output / f"ckpt_{rank}", config.save_checkpoint_epochs, config.keep_checkpoint_max)
        callbacks.append(checkpoints)
        if evaluation:
            evaluator = _create_evaluator(config, train_step, evaluation, checkpoints.directory, results)
            callbacks.append(evaluator)
        callbacks.append(PlotResults(results))
        if config.tensorboard:
            pictures = {name: load_image(output / name) for name in (WITH_BOXES, WITH_MATCHES)}
            callbacks.append(TensorBoard(output / "tensorboard", results, pictures))
        callbacks.append(EndSummary(output, checkpoints, evaluator, sys.argv[1:], config.model_name))
    if config.early_stopping:
        callbacks.append(StopTogether(evaluator, FirstRankDecides(rank, ranks).of))
    return callbacks


def _create_evaluator(config, train_step, evaluation, folder, results):
    average = train_step.average
    inference_net = average.inference_net if average else build_inference_net(config, train_step.network.network)
    return EvalCallback(
        lambda: evaluation(network_predictor(inference_net), config.batch_size),
        inference_net,
        start=config.eval_start_epoch,
        interval=config.eval_interval,
        best_path=folder / "best_map.ckpt" if config.save_best_ckpt else None,
        results=results,
        weights=average.checkpoint if average else None,
        patience=config.early_stopping,
    )
