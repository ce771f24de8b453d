"""Trains a detector: `python train.py --config_path config/ssd300_config.yaml [--key=value ...]`."""
import contextlib
import logging
from pathlib import Path

import mindspore as ms

from src.box_utils import build_box_coder
from src.checkpoint import SaveCheckpoint
from src.dataset import create_mindrecord, create_ssd_dataset
from src.eval_callback import EvalCallback
from src.evaluation import create_evaluation, network_predictor
from src.model_utils.config import load_config
from src.model_utils.device_adapter import profiling, set_up_device, set_up_ranks
from src.model_utils.entry import entry_point
from src.ssd import build_inference_net, build_training_net, get_model, load_backbone, load_weights
from src.train_log import Results, TrainingLog
from src.train_step import build_train_step, create_learning_rates

logger = logging.getLogger("train")


@entry_point
def main(argv=None):
    config = load_config(argv)
    records = create_mindrecord(config, is_training=True)
    evaluation = create_evaluation(config, protocols=()) if config.run_eval else None
    if config.only_create_dataset:
        return

    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    rank, ranks = set_up_ranks(config.run_distribute, config.all_reduce_fusion_config)
    dataset = create_ssd_dataset(
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
    )
    steps = dataset.get_dataset_size()

    net = build_training_net(config)
    if config.feature_extractor_base_param:
        backbone_path = get_model(config.model_name).backbone_path
        load_backbone(net, config.feature_extractor_base_param, backbone_path, config.pretrain_vgg_bn)
    if config.pre_trained:
        load_weights(net, config.pre_trained, drop=config.checkpoint_filter_list if config.filter_weight else ())
    learning_rates = create_learning_rates(config, steps)
    train_step = build_train_step(config, net, learning_rates)

    checkpoints = Path(config.output_path) / f"ckpt_{rank}"
    results = Results(Path(config.output_path) / "results.csv") if rank == 0 else None
    callbacks = [TrainingLog(config.batch_size * ranks, learning_rates, results)]
    if rank == 0:
        callbacks.append(SaveCheckpoint(checkpoints, config.save_checkpoint_epochs, config.keep_checkpoint_max))
        if evaluation:
            inference_net = build_inference_net(config, net.network)
            callbacks.append(
                EvalCallback(
                    lambda: evaluation(network_predictor(inference_net)),
                    inference_net,
                    start=config.eval_start_epoch,
                    interval=config.eval_interval,
                    best_path=checkpoints / "best_map.ckpt" if config.save_best_ckpt else None,
                    results=results,
                )
            )
    logger.info(
        "%s: %d images, %d steps an epoch, epochs %d to %d, output in %s",
        config.model_name, records.num_images, steps, config.pre_trained_epoch_size + 1, config.epoch_size, checkpoints,
    )
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
