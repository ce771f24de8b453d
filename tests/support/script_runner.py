"""What the tests of the shell scripts share."""
import os
import shutil
import subprocess

from src.dataset.shapes import draw_shapes_dataset
from tests.support.golden_data import ROOT

# A detector that is compiled in seconds: ssd_mobilenet_v1 with two levels, at 64 x 64 pixels.
SMALL_NETWORK = {
    "model_name": "ssd_mobilenet_v1", "img_shape": "[64, 64]", "feature_size": "[4, 2]", "steps": "[16, 32]",
    "num_default": "[3, 6]", "aspect_ratios": "[[], [2, 3]]", "extras_in_channels": "[256, 512]",
    "extras_out_channels": "[512, 1024]", "extras_strides": "[1, 1]", "extras_ratio": "[0.2, 0.2]",
    "num_ssd_boxes": "-1", "warmup_epochs": "0", "eval_start_epoch": "1",
}


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
    """Draws the demo data, and writes `small.yaml`: a small detector for them, in batches of 4."""
    draw_shapes_dataset(folder / "shapes", num_train=num_train, num_val=4)
    values = {**SMALL_NETWORK, "data_path": f"'{folder}'", "run_eval": str(run_eval)}
    lines = (ROOT / "config" / "ssd300_shapes_config.yaml").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.split(":")[0] not in values]
    lines += [f"{name}: {value}" for name, value in values.items()]
    (folder / "small.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
