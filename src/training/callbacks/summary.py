"""The summaries in the log at the start and at the end of a training run."""
import logging
import platform
import signal
import time
from pathlib import Path

import cv2
import mindspore as ms
import numpy as np
from mindspore import nn

from src.config import Config
from src.config.values import show
from src.runtime.cli import command
from src.runtime.environment import thread_count, threads_text
from src.ssd.complexity import measure_network
from src.training.callbacks.checkpoint import KeptCheckpoints
from src.training.callbacks.evaluate import EvalCallback
from src.training.output_folder import RESULTS_FILE, RESULTS_PICTURE, WITH_BOXES, WITH_MATCHES, config_file
from src.training.run_state import RunContext

logger = logging.getLogger(__name__)
OPTIONS = ("use_ema", "early_stopping", "use_float16", "dynamic_loss_scale", "use_global_norm", "freeze_layer",
           "freeze_parts")
TO_SEE = (RESULTS_FILE, RESULTS_PICTURE, WITH_BOXES, WITH_MATCHES, "tensorboard")


def describe_run(config: Config, detector: nn.Cell, num_training: int, num_evaluation: int | None, steps: int,
                 num_ranks: int) -> str:
    """What is going to be trained, on which data, and how: `name: value` lines.

    Args:
        config: the configuration.
        detector: the network without its loss.
        num_training, num_evaluation: numbers of images; None without evaluation.
        steps: of an epoch.
        num_ranks: ranks that train together.
    """
    size = measure_network(detector, config.img_shape)
    height, width = config.img_shape
    batch = f"{config.batch_size} images" + (f" on each of {num_ranks} ranks" if num_ranks > 1 else "")
    if config.accumulation_steps > 1:
        batch += f", {config.accumulation_steps} steps for one update"
    device = f"{config.device_target} {config.device_id}"
    if config.device_target == "CPU":
        device = f"CPU, {threads_text(thread_count(config.cpu_threads))}"
    begins_with_weights = config.feature_extractor_base_param or config.pre_trained or config.resume
    values = {name: getattr(config, name) for name in OPTIONS}
    options = [f"{name}: {show(value)}" for name, value in values.items() if value and value != "none"]
    lines = {
        "model": f"{config.model_name}, {config.num_classes - 1} classes, input {width} x {height}, "
                 f"{config.num_ssd_boxes} default boxes",
        "size": f"{size.parameters / 1e6:.2f} million parameters, {size.flops / 1e9:.2f} GFLOPs an image "
                "(multiplications and additions)",
        "weights": "" if begins_with_weights else
                   "the backbone begins from nothing; feature_extractor_base_param names a pretrained one",
        "data": f"{num_training} images to train on, "
                + ("no evaluation" if num_evaluation is None else f"{num_evaluation} to evaluate with"),
        "steps": f"{steps} an epoch, each with {batch}; epochs {config.pre_trained_epoch_size + 1} to "
                 f"{config.epoch_size}",
        "device": device,
        "options": ", ".join(options),
        "seed": str(config.seed),
        "versions": f"Python {platform.python_version()}, MindSpore {ms.__version__}, NumPy {np.__version__}, OpenCV "
                    f"{cv2.__version__}, {platform.system()} {platform.machine()}",
    }
    return "\n".join(f"{name + ':':<10}{value}" for name, value in lines.items() if value)


class EndSummary(ms.Callback):
    """At the end of a run: the best mAP, the files, and commands for what comes next.

    Args:
        output_path: folder of the results; the configuration that the run saved there is for the commands.
        checkpoints: the `KeptCheckpoints` of the run.
        evaluation: its `EvalCallback`, or None.
        model_name: for the name of the exported file.
    """

    makes = "the summary"

    def __init__(self, output_path: Path | str, checkpoints: KeptCheckpoints, evaluation: EvalCallback | None,
                 model_name: str):
        super().__init__()
        self.output_path = Path(output_path)
        self.checkpoints = checkpoints
        self.evaluation = evaluation
        self.config_file = config_file(self.output_path)
        self.model_name = model_name
        self.start = time.perf_counter()

    def on_train_begin(self, run_context: RunContext) -> None:
        self.start = time.perf_counter()

    def on_train_end(self, run_context: RunContext) -> None:
        stopped_by = run_context.original_args().stopped_by
        logger.info("%s", self.stopped_text(stopped_by) if stopped_by else self.text())

    @property
    def checkpoint(self) -> Path:
        """The best checkpoint, or without one the last."""
        if self.evaluation and self.evaluation.best and self.evaluation.best_path:
            return self.evaluation.best_path
        return self.checkpoints.last

    def text(self) -> str:
        """The summary of a run that was not stopped."""
        lines = {"trained": f"{(time.perf_counter() - self.start) / 60:.1f} minutes"}
        if self.evaluation and self.evaluation.best:
            best_map, epoch = self.evaluation.best
            lines["best"] = f"mAP {best_map:.3f} after epoch {epoch}"
            lines["best"] += f", {self.checkpoint}" if self.evaluation.best_path else ""
        lines["last"] = str(self.checkpoints.last)
        there = [str(self.output_path / name) for name in TO_SEE if (self.output_path / name).exists()]
        lines["to see"] = ", ".join(there)
        lines["evaluate"] = self._command("eval.py")
        lines["export"] = self._command("export.py", "--file_format=ONNX",
                                        f"--file_name={self.output_path / self.model_name}")
        return "\n".join(f"{name + ':':<10}{value}" for name, value in lines.items() if value)

    def stopped_text(self, number: int) -> str:
        """The summary of a run that this signal ended: the last checkpoint, and the command that resumes."""
        resume = command("train.py", f"--config_path={self.config_file}", "--resume")
        return f"stopped by {signal.Signals(number).name}, saved as {self.checkpoints.last}; to resume:\n{resume}"

    def _command(self, script: str, *more: str) -> str:
        return command(script, f"--config_path={self.config_file}", f"--checkpoint_file_path={self.checkpoint}", *more)
