"""Ends all ranks together when the first one wants to stop."""
import mindspore as ms


class StopTogether(ms.Callback):
    """Ends the run on all ranks after an epoch in which the first rank wants it.

    Args:
        evaluation: the `EvalCallback` of the first rank, which comes before this one; None on the others.
        decide: a number -> that of the first rank, see `FirstRankDecides.of`.
    """

    def __init__(self, evaluation, decide):
        super().__init__()
        self.evaluation = evaluation
        self.decide = decide

    def on_train_epoch_end(self, run_context):
        if self.decide(int(self.evaluation is not None and self.evaluation.wants_end)):
            run_context.request_stop()
