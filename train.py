"""Trains a detector: `python train.py --config_path config/ssd300_config.yaml [--key=value ...]`."""
import logging

from src.config import load_config
from src.dataset import create_mindrecord, with_class_names
from src.dataset_check import check_dataset
from src.evaluation.evaluator import Evaluation
from src.runtime import device, distributed
from src.runtime.cli import entry_point
from src.runtime.environment import get_device_id, get_rank_id, is_scheduler
from src.runtime.modelarts import cloud_copy
from src.runtime.signals import StopSignals, exit_code
from src.ssd import get_model
from src.training import auto_settings, output_folder, trainer
from src.training.optimizer import build_train_step, create_learning_rates
from src.training.resume import create_resumed_config, find_resume

logger = logging.getLogger("train")


@entry_point
def main(argv=None):
    config = load_config(argv, for_training=True)
    if is_scheduler():
        distributed.serve_as_scheduler()
        return
    with cloud_copy(config):
        train(config)


def train(config):
    get_model(config.model_name)  # errors of the user come before time is spent on the data
    trainer.check_weight_paths(config)
    config = with_class_names(config)

    if config.check_dataset:
        device.set_up_device("CPU", cpu_threads=config.cpu_threads, seed=config.seed)
        logger.info("%s", check_dataset(config))
        return

    if not (config.only_create_dataset or config.benchmark_data):
        device.check_device(config.device_target)
    # Ranks of one machine wait here for the first that converts.
    records = create_mindrecord(config, is_training=True)
    evaluation = Evaluation(config, protocols=()) if config.run_eval and get_rank_id() == 0 else None
    if config.only_create_dataset:
        return

    if config.benchmark_data:
        logger.info("%s", trainer.measure_data_pipeline(config, records))
        return

    with output_folder.reserve_output_folder(config):
        stopped_by = fit(config, records, evaluation)
    distributed.end_process(exit_code(stopped_by))


def fit(config, records, evaluation):
    launched = config.run_distribute or config.enable_modelarts
    device_id = get_device_id() if launched else config.device_id
    device.set_up_device(config.device_target, device_id, config.cpu_threads, config.seed)
    ranks = distributed.set_up_ranks(config.run_distribute, config.all_reduce_fusion_config, config.device_num)
    resume = find_resume(config, ranks)
    net = trainer.build_network(config)
    config = create_resumed_config(config, resume)
    config = auto_settings.resolve_sizes(config, records.num_images, net.network, ranks)
    dataset = trainer.build_training_dataset(config, records, ranks, resume)
    learning_rates = create_learning_rates(config, dataset.get_dataset_size(), ranks.size)
    train_step = build_train_step(config, net, learning_rates)
    if ranks.is_first:
        trainer.save_run_preview(config, net, records, evaluation, dataset.get_dataset_size(), ranks)

    with StopSignals("the step") as signals, device.profiling(config.enable_profiling and config.output_path):
        return trainer.create_run(config, records, train_step, dataset, evaluation, learning_rates, signals, ranks,
                                  resume).run()


if __name__ == "__main__":
    main()
