"""The report of the pipeline's stages."""
import functools
import logging

import numpy as np
import pytest

from src.dataset.batches import BatchSettings, TrainingSettings
from src.dataset.benchmark import StageSpeed, format_stage_speeds, measure_stages
from src.dataset.mindrecord.create import create_mindrecord
from src.dataset.pipeline import WorkerSettings
from tests.support.samples import make_coco


class Coder:
    """Counts its calls."""

    calls = 0

    def encode(self, boxes):
        self.calls += 1
        assert (boxes[:, :4] >= 0).all() and (boxes[:, :4] <= 1).all()
        return np.zeros((4, 4), np.float32), np.zeros(4, np.int32), len(boxes)


def test_every_stage_is_measured(tmp_path):
    path = create_mindrecord(make_coco(tmp_path, 6), True).path
    coder = Coder()
    speeds = measure_stages(path, BatchSettings(4, (24, 32)), TrainingSettings(coder), WorkerSettings(2), seconds=0.05)
    assert [speed.stage for speed in speeds] == ["reading", "decoding", "crop and augmentation", "encoding",
                                                 "all, in batches"]
    assert all(speed.images_per_second > 0 for speed in speeds)
    assert speeds[-1].workers == "2 workers"
    assert coder.calls > 6


def test_table():
    speeds = [StageSpeed("reading", 2000.0, "MindSpore"), StageSpeed("decoding", 40.0, "1 thread")]
    assert format_stage_speeds(speeds) == (
        "stage     images/s  ms an image\n"
        "reading     2000.0        0.500  MindSpore\n"
        "decoding      40.0       25.000  1 thread")


@pytest.mark.parametrize("batch_size", ["4", "auto"])
def test_flag_of_the_training_script(run, shapes, tmp_path, caplog, monkeypatch, batch_size):
    monkeypatch.setattr("src.training.data.measure_stages", functools.partial(measure_stages, seconds=0.05))
    with caplog.at_level(logging.INFO):
        _, err, code = run("train", "--config_path=config/ssd300_shapes_config.yaml", f"--data_path={shapes}",
                           "--device_target=CPU", f"--batch_size={batch_size}", "--benchmark_data=True",
                           "--output_path=output")
    assert (code, err) == (0, "")
    assert "all, in batches" in caplog.text
    assert ("batch_size: 2, about" in caplog.text) == (batch_size == "auto")  # of 15 images
    assert "epoch:" not in caplog.text and not (tmp_path / "output").exists()
