"""Ends all ranks together when evaluation, on the first rank, wants early stopping."""
from collections.abc import Callable

import mindspore as ms

from src.training.callbacks.evaluate import EvalCallback
from src.training.run_state import RunContext


class EarlyStopping(ms.Callback):
    """Ends the run on all ranks after an epoch in which the first rank wants it.

    Args:
        evaluation: the `EvalCallback` of the first rank, which comes before this callback; None on the other ranks.
        decide: a number -> that of the first rank, see `FirstRankDecides.of`.
    """

    def __init__(self, evaluation: EvalCallback | None, decide: Callable[[int], int]):
        super().__init__()
        self.evaluation = evaluation
        self.decide = decide

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        if self.decide(int(self.evaluation is not None and self.evaluation.wants_end)):
            run_context.request_stop()
