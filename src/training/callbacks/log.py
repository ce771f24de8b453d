"""Log lines and a progress bar; and the check that the loss is a number."""
import logging
import math
import sys
import time

import mindspore as ms
import numpy as np
from tqdm import tqdm

from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# What a loss network gives beside the loss, see `SSDWithLossCell.with_parts`.
PARTS = ("classification_loss", "localisation_loss")
DIVERGED = ("the run has diverged and stops. Lower lr, lengthen warmup_epochs, clip the gradients (use_global_norm), "
            "or look for broken boxes in the data; the last checkpoint is from before.")
OVERFLOW = ("the run stops. With dynamic_loss_scale: True it finds a factor of the loss with which they do not; the "
            "last checkpoint is from before.")


class TrainingLog(ms.Callback):
    """Log lines of each step and epoch, or a progress bar when the output is a terminal.

    A loss that is not finite ends the run with a `UserError`.

    Args:
        batch_size: images of a step, over all ranks.
        learning_rates: one value for each step.
        results: `Results` to add a row to after each epoch; None for none.
        terminal: show a progress bar instead of a line for each step; None asks stderr.
        find_images: function (epoch, step), counted from 1 -> ids of the images of that batch, for the error; None for
            no such function.
    """

    def __init__(self, batch_size, learning_rates, results=None, terminal=None, find_images=None):
        super().__init__()
        self.batch_size = batch_size
        self.results = results
        self.terminal = sys.stderr.isatty() if terminal is None else terminal
        self.learning_rates = learning_rates
        self.find_images = find_images
        self.bar = None
        self.losses, self.parts, self.epoch_start = [], [], time.perf_counter()
        self._before = ([], [], 0.0)  # of the epoch in which a run goes on

    def state(self):
        """Losses and seconds of the epoch so far, for a run that goes on."""
        return {"losses": self.losses, "parts": self.parts, "seconds": time.perf_counter() - self.epoch_start}

    def restore(self, value):
        """Goes on in the epoch in which `state` was taken, or begins another one."""
        self._before = (value["losses"], value["parts"], value["seconds"])

    def on_train_begin(self, run_context):
        params = run_context.original_args()
        self.run_start, self.steps_before = time.perf_counter(), params.cur_step_num
        if getattr(params, "epoch_done", False):
            self._before = ([], [], 0.0)

    def on_train_epoch_begin(self, run_context):
        params = run_context.original_args()
        self.losses, self.parts, seconds = self._before
        self.epoch_start = time.perf_counter() - seconds
        self._before = ([], [], 0.0)
        if self.terminal:
            description = f"epoch {params.cur_epoch_num}"
            self.bar = tqdm(total=params.batch_num, desc=description, unit="step", leave=False, file=sys.stderr,
                            initial=len(self.losses))

    def on_train_step_end(self, run_context):
        params = run_context.original_args()
        step = (params.cur_step_num - 1) % params.batch_num + 1
        outputs = params.net_outputs if isinstance(params.net_outputs, (tuple, list)) else (params.net_outputs,)
        loss, *parts = (float(output.asnumpy()) for output in outputs)
        if not math.isfinite(loss):
            self._close_bar()
            raise UserError(self._divergence(params, step, loss, parts))
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
        steps_left = len(self.learning_rates) - params.cur_step_num
        steps = max(params.cur_step_num - self.steps_before, 1)
        return _duration((time.perf_counter() - self.run_start) / steps * steps_left)

    def _divergence(self, params, step, loss, parts):
        what, hint = f"the loss is {loss}", DIVERGED
        if parts and all(map(math.isfinite, parts)):  # see `check_gradients` of `TrainingWrapper`
            what, hint = f"the loss is {sum(parts):.6g} and its gradients overflow", OVERFLOW
        where = (f"{what} at epoch {params.cur_epoch_num}, step {step} of {params.batch_num} (learning "
                 f"rate {self._rate(params):.6g})")
        images = self.find_images and self.find_images(params.cur_epoch_num, step)
        if not images:
            return f"{where}: {hint}"
        broken = _broken_samples(getattr(params, "train_dataset_element", None) or ())
        if broken:
            named = ", ".join(str(images[index]) for index in sorted(broken))
            return (f"{where}: the inputs made from the images with the ids {named} hold numbers that are not finite. "
                    "Look for broken boxes in their annotations; the last checkpoint is from before.")
        return f"{where}, images with the ids {', '.join(map(str, images))}: {hint}"

    def _close_bar(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _broken_samples(inputs):
    """Indexes of the samples in a batch, a tuple of tensors, that hold numbers that are not finite."""
    broken = set()
    for tensor in inputs:
        values = tensor.asnumpy()
        if values.dtype.kind == "f":
            broken |= set(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1)).tolist())
    return broken


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
