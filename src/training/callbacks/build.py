"""The callbacks of a training run, in their order."""
from pathlib import Path

from src.dataset import Shard, batch_image_ids, load_image
from src.inference.network import NetworkPredictor
from src.runtime.distributed import FirstRankDecides
from src.ssd import build_inference_net
from src.training.callbacks.checkpoint import EpochDone, SaveCheckpoint
from src.training.callbacks.early_stopping import StopTogether
from src.training.callbacks.evaluate import EvalCallback, unless_stopped
from src.training.callbacks.export_best import Deliver, create_delivery
from src.training.callbacks.log import TrainingLog
from src.training.callbacks.results_plot import PlotResults
from src.training.callbacks.summary import EndSummary
from src.training.callbacks.tensorboard import TensorBoard
from src.training.output_folder import CONFIG_FILE, WITH_BOXES, WITH_MATCHES
from src.training.results import Results
from src.training.resume import checkpoint_folder


def create_callbacks(config, records, train_step, evaluation, learning_rates, signals, ranks, resume=None):
    """Log, checkpoints, evaluation and what there is to watch; all but the log on the first rank only.

    Returns:
        The callbacks, and by name those with a state that a run needs to go on.
    """
    output = Path(config.output_path)
    results = Results(output / "results.csv") if ranks.is_first else None
    shard = Shard(ranks.rank, ranks.size)
    log = TrainingLog(config.batch_size * ranks.size, learning_rates, results, find_images=lambda epoch, step: (
        batch_image_ids(records.path, config.batch_size, epoch - 1, step - 1, config.seed, shard)))
    callbacks, parts = [log], {"log": log}
    checkpoints = evaluator = None
    if ranks.is_first:
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
        callbacks.append(StopTogether(evaluator, FirstRankDecides(ranks).of))
    if checkpoints:
        callbacks.append(EpochDone(checkpoints))
    return callbacks, parts


def _create_evaluator(config, train_step, evaluation, folder, results, signals):
    average = train_step.average
    inference_net = average.inference_net if average else build_inference_net(config, train_step.network.network)
    return EvalCallback(
        lambda: evaluation(unless_stopped(NetworkPredictor(inference_net), signals), config.batch_size),
        inference_net,
        start=config.eval_start_epoch,
        interval=config.eval_interval,
        best_path=folder / "best_map.ckpt" if config.save_best_ckpt else None,
        results=results,
        weights=average.checkpoint if average else None,
        patience=config.early_stopping,
    )
