"""What a training run tells: log lines, a progress bar, `results.csv`; and the check that the loss is a number."""
import csv
import logging
import math
import sys
import time
from pathlib import Path

import mindspore as ms
from tqdm import tqdm

from src.model_utils.errors import UserError
from src.model_utils.files import whole_file

logger = logging.getLogger(__name__)

COLUMNS = ("epoch", "step", "loss", "learning_rate", "seconds", "images_per_second", "mAP", "AP50", "protocol",
           "classification_loss", "localisation_loss")
# What a loss network gives beside the loss, see `SSDWithLossCell.with_parts`.
PARTS = ("classification_loss", "localisation_loss")


class Results:
    """`results.csv`: one row per epoch, written anew after each. The file of an earlier run is kept under a number."""

    def __init__(self, path):
        self.path = Path(path)
        self.rows = {}

    def add(self, epoch, **values):
        """Adds values, named as in `COLUMNS`, to the row of an epoch."""
        if not self.rows:
            self._keep_earlier()
        self.rows.setdefault(epoch, {"epoch": epoch}).update(values)
        with whole_file(self.path) as part, open(part, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())

    def _keep_earlier(self):
        if self.path.exists():
            number = 1
            while (kept := self.path.with_name(f"{self.path.stem}-{number}{self.path.suffix}")).exists():
                number += 1
            self.path.rename(kept)


class TrainingLog(ms.Callback):
    """Log lines of each step and epoch, or a progress bar when the output is a terminal.

    A loss that is not finite ends the run with a `UserError`.

    Args:
        batch_size: images of a step, over all ranks.
        learning_rates: one value for each step.
        results: `Results` to add a row to after each epoch; None for none.
        terminal: show a progress bar instead of a line for each step; None asks stderr.
    """

    def __init__(self, batch_size, learning_rates, results=None, terminal=None):
        super().__init__()
        self.batch_size = batch_size
        self.results = results
        self.terminal = sys.stderr.isatty() if terminal is None else terminal
        self.learning_rates = learning_rates
        self.bar = None

    def on_train_begin(self, run_context):
        self.run_start = time.perf_counter()

    def on_train_epoch_begin(self, run_context):
        params = run_context.original_args()
        self.epoch_start = time.perf_counter()
        self.losses, self.parts = [], []
        if self.terminal:
            description = f"epoch {params.cur_epoch_num}"
            self.bar = tqdm(total=params.batch_num, desc=description, unit="step", leave=False, file=sys.stderr)

    def on_train_step_end(self, run_context):
        params = run_context.original_args()
        step = (params.cur_step_num - 1) % params.batch_num + 1
        outputs = params.net_outputs if isinstance(params.net_outputs, (tuple, list)) else (params.net_outputs,)
        loss, *parts = (float(output.asnumpy()) for output in outputs)
        if not math.isfinite(loss):
            self._close_bar()
            raise UserError(
                f"the loss is {loss} at epoch {params.cur_epoch_num}, step {step} of {params.batch_num} (learning rate "
                f"{self._rate(params):.6g}): the run has diverged and stops. Lower lr, lengthen warmup_epochs, or look "
                "for broken boxes in the data; the last checkpoint is from before."
            )
        self.losses.append(loss)
        self.parts.append(parts)
        if self.bar is not None:
            self.bar.update(step - self.bar.n)
            speed = self.batch_size * step / (time.perf_counter() - self.epoch_start)
            self.bar.set_postfix_str(
                f"loss {loss:.3f}, lr {self._rate(params):.5f}, {speed:.1f} images/s, run {self._left(params)} left"
            )
        else:
            logger.info("epoch: %d step: %d, loss is %s", params.cur_epoch_num, step, loss)

    def on_train_epoch_end(self, run_context):
        params = run_context.original_args()
        seconds = time.perf_counter() - self.epoch_start
        if self.bar is not None:
            self._close_bar()
            logger.info("epoch: %d step: %d, loss is %s", params.cur_epoch_num, params.batch_num, self.losses[-1])
        milliseconds = 1000 * seconds
        logger.info(
            "epoch time: %.3f ms, per step time: %.3f ms, %s left", milliseconds, milliseconds / params.batch_num,
            self._left(params),
        )
        if getattr(params.train_network, "loss_scaler", None) is not None:
            skipped = int(params.train_network.skipped_steps.asnumpy())
            logger.info("steps skipped so far because of overflow: %d", skipped)
        if self.results is not None:
            self.results.add(
                params.cur_epoch_num,
                step=params.cur_step_num,
                loss=sum(self.losses) / len(self.losses),
                learning_rate=f"{self._rate(params):.6g}",
                seconds=f"{seconds:.3f}",
                images_per_second=f"{self.batch_size * params.batch_num / seconds:.2f}",
                **{name: sum(values) / len(values) for name, values in zip(PARTS, zip(*self.parts))},
            )

    def on_train_end(self, run_context):
        self._close_bar()

    def _rate(self, params):
        return self.learning_rates[params.cur_step_num - 1]

    def _left(self, params):
        """Remaining time of the run, by the mean time of its steps so far."""
        steps_left = params.epoch_num * params.batch_num - params.cur_step_num
        return _duration((time.perf_counter() - self.run_start) / params.cur_step_num * steps_left)

    def _close_bar(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
