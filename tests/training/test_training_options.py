"""Options of training together, through the entry script; values that contradict each other."""
import csv
import re

import cv2
import numpy as np
import pytest

from src.utils.errors import UserError
from src.weights import read_checkpoint
from tests.support.small_models import SMALL_MULTIBOX

pytestmark = pytest.mark.usefixtures("cpu")


@pytest.mark.parametrize("flag", ["--early_stopping=3", "--use_ema=True"])
def test_options_that_need_evaluation(config_of, flag):
    with pytest.raises(UserError, match="run_eval"):
        config_of("ssd300_config.yaml", flag, "--run_eval=False")


def test_all_options_in_one_run(run, shapes, tmp_path, caplog):
    """No detection has such a score: every mAP is 0, and the third evaluation without a better one ends the run."""
    caplog.set_level("INFO")
    flags = ("--config_path=config/ssd300_shapes_config.yaml", f"--data_path={shapes}", "--mindrecord_dir=options",
             *SMALL_MULTIBOX, "--min_score=0.999", "--output_path=output", "--eval_start_epoch=1", "--eval_interval=1")
    _, err, code = run("train", *flags, "--epoch_size=9", "--batch_size=auto", "--use_ema", "--accumulation_steps=2",
                       "--early_stopping=2")
    assert code == 0, err
    lines = "\n".join(record.getMessage() for record in caplog.records)
    assert "batch_size: 2, about" in lines  # of 15 images
    assert "early_stopping: no better mAP in 2 evaluations, the run ends" in lines
    assert "each with 2 images, 2 steps for one update" in lines
    with open(tmp_path / "output" / "results.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        parts = float(row["classification_loss"]) + float(row["localisation_loss"])
        assert parts == pytest.approx(float(row["loss"]), rel=1e-4)
    for name in ("results.png", "first_batch.jpg", "first_batch_matches.jpg"):
        assert cv2.imread(f"output/{name}") is not None
    assert re.search(r"export:   \S+ \S*export\.py --config_path=", lines)
    # As a tie replaces the best checkpoint, it holds the EMA of the last one.
    best = read_checkpoint("output/ckpt_0/best_map.ckpt")
    last = read_checkpoint(next((tmp_path / "output" / "ckpt_0").glob("ssd-3_*.ckpt")))
    for name, value in best.items():
        np.testing.assert_array_equal(value.asnumpy(), last[f"ema.{name}"].asnumpy(), err_msg=name)
