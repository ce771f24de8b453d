"""Evaluation during training."""
import contextlib
import logging

import mindspore as ms

from src.evaluation import format_result
from src.weights.checkpoint_file import save_checkpoint

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def evaluation_mode(net):
    """Context manager: `net` in evaluation mode, and back, each of its cells, in the mode that it was in."""
    modes = [(cell, cell.training) for _, cell in net.cells_and_names()]  # a parent before those in it
    net.set_train(False)
    try:
        yield net
    finally:
        for cell, training in modes:
            cell.set_train(training)


class EvaluationLeftOutError(Exception):
    """An evaluation was given up, because the run has to end; a run that goes on begins with it."""


def unless_stopped(predict, signals):
    """`predict`, a callable, that raises `EvaluationLeftOutError` once `StopSignals` have seen a signal."""

    def predict_or_stop(*inputs):
        if signals.number:
            raise EvaluationLeftOutError
        return predict(*inputs)

    return predict_or_stop


class EvalCallback(ms.Callback):
    """Evaluates every few epochs and keeps the best checkpoint.

    Args:
        evaluation: callable without arguments -> `EvalResult`.
        net: inference network, put into evaluation mode meanwhile; it shares its parameters with the training network.
        start, interval: first epoch with an evaluation, and epochs between two.
        best_path: file of the best checkpoint; None keeps none.
        weights: function -> what that holds; None for the parameters of the training network.
        evaluation may raise `EvaluationLeftOutError`, when the run has to end.
        patience: ask to end the run after so many evaluations without a better mAP; 0 never does.
        results: `Results` to add the numbers to; None for none.
    """

    def __init__(self, evaluation, net, start, interval, best_path=None, results=None, weights=None, patience=0):
        super().__init__()
        self.evaluation = evaluation
        self.net = net
        self.start = start
        self.interval = interval
        self.best_path = best_path
        self.results = results
        self.weights = weights
        self.patience = patience
        self.since_better = 0
        self.wants_end = False
        self.best = None  # (mAP, epoch)

    def state(self):
        """The best mAP with its epoch, and how far early stopping has counted, for a run that goes on."""
        return {"best": self.best, "since_better": self.since_better, "wants_end": self.wants_end}

    def restore(self, value):
        """Goes on from what `state` gave."""
        self.best = value["best"] and tuple(value["best"])
        self.since_better, self.wants_end = value["since_better"], value["wants_end"]

    def on_train_epoch_end(self, run_context):
        params = run_context.original_args()
        epoch = params.cur_epoch_num
        if epoch < self.start or (epoch - self.start) % self.interval:
            return
        try:
            with evaluation_mode(self.net):
                result = self.evaluation()
        except EvaluationLeftOutError:
            params.end_left_out = True
            logger.info("the evaluation of epoch %d is left for later", epoch)
            return
        logger.info("%s", format_result(result))
        if self.results is not None:
            self.results.add(epoch, mAP=result.map, AP50=result.stats[result.protocol][1], protocol=result.protocol)
        self.since_better = 0 if self.best is None or result.map > self.best[0] else self.since_better + 1
        if self.patience and self.since_better >= self.patience:
            logger.info("early_stopping: no better mAP in %d evaluations, the run ends", self.patience)
            self.wants_end = True
        if self.best is None or result.map >= self.best[0]:
            self.best = (result.map, epoch)
            if self.best_path is not None:
                save_checkpoint(self.weights() if self.weights else params.train_network, self.best_path)
                logger.info("best so far, saved as %s", self.best_path)

    def on_train_end(self, run_context):
        if self.best is not None:
            logger.info("best mAP: %s at epoch %d", *self.best)
