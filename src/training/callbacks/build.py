"""The callbacks of a training run, in their order."""
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import mindspore as ms
import numpy as np

from src.config import Config
from src.dataset import Shard, batch_image_ids, load_image
from src.evaluation.evaluator import Evaluation
from src.inference.network import NetworkPredictor
from src.runtime.distributed import FirstRankDecides, Ranks
from src.runtime.signals import StopSignals
from src.ssd import build_inference_net
from src.training.callbacks.checkpoint import KeptCheckpoints, MarkEpochDone, SaveCheckpoint
from src.training.callbacks.early_stopping import EarlyStopping
from src.training.callbacks.evaluate import EvalCallback, unless_stopped
from src.training.callbacks.export_best import MODEL_FILE, PICTURES_FOLDER, AtEnd, draw_best, export_best
from src.training.callbacks.log import TrainingLog
from src.training.callbacks.results_plot import PlotResults
from src.training.callbacks.summary import EndSummary
from src.training.callbacks.tensorboard import TensorBoard
from src.training.data import TrainingData, build_order
from src.training.earlier_results import keep_earlier_once
from src.training.output_folder import RESULTS_FILE, WITH_BOXES, WITH_MATCHES, checkpoint_folder
from src.training.results import Results, keep_earlier_results
from src.training.resume import Resume, checkpoint_prefix, create_settings
from src.training.run_record import LossScaleState, Resumable, RunRecord, name_run
from src.training.step import TrainingWrapper
from src.utils.files import keep_earlier
from src.weights.run_settings import BEST_CHECKPOINT
from src.weights.thresholds_file import keep_earlier_checkpoint


def build_callbacks(config: Config, data: TrainingData, train_step: TrainingWrapper, learning_rates: np.ndarray,
                    signals: StopSignals, ranks: Ranks, resume: Resume | None) -> tuple[list[ms.Callback], RunRecord]:
    """Log and early stopping on all ranks; checkpoints, evaluation and what there is to see on the first one.

    Args: as for `build_loop`.

    Returns:
        The callbacks, and the `RunRecord` that restores what they have counted.
    """
    decide = FirstRankDecides(ranks).of
    output, folder = Path(config.output_path), checkpoint_folder(config.output_path)
    keep_results = partial(keep_earlier_once, keep=keep_earlier_results, checkpoints=folder)
    results = Results(output / RESULTS_FILE, keep_results) if ranks.is_first else None
    log = _build_log(config, data, learning_rates, results, ranks)
    parts: dict[str, Resumable] = {"log": log, "step": LossScaleState(train_step)}
    settings, run = create_settings(config), name_run(config, resume, ranks)
    if results is None:
        stopping = [EarlyStopping(None, decide)] if config.early_stopping else []
        return [log, *stopping], RunRecord(run, settings, parts, data.made_from)

    continued = resume if resume and resume.state["run"] == run else None
    checkpoints = KeptCheckpoints(folder, config.keep_checkpoint_max, checkpoint_prefix(folder, continued))
    parts |= {"results": results, "checkpoints": checkpoints}
    evaluation = None
    if data.evaluation:
        best_path = checkpoints.directory / BEST_CHECKPOINT if config.save_best_ckpt else None
        evaluation = _build_eval_callback(config, data.evaluation, train_step, best_path, results, signals)
        parts["evaluation"] = evaluation
    record = RunRecord(run, settings, parts, data.made_from)

    save = SaveCheckpoint(checkpoints, config.save_checkpoint_epochs, record)
    summary = EndSummary(output, checkpoints, evaluation, config.model_name)
    callbacks = [
        log,  # adds the row of the epoch to the results, and ends a run that has diverged before that is saved
        save,  # before the evaluation, so that a kill meanwhile costs no training
        evaluation,  # adds the mAP to the row
        PlotResults(results),
        _build_tensorboard(output, results, continued) if config.tensorboard else None,
        summary,  # names the files that are written by then
        # These take long; the summary is there to read meanwhile.
        AtEnd(MODEL_FILE, lambda: export_best(config, summary.checkpoint)) if config.export_best else None,
        AtEnd(PICTURES_FOLDER, lambda: draw_best(config)) if config.export_best else None,
        EarlyStopping(evaluation, decide) if config.early_stopping else None,  # asks what the evaluation wants
        MarkEpochDone(save),  # when all others have finished the epoch
    ]
    return [callback for callback in callbacks if callback is not None], record


def _build_log(config: Config, data: TrainingData, learning_rates: np.ndarray, results: Results | None,
               ranks: Ranks) -> TrainingLog:
    shard = Shard(ranks.rank, ranks.size)

    def find_images(epoch: int, step: int) -> Sequence[int]:
        return batch_image_ids(data.records.path, config.batch_size, epoch - 1, step - 1, config.seed, shard,
                               build_order(config, data.records))

    return TrainingLog(config.batch_size * ranks.size, learning_rates, results, find_images=find_images)


def _build_eval_callback(config: Config, evaluation: Evaluation, train_step: TrainingWrapper, best_path: Path | None,
                         results: Results, signals: StopSignals) -> EvalCallback:
    ema = train_step.ema
    inference_net = ema.inference_net if ema is not None else build_inference_net(config, train_step.network.network)
    predict = unless_stopped(NetworkPredictor(inference_net), signals)
    return EvalCallback(
        lambda: evaluation(predict, config.batch_size),
        inference_net,
        start=config.eval_start_epoch,
        interval=config.eval_interval,
        best_path=best_path,
        results=results,
        best_weights=ema.checkpoint if ema is not None else None,
        patience=config.early_stopping,
        keep=partial(keep_earlier_once, keep=keep_earlier_checkpoint,
                     checkpoints=checkpoint_folder(config.output_path)),
    )


def _build_tensorboard(output: Path, results: Results, continued: Resume | None) -> TensorBoard:
    folder = output / "tensorboard"
    if continued is None:  # TensorBoard would draw the curves of both runs as one
        keep_earlier(folder)
    pictures = {name: load_image(output / name) for name in (WITH_BOXES, WITH_MATCHES)}
    return TensorBoard(folder, results, pictures, continued.next_step[0] + 1 if continued else None)
