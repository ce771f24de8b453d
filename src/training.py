"""The parts of a training run, as the configuration describes them."""
from pathlib import Path

from src.box_utils import build_box_coder
from src.checkpoint import SaveCheckpoint
from src.dataset import create_ssd_dataset
from src.eval_callback import EvalCallback
from src.predictors import network_predictor
from src.ssd import build_inference_net, build_training_net, get_model, load_backbone, load_weights
from src.train_log import Results, TrainingLog


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
    )


def create_network(config):
    """The network with its loss, and with the weights that training begins from."""
    net = build_training_net(config)
    if config.feature_extractor_base_param:
        model = get_model(config.model_name)
        load_backbone(net, config.feature_extractor_base_param, model.backbone_path, config.pretrain_vgg_bn)
    if config.pre_trained:
        load_weights(net, config.pre_trained, drop=config.checkpoint_filter_list if config.filter_weight else ())
    return net


def create_callbacks(config, net, evaluation, learning_rates, rank, ranks):
    """Log, checkpoints and evaluation; the last two on the first rank only."""
    results = Results(Path(config.output_path) / "results.csv") if rank == 0 else None
    callbacks = [TrainingLog(config.batch_size * ranks, learning_rates, results)]
    if rank != 0:
        return callbacks
    folder = Path(config.output_path) / f"ckpt_{rank}"
    callbacks.append(SaveCheckpoint(folder, config.save_checkpoint_epochs, config.keep_checkpoint_max))
    if evaluation:
        inference_net = build_inference_net(config, net.network)
        callbacks.append(
            EvalCallback(
                lambda: evaluation(network_predictor(inference_net)),
                inference_net,
                start=config.eval_start_epoch,
                interval=config.eval_interval,
                best_path=folder / "best_map.ckpt" if config.save_best_ckpt else None,
                results=results,
            )
        )
    return callbacks
