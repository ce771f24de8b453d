"""docs/configuration.md, the page of all keys."""
import re
import subprocess
import sys

from src.config.reference import format_reference
from src.config.schema import KEYS
from tests.support.golden_data import ROOT


def test_the_page_is_current():
    done = subprocess.run([sys.executable, "-m", "src.config.reference"], cwd=ROOT, capture_output=True, text=True,
                          encoding="utf-8", check=True)
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == done.stdout, "python -m src.config.reference > docs/configuration.md"


def test_rows():
    rows = [line for line in format_reference().splitlines() if line.startswith("| `")]
    assert [re.match(r"\| `(\w+)`", row)[1] for row in rows] == list(KEYS)
    starts = (r"| `batch_size` \* | whole number | `32` | >= 1 or `auto` | images per device and step, also for ",
              "| `eval_protocol` | text | `reference` | `reference`, `coco` | ",
              r"| `img_shape` \* | list of whole numbers | `[300, 300]` | exactly 2, each >= 1 | ",
              r"| `aspect_ratios` \* | list of lists of numbers | `[[], [2, 3], [2, 3], [2, 3], [2, 3], [2, 3]]` | ")
    for start in starts:
        assert sum(row.startswith(start) for row in rows) == 1, start


def test_keys_that_steps_of_training_depend_on():
    """Those of the model and of the training but two, and these. The rest says where files lie, what is saved."""
    model_and_training = {name for name, key in KEYS.items()
                          if key.topic in ("Model and boxes", "Loss, optimiser, precision")}
    assert {name for name, key in KEYS.items() if key.affects_result} == {
        *model_and_training - {"float_resize", "pretrain_vgg_bn"}, "dataset", "train_data_type", "val_share",
        "keep_other_sizes", "keep_empty", "empty_share", "repeat_threshold", "exif", "scale_jitter", "mosaic",
        "mosaic_close_epochs", "seed", "device_target", "cpu_kernels", "cpu_precision", "freeze_layer",
        "freeze_parts", "pre_trained_epoch_size"}
