"""Trains a detector: `python train.py --config_path config/ssd300_config.yaml [--key=value ...]`."""
import contextlib
import logging
from pathlib import Path

import mindspore as ms

from src import training
from src.data_check import create_data_check
from src.dataset import create_mindrecord
from src.evaluation import create_evaluation
from src.model_utils.config import load_config
from src.model_utils.device_adapter import profiling, serve_as_scheduler, set_up_device, set_up_ranks
from src.model_utils.entry import entry_point
from src.model_utils.local_adapter import get_device_id, get_rank_id, is_scheduler
from src.model_utils.moxing_adapter import create_cloud_copy
from src.ssd import find_checkpoint, get_model
from src.train_step import build_train_step, create_learning_rates

logger = logging.getLogger("train")


@entry_point
def main(argv=None):
    config = load_config(argv)
    if is_scheduler():
        serve_as_scheduler()
        return
    with create_cloud_copy(config):
        train(config)


def train(config):
    get_model(config.model_name)  # errors of the user come before time is spent on the data
    for key in ("pre_trained", "feature_extractor_base_param"):
        if getattr(config, key):
            find_checkpoint(getattr(config, key), config.checkpoint_path, key)

    if config.check_dataset:
        set_up_device("CPU", cpu_threads=config.cpu_threads, seed=config.seed)
        logger.info("%s", create_data_check(config))
        return

    # Ranks of one machine wait here for the first that converts.
    records = create_mindrecord(config, is_training=True)
    evaluation = create_evaluation(config, protocols=()) if config.run_eval and get_rank_id() == 0 else None
    if config.only_create_dataset:
        return

    if config.benchmark_data:
        logger.info("%s", training.create_data_report(config, records))
        return

    launched = config.run_distribute or config.enable_modelarts
    device_id = get_device_id() if launched else config.device_id
    set_up_device(config.device_target, device_id, config.cpu_threads, config.seed)
    rank, ranks = set_up_ranks(config.run_distribute, config.all_reduce_fusion_config, config.device_num)
    net = training.create_network(config)
    config = training.create_batch_size(config, net, records.num_images, rank, ranks)
    dataset = training.create_training_dataset(config, records, rank, ranks)
    steps = dataset.get_dataset_size()
    learning_rates = create_learning_rates(config, steps)
    train_step = build_train_step(config, net, learning_rates)
    if rank == 0:
        training.create_first_look(config, net, records, evaluation, steps, ranks)
    callbacks = training.create_callbacks(config, train_step, evaluation, learning_rates, rank, ranks)

    with profiling(Path(config.output_path) / "profile") if config.enable_profiling else contextlib.nullcontext():
        ms.Model(train_step).train(
            config.epoch_size,
            dataset,
            callbacks=callbacks,
            dataset_sink_mode=config.mode_sink == "sink" and config.device_target != "CPU",
            initial_epoch=config.pre_trained_epoch_size,
        )


if __name__ == "__main__":
    main()
