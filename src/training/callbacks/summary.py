"""What a training run says of itself at its start and at its end."""
import logging
import platform
import shlex
import signal
import time
from pathlib import Path

import cv2
import mindspore as ms
import numpy as np

from src.config.values import show
from src.runtime.environment import thread_count, threads_text
from src.ssd.complexity import measure_network

logger = logging.getLogger(__name__)
OPTIONS = ("use_ema", "early_stopping", "use_float16", "dynamic_loss_scale", "use_global_norm", "freeze_layer",
           "freeze_parts")
TO_SEE = ("results.csv", "results.png", "first_batch.jpg", "first_batch_matches.jpg", "tensorboard")


def create_start_summary(config, detector, num_training, num_evaluation, steps, ranks):
    """Text: what is going to be trained, on what, and with what; `name: value` lines.

    Args:
        detector: the network without its loss.
        num_training, num_evaluation: images; None without evaluation.
        steps: of an epoch.
        ranks: processes that train together.
    """
    size = measure_network(detector, config.img_shape)
    height, width = config.img_shape
    batch = f"{config.batch_size} images" + (f" on each of {ranks} ranks" if ranks > 1 else "")
    if config.accumulation_steps > 1:
        batch += f", {config.accumulation_steps} steps for one update"
    device = f"{config.device_target} {config.device_id}"
    if config.device_target == "CPU":
        device = f"CPU, {threads_text(thread_count(config.cpu_threads))}"
    values = {name: getattr(config, name) for name in OPTIONS}
    options = [f"{name}: {show(value)}" for name, value in values.items() if value and value != "none"]
    lines = {
        "model": f"{config.model_name}, {config.num_classes - 1} classes, input {width} x {height}, "
                 f"{config.num_ssd_boxes} default boxes",
        "size": f"{size.parameters / 1e6:.2f} million parameters, {size.flops / 1e9:.2f} GFLOPs an image "
                "(multiplications and additions)",
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
    """At the end of a run: the best mAP, where everything is, how to go on.

    Args:
        output_path: folder of the results.
        checkpoints: the `SaveCheckpoint` of the run.
        evaluation: its `EvalCallback`, or None.
        config_file: the configuration of the run, for the commands.
        model_name: for the name of the exported file.
    """

    def __init__(self, output_path, checkpoints, evaluation, config_file, model_name):
        super().__init__()
        self.output_path = Path(output_path)
        self.checkpoints = checkpoints
        self.evaluation = evaluation
        self.config_file = config_file
        self.model_name = model_name

    def on_train_begin(self, run_context):
        self.start = time.perf_counter()

    def on_train_end(self, run_context):
        stopped_by = getattr(run_context.original_args(), "stopped_by", 0)
        logger.info("%s", self.stopped_text(stopped_by) if stopped_by else self.text())

    @property
    def checkpoint(self):
        """The best checkpoint, or without evaluation the last one."""
        has_best = self.evaluation and self.evaluation.best and self.evaluation.best_path
        return self.evaluation.best_path if has_best else self.checkpoints.saved[-1]

    def text(self):
        """The summary."""
        best = self.evaluation and self.evaluation.best
        lines = {"trained": f"{(time.perf_counter() - self.start) / 60:.1f} minutes"}
        if best:
            lines["best"] = f"mAP {best[0]:.3f} after epoch {best[1]}"
            lines["best"] += f", {self.checkpoint}" if self.evaluation.best_path else ""
        lines["last"] = str(self.checkpoints.saved[-1])
        there = [str(self.output_path / name) for name in TO_SEE if (self.output_path / name).exists()]
        lines["to see"] = ", ".join(there)
        lines["evaluate"] = self._command("eval.py")
        lines["export"] = self._command("export.py", "--file_format=ONNX",
                                        f"--file_name={self.output_path / self.model_name}")
        return "\n".join(f"{name + ':':<10}{value}" for name, value in lines.items() if value)

    def stopped_text(self, number):
        """What is said instead when a signal has ended the run: where it is, and how it goes on."""
        command = shlex.join(["python", "train.py", f"--config_path={self.config_file}", "--resume"])
        return f"stopped by {signal.Signals(number).name}, saved as {self.checkpoints.saved[-1]}; to go on:\n{command}"

    def _command(self, script, *more):
        return shlex.join(["python", script, f"--config_path={self.config_file}",
                           f"--checkpoint_file_path={self.checkpoint}", *more])
