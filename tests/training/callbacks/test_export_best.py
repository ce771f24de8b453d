"""What is made at the end of a run, and what a resumed run leaves as it is."""
import os

import pytest

from src.config import load_config
from src.training.callbacks import export_best as module
from src.training.callbacks.export_best import draw_best, export_best


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A configuration, a checkpoint, and the list of exports that were made: each writes its number."""
    made = []

    def export(config):
        made.append(len(made))
        path = tmp_path / "model.onnx"
        path.write_text(str(made[-1]))
        return None, path

    monkeypatch.setattr(module, "export_checkpoint", export)
    monkeypatch.setattr(module, "verify_file", lambda *arguments: None)
    checkpoint = tmp_path / "best_map.ckpt"
    checkpoint.write_text("")
    return load_config([f"--output_path={tmp_path}"], for_training=True), checkpoint, made


def later(path, other):
    """Sets the time of a file to a second after another's."""
    time = other.stat().st_mtime + 1
    os.utime(path, (time, time))


def test_a_model_that_was_exported_after_the_checkpoint_stays(run, tmp_path):
    config, checkpoint, made = run
    export_best(config, checkpoint)
    export_best(config, checkpoint)
    assert made == [0]
    later(checkpoint, tmp_path / "model.onnx")
    export_best(config, checkpoint)
    assert made == [0, 1]
    assert [(tmp_path / name).read_text() for name in ("model.onnx", "model-1.onnx")] == ["1", "0"]


def test_pictures_that_were_drawn_after_the_export_stay(run, tmp_path, monkeypatch):
    config, checkpoint, _ = run
    export_best(config, checkpoint)
    (tmp_path / "pictures").mkdir()
    found = tmp_path / "pictures" / "detections.json"
    found.write_text("[]")
    later(found, tmp_path / "model.onnx")
    monkeypatch.setattr(module, "load_detector", lambda *arguments, **more: pytest.fail("drawn again"))
    draw_best(config)
