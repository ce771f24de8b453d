"""Trains a detector: `python train.py --config_path config/ssd300_config.yaml [--key=value ...]`."""
import logging
from collections.abc import Sequence

from src.config import Config, load_config
from src.dataset import MindRecordSet, create_mindrecord, with_found_data
from src.dataset.reading_once import annotations_read_once
from src.dataset_check import check_dataset
from src.evaluation.evaluator import Evaluation
from src.runtime import device, distributed
from src.runtime.cli import entry_point
from src.runtime.environment import get_rank_id, is_scheduler
from src.runtime.modelarts import cloud_copy
from src.runtime.signals import StopSignals, exit_code
from src.ssd import get_model
from src.training import data, trainer
from src.training.auto_input import with_choices_by_size
from src.training.optimizer import build_train_step, create_learning_rates
from src.training.output_folder import reserve_output_folder
from src.training.resume import find_resume

logger = logging.getLogger("train")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(argv, for_training=True)
    trainer.check_launcher(config)
    if is_scheduler():
        distributed.serve_as_scheduler()
        return
    with cloud_copy(config):
        stopped_by = run(config)
    distributed.end_process(exit_code(stopped_by))


def run(config: Config) -> int:
    """Returns the number of the signal that ended the training, or 0."""
    get_model(config.model_name)  # errors of the user come before time is spent on the data
    trainer.find_weight_files(config)
    with annotations_read_once():
        config = with_choices_by_size(with_found_data(config))
        if config.check_dataset:
            device.set_up_device("CPU", cpu_threads=config.cpu_threads, seed=config.seed)
            logger.info("%s", check_dataset(config))
            return 0

        if not (config.only_create_dataset or config.benchmark_data):
            device.check_device(config.device_target)
        # Ranks of one machine wait here for the first that converts.
        records = create_mindrecord(config, is_training=True)
        evaluation = Evaluation(config, protocols=()) if config.run_eval and get_rank_id() == 0 else None
    if config.only_create_dataset:
        return 0
    if config.benchmark_data:
        logger.info("%s", data.measure_data_pipeline(config, records))
        return 0

    with reserve_output_folder(config):
        return train(config, records, evaluation)


def train(config: Config, records: MindRecordSet, evaluation: Evaluation | None) -> int:
    """Returns what `run` returns."""
    ranks = trainer.set_up_device_and_ranks(config)
    resume = find_resume(config, ranks)
    net = trainer.build_network(config, None if resume else records)
    config = trainer.resolve_auto(config, net, records, ranks, resume)
    training_data = data.TrainingData(records, data.build_training_batches(config, records, ranks, resume), evaluation)
    learning_rates = create_learning_rates(config, training_data.steps_per_epoch, ranks.size)
    train_step = build_train_step(config, net, learning_rates, ranks.size)
    if ranks.is_first:
        trainer.save_run_preview(config, net, training_data, ranks, resume)

    with StopSignals("the step") as signals, device.profiling(config.output_path if config.enable_profiling else ""):
        return trainer.build_loop(config, training_data, train_step, learning_rates, signals, ranks, resume).run()


if __name__ == "__main__":
    main()
