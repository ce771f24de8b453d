"""Log lines and a progress bar, and the check that the loss is finite."""
import logging
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import mindspore as ms
import numpy as np
from tqdm import tqdm

from src.training.results import Results
from src.training.run_state import RunContext, RunState
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# The parts that a loss network returns beside the loss, see `SSDWithLossCell.with_parts`.
LOSS_PARTS = ("classification_loss", "localisation_loss")
DIVERGED = ("the run has diverged and stops. Lower lr, lengthen warmup_epochs, clip the gradients (use_global_norm), "
            "or look for broken boxes in the data; the last checkpoint is from before.")
OVERFLOW = ("the run stops. With dynamic_loss_scale: True it finds a loss scale with which they do not; the last "
            "checkpoint is from before.")


class EpochSoFar(NamedTuple):
    """What was measured in an epoch before a run was interrupted."""

    losses: list[float]
    parts: list[list[float]]
    seconds: float

    @staticmethod
    def nothing() -> "EpochSoFar":
        return EpochSoFar([], [], 0.0)


class TrainingLog(ms.Callback):
    """Log lines of each step and epoch, or a progress bar when the output is a terminal.

    A loss that is not finite ends the run with a `UserError`.

    Args:
        batch_size: images of a step, over all ranks.
        learning_rates: one value for each step.
        results: `Results` to add a row to after each epoch; None for none.
        terminal: show a progress bar instead of a line for each step; None asks stderr.
        find_images: function (epoch, step), counted from 1 -> ids of the images of that batch, for the error; None
            names none.
    """

    def __init__(self, batch_size: int, learning_rates: Sequence[float] | np.ndarray, results: Results | None = None,
                 terminal: bool | None = None, find_images: Callable[[int, int], Sequence[int]] | None = None):
        super().__init__()
        self.batch_size = batch_size
        self.results = results
        self.terminal = sys.stderr.isatty() if terminal is None else terminal
        self.learning_rates = learning_rates
        self.find_images = find_images
        self.bar: tqdm | None = None
        self.losses: list[float] = []
        self.parts: list[list[float]] = []
        self.run_start = self.epoch_start = time.perf_counter()
        self.steps_before = 0
        self._before = EpochSoFar.nothing()

    def state(self) -> dict[str, Any]:
        """Losses and seconds of the epoch so far, for a resumed run."""
        return {"losses": self.losses, "parts": self.parts, "seconds": time.perf_counter() - self.epoch_start}

    def restore(self, value: dict[str, Any]) -> None:
        """Takes over what `state` returned, for the epoch that the run resumes in."""
        self._before = EpochSoFar([float(loss) for loss in value["losses"]],
                                  [[float(loss) for loss in parts] for parts in value["parts"]],
                                  float(value["seconds"]))

    def on_train_begin(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        self.run_start, self.steps_before = time.perf_counter(), state.cur_step_num
        if state.epoch_done:
            self._before = EpochSoFar.nothing()

    def on_train_epoch_begin(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        self.losses, self.parts, seconds = self._before
        self.epoch_start = time.perf_counter() - seconds
        self._before = EpochSoFar.nothing()
        if self.terminal:
            description = f"epoch {state.cur_epoch_num}"
            self.bar = tqdm(total=state.batch_num, desc=description, unit="step", leave=False, file=sys.stderr,
                            initial=len(self.losses))

    def on_train_step_end(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        step = state.step_of_epoch
        outputs = state.net_outputs if isinstance(state.net_outputs, (tuple, list)) else (state.net_outputs,)
        loss, *parts = (float(output.asnumpy()) for output in outputs)
        if not math.isfinite(loss):
            self._close_bar()
            raise UserError(self._divergence(state, loss, parts))
        self.losses.append(loss)
        self.parts.append(parts)
        if self.bar is not None:
            self.bar.update(step - self.bar.n)
            speed = self.batch_size * step / (time.perf_counter() - self.epoch_start)
            self.bar.set_postfix_str(
                f"loss {loss:.3f}, lr {self._rate(state):.5f}, {speed:.1f} images/s, run {self._left(state)} left"
            )
        else:
            logger.info("epoch: %d step: %d, loss is %s", state.cur_epoch_num, step, loss)

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        seconds = time.perf_counter() - self.epoch_start
        if self.bar is not None:
            self._close_bar()
            logger.info("epoch: %d step: %d, loss is %s", state.cur_epoch_num, state.batch_num, self.losses[-1])
        milliseconds = 1000 * seconds
        logger.info(
            "epoch time: %.3f ms, per step time: %.3f ms, %s left", milliseconds, milliseconds / state.batch_num,
            self._left(state),
        )
        if getattr(state.train_network, "loss_scaler", None) is not None:
            skipped = int(state.train_network.skipped_steps.asnumpy())
            logger.info("steps skipped so far because of overflow: %d", skipped)
        if self.results is not None:
            self.results.add(
                state.cur_epoch_num,
                step=state.cur_step_num,
                loss=sum(self.losses) / len(self.losses),
                learning_rate=f"{self._rate(state):.6g}",
                seconds=f"{seconds:.3f}",
                images_per_second=f"{self.batch_size * state.batch_num / seconds:.2f}",
                **{name: sum(values) / len(values) for name, values in zip(LOSS_PARTS, zip(*self.parts))},
            )

    def on_train_end(self, run_context: RunContext) -> None:
        self._close_bar()

    def _rate(self, state: RunState) -> float:
        return self.learning_rates[state.cur_step_num - 1]

    def _left(self, state: RunState) -> str:
        """Remaining time of the run, by the mean time of its steps so far."""
        steps_left = len(self.learning_rates) - state.cur_step_num
        steps = max(state.cur_step_num - self.steps_before, 1)
        return _duration((time.perf_counter() - self.run_start) / steps * steps_left)

    def _divergence(self, state: RunState, loss: float, parts: Sequence[float]) -> str:
        """The message of the error: where it happened, and the images of the step."""
        step = state.step_of_epoch
        what, hint = f"the loss is {loss}", DIVERGED
        if parts and all(map(math.isfinite, parts)):  # see `check_gradients` of `TrainingWrapper`
            what, hint = f"the loss is {sum(parts):.6g} and its gradients overflow", OVERFLOW
        where = (f"{what} at epoch {state.cur_epoch_num}, step {step} of {state.batch_num} (learning "
                 f"rate {self._rate(state):.6g})")
        images = self.find_images(state.cur_epoch_num, step) if self.find_images else ()
        if not len(images):
            return f"{where}: {hint}"
        broken = _broken_samples(state.train_dataset_element or ())
        if broken:
            named = ", ".join(str(images[index]) for index in sorted(broken))
            return (f"{where}: the inputs made from the images with the ids {named} hold numbers that are not finite. "
                    "Look for broken boxes in their annotations; the last checkpoint is from before.")
        return f"{where}, images with the ids {', '.join(map(str, images))}: {hint}"

    def _close_bar(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _broken_samples(inputs: Iterable[ms.Tensor]) -> set[int]:
    """Indexes of the samples in a batch whose tensors hold numbers that are not finite."""
    broken: set[int] = set()
    for tensor in inputs:
        values = tensor.asnumpy()
        if values.dtype.kind == "f":
            broken |= set(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1)).tolist())
    return broken


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
