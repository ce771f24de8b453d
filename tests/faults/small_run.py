"""Commands of a training that takes seconds, as processes of their own, and what is left of them.

The demo data lie in `data/shapes`, converted in `data/records`; everything else in `output`.
"""
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from src.dataset.shapes import draw_shapes_dataset
from tests.support.golden_data import ROOT
from tests.support.script_runner import SMALL_NETWORK

EPOCHS, STEPS = 3, 4
FLAGS = (
    f"--config_path={ROOT / 'config' / 'ssd300_shapes_config.yaml'}", "--mindrecord_dir=records",
    *(f"--{name}={value}" for name, value in SMALL_NETWORK.items()),
    "--batch_size=2", f"--epoch_size={EPOCHS}", "--lr=0.005", "--cpu_precision=auto",
    "--eval_interval=1", "--min_score=0.001", "--save_checkpoint_epochs=1", "--keep_checkpoint_max=2",
)
# Columns of results.csv that are not the same in any two runs.
TIMES = ("seconds", "images_per_second")
SECONDS = 300  # no command takes longer


class Place:
    """Command lines for one folder, and what they leave there.

    Args:
        folder: `output` lies in it.
        data: folder of the data, drawn by `draw_data`; default: `data` in `folder`.
        flags: of all commands.
    """

    def __init__(self, folder, data=None, flags=FLAGS):
        self.folder, self.flags = Path(folder), flags
        self.data = Path(data or self.folder / "data")
        self.output = self.folder / "output"
        self.checkpoints = self.output / "ckpt_0"
        self.best = self.checkpoints / "best_map.ckpt"

    def draw_data(self):
        """The demo data: 9 images to train on, 4 to evaluate."""
        draw_shapes_dataset(self.data / "shapes", num_train=9, num_val=4)

    def command(self, script, *flags):
        return [sys.executable, str(ROOT / f"{script}.py"), *self.flags, f"--data_path={self.data}",
                f"--output_path={self.output}", *flags]

    def convert(self):
        return self.command("train", "--only_create_dataset")

    def train(self, *flags):
        return self.command("train", "--resume", *flags)

    def evaluate(self):
        return self.command("eval", f"--checkpoint_file_path={self.best}")

    def export(self):
        return self.command("export", f"--checkpoint_file_path={self.best}", "--file_format=ONNX", "--batch_size=1",
                            f"--file_name={self.output / 'model'}", "--verify=False")

    def start(self, arguments, name, **options):
        """`Started` of a command, with its output in `NAME.txt`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Started(arguments, self.folder / f"{name}.txt", **options)

    def finish(self, arguments, name):
        """Runs a command to its end; raises with its output when it fails."""
        started = self.start(arguments, name)
        if started.finish():
            raise AssertionError(f"{' '.join(arguments)} ended with code {started.process.returncode}:\n{started.text}")
        return started.text

    def outcome(self):
        """What must be the same whatever happened meanwhile, as far as it is there: digests of the last checkpoint
        (parameters and optimizer) and of the best one, results without times, evaluation, exported file."""
        last = self.checkpoints / f"ssd-{EPOCHS}_{STEPS}.ckpt"
        found = {path.name: digest(path) for path in (last, self.best, self.output / "model.onnx") if path.exists()}
        if (self.output / "results.csv").exists():
            with open(self.output / "results.csv", newline="", encoding="utf-8") as stream:
                found["results"] = [{name: value for name, value in row.items() if name not in TIMES}
                                    for row in csv.DictReader(stream)]
        if (self.output / "eval_results.json").exists():
            found["evaluation"] = json.loads((self.output / "eval_results.json").read_text(encoding="utf-8"))
        return found

    def leftovers(self):
        """Temporary files and folders that should be gone."""
        return sorted(str(path) for path in self.folder.rglob(".*") if path.name != ".lock")


class Started:
    """A command that runs, in a process group of its own, with its output in a file."""

    def __init__(self, arguments, log, **options):
        self.log, self.began = Path(log), time.monotonic()
        with open(log, "wb") as stream:
            self.process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stream,
                                            stderr=subprocess.STDOUT, start_new_session=True,
                                            env={**os.environ, "PYTHONUNBUFFERED": "1"}, **options)

    @property
    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, happened):
        """Waits until `happened(self)` or the end of the command; returns whether it still runs."""
        while self.process.poll() is None and not happened(self):
            assert time.monotonic() - self.began < SECONDS, self.text
            time.sleep(0.002)
        return self.process.poll() is None

    def send(self, number):
        """Sends a signal to the command and all that it has started."""
        os.killpg(self.process.pid, number)

    def kill(self):
        """Ends it as nothing else does: no handler, no finally, no flush."""
        self.send(signal.SIGKILL)
        self.process.wait()

    def finish(self):
        """Waits for the end; returns the exit code."""
        return self.process.wait(timeout=SECONDS)


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
