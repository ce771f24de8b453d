"""Trains a detector: `python train.py --config_path config/ssd300_config.yaml [--key=value ...]`."""
import contextlib
import logging
from pathlib import Path

import mindspore as ms

from src.dataset import create_mindrecord
from src.evaluation import create_evaluation
from src.model_utils.config import load_config
from src.model_utils.device_adapter import profiling, set_up_device, set_up_ranks
from src.model_utils.entry import entry_point
from src.ssd import find_checkpoint, get_model
from src.train_step import build_train_step, create_learning_rates
from src.training import create_callbacks, create_network, create_training_dataset

logger = logging.getLogger("train")


@entry_point
def main(argv=None):
    config = load_config(argv)
    get_model(config.model_name)  # errors of the user come before time is spent on the data
    for key in ("pre_trained", "feature_extractor_base_param"):
        if getattr(config, key):
            find_checkpoint(getattr(config, key), key=key)

    records = create_mindrecord(config, is_training=True)
    evaluation = create_evaluation(config, protocols=()) if config.run_eval else None
    if config.only_create_dataset:
        return

    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    rank, ranks = set_up_ranks(config.run_distribute, config.all_reduce_fusion_config)
    dataset = create_training_dataset(config, records, rank, ranks)
    steps = dataset.get_dataset_size()
    learning_rates = create_learning_rates(config, steps)
    net = create_network(config)
    train_step = build_train_step(config, net, learning_rates)
    callbacks = create_callbacks(config, net, evaluation, learning_rates, rank, ranks)

    logger.info("%s: %d images, %d steps an epoch, epochs %d to %d, output in %s", config.model_name,
                records.num_images, steps, config.pre_trained_epoch_size + 1, config.epoch_size, config.output_path)
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
