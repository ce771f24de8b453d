"""A short run with the present release of MindSpore: training, evaluation, resume, export, and its warnings.

`scripts/test_versions.sh` runs this with each release. SSD_EXCHANGE is then a folder where each leaves its run.
"""
import os
from pathlib import Path

import mindspore as ms
import pytest

from tests.faults.small_run import Place
from tests.support import unfinished_run

ANNOUNCEMENTS = ("deprecat", "will be removed")


@pytest.fixture(scope="module")
def printed():
    """What the commands of the run print, MindSpore's warnings too."""
    return []


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory, printed):
    """The `Place` of a run that lacks its last epoch, evaluated."""
    place = Place(tmp_path_factory.mktemp("run"))
    place.draw_data()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOG_v", "2")
        printed.append(unfinished_run.train_all_but_last_epoch(place, "--enable_profiling"))
        printed.append(place.finish(place.evaluate(), "evaluate"))
    if "SSD_EXCHANGE" in os.environ:
        unfinished_run.leave(place, Path(os.environ["SSD_EXCHANGE"]) / ms.__version__)
    return place


def test_resumed(unfinished, tmp_path):
    unfinished_run.check_last_epoch(unfinished_run.take(unfinished.folder, tmp_path / "copy"))


def test_profile(unfinished):
    assert any(path.stat().st_size for path in (unfinished.output / "profile").rglob("*") if path.is_file())


@pytest.mark.parametrize(("file_format", "script", "key"), [
    ("MINDIR", "eval", "checkpoint_file_path"), ("ONNX", "eval_onnx", "file_name"),
])
def test_exported(unfinished, printed, tmp_path, monkeypatch, file_format, script, key):
    """`export.py` compares the file with the network; evaluation finds what it finds by the checkpoint."""
    monkeypatch.setenv("GLOG_v", "2")
    place = unfinished_run.take(unfinished.folder, tmp_path / "copy")
    expected = unfinished_run.strongest(place)
    path = tmp_path / f"model.{file_format.lower()}"
    printed.append(place.finish(place.command(
        "export", f"--checkpoint_file_path={place.best}", f"--file_format={file_format}", "--batch_size=1",
        f"--file_name={path}"), "export"))
    place.finish(place.command(script, f"--{key}={path}", "--batch_size=1"), "evaluate")
    assert unfinished_run.strongest(place) == pytest.approx(expected, abs=1e-3)


def test_nothing_that_is_called_will_be_removed(unfinished, printed):
    """Of the commands before. docs/contributing.md lists what MindSpore announces elsewhere than in its log."""
    warnings = {line for text in printed for line in text.splitlines() if "[WARNING]" in line}
    assert [line for line in warnings if any(word in line for word in ANNOUNCEMENTS)] == []
