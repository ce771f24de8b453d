"""What the tests of the shell scripts share."""
import os
import shutil
import subprocess

from src.shapes_dataset import draw_shapes_dataset
from tests.golden_data import ROOT

REPLACED = ("data_path", "warmup_epochs", "run_eval", "eval_start_epoch")
SMALL = """
data_path: '{folder}'
img_shape: [96, 96]
feature_size: [6, 3, 2, 1, 1, 1]
steps: [16, 32, 64, 96, 96, 96]
warmup_epochs: 0
run_eval: {run_eval}
eval_start_epoch: 1
"""


def environment_of(**variables):
    """Variables for a script; PYTHON and VENV of the caller have no influence."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "VENV", "VIRTUAL_ENV")}
    return {**kept, **variables}


def run(command, cwd, **variables):
    """The finished process."""
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment_of(**variables), text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=300, check=False)


def copy_checkout(folder):
    """Copies what the scripts need, so that nothing is written into the real checkout."""
    for name in ("src", "scripts", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for script in ROOT.glob("*.py"):
        shutil.copy(script, folder)
    return folder


def draw_small_data(folder, num_train, run_eval=False):
    """Draws the demo data, and writes `small.yaml`: ssd300 on it at 96 x 96 pixels, in batches of 4."""
    draw_shapes_dataset(folder / "shapes", num_train=num_train, num_val=4)
    lines = (ROOT / "config" / "ssd300_shapes_config.yaml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.split(":")[0] not in REPLACED]
    text = "\n".join(kept) + SMALL.format(folder=folder, run_eval=run_eval)
    (folder / "small.yaml").write_text(text, encoding="utf-8")
