"""Evaluation during training."""
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mindspore as ms
from mindspore import nn

from src.evaluation import EvalResult, format_result
from src.layers.modes import evaluation_mode
from src.runtime.signals import StopSignals
from src.training.results import Results
from src.training.run_state import RunContext
from src.weights import save_checkpoint
from src.weights.thresholds_file import keep_earlier_checkpoint, write_thresholds

logger = logging.getLogger(__name__)


class EvaluationInterruptedError(Exception):
    """An evaluation was given up, because the run has to end; a resumed run begins with it."""


def unless_stopped(predict: Callable[..., Any], signals: StopSignals) -> Callable[..., Any]:
    """`predict`, which raises `EvaluationInterruptedError` once there was a signal."""

    def predict_or_stop(*inputs: Any) -> Any:
        if signals.number:
            raise EvaluationInterruptedError
        return predict(*inputs)

    return predict_or_stop


class EvalCallback(ms.Callback):
    """Evaluates every few epochs and keeps the best checkpoint, with its confidence thresholds beside it.

    Args:
        evaluation: callable without arguments -> `EvalResult`. It may raise `EvaluationInterruptedError`.
        net: inference network, in evaluation mode meanwhile; it shares its parameters with the training network.
        start, interval: first epoch with an evaluation, and epochs between two.
        best_path: file of the best checkpoint; None keeps none.
        results: `Results` to add the numbers to; None for none.
        best_weights: function -> what the best checkpoint holds; None for the parameters of the training network.
        patience: ask to end the run after so many evaluations without a better mAP; 0 never does.
        keep: called with `best_path` before the file is first written; it renames that of an earlier run.

    Attributes:
        best: mAP and epoch of the best evaluation, None before the first.
        wants_end: early stopping asks to end the run.
    """

    makes = "the evaluation"

    def __init__(self, evaluation: Callable[[], EvalResult], net: nn.Cell, start: int, interval: int,
                 best_path: Path | None = None, results: Results | None = None,
                 best_weights: Callable[[], Any] | None = None, patience: int = 0,
                 keep: Callable[[Path], None] = keep_earlier_checkpoint):
        super().__init__()
        self.evaluation = evaluation
        self.net = net
        self.start = start
        self.interval = interval
        self.best_path = best_path
        self.results = results
        self.best_weights = best_weights
        self.patience = patience
        self.keep = keep
        self.is_written = False
        self.since_better = 0
        self.wants_end = False
        self.best: tuple[float, int] | None = None

    def state(self) -> dict[str, Any]:
        """The best mAP with its epoch, and how far early stopping has counted, for a resumed run."""
        return {"best": self.best, "since_better": self.since_better, "wants_end": self.wants_end}

    def restore(self, value: dict[str, Any]) -> None:
        """Takes over what `state` returned; the best mAP only where its checkpoint still has its name."""
        best = value["best"]
        is_there = self.best_path is None or self.best_path.is_file()
        self.best = (float(best[0]), int(best[1])) if best is not None and is_there else None
        self.since_better, self.wants_end = int(value["since_better"]), bool(value["wants_end"])

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        epoch = state.cur_epoch_num
        if epoch < self.start or (epoch - self.start) % self.interval:
            return
        try:
            with evaluation_mode(self.net):
                result = self.evaluation()
        except EvaluationInterruptedError:
            state.epoch_end_incomplete = True
            logger.info("the evaluation of epoch %d is left for later", epoch)
            return
        logger.info("%s", format_result(result))
        if self.results is not None:
            self.results.add(epoch, mAP=result.map, AP50=result.stats[result.protocol][1], protocol=result.protocol)
        is_better = self.best is None or result.map > self.best[0]
        if self.best is None or result.map >= self.best[0]:
            if self.best_path is not None:
                if not self.is_written:
                    self.keep(self.best_path)
                    self.is_written = True
                save_checkpoint(self.best_weights() if self.best_weights else state.train_network, self.best_path)
                write_thresholds(self.best_path, result.thresholds)
                logger.info("best so far, saved as %s", self.best_path)
            self.best = (result.map, epoch)  # after the files: where they cannot be written, they are those of before
        self.since_better = 0 if is_better else self.since_better + 1
        if self.patience and self.since_better >= self.patience:
            logger.info("early_stopping: no better mAP in %d evaluations, the run ends", self.patience)
            self.wants_end = True

    def on_train_end(self, run_context: RunContext) -> None:
        if self.best is not None:
            logger.info("best mAP: %s at epoch %d", *self.best)
