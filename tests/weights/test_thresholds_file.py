"""The confidence thresholds beside a checkpoint."""
import pytest

from src.evaluation.thresholds import OperatingPoint, Thresholds
from src.utils.errors import UserError
from src.weights.thresholds_file import keep_earlier_checkpoint, read_thresholds, thresholds_path, write_thresholds

THRESHOLDS = Thresholds("some images", {"best_f1": OperatingPoint(0.4567891, 0.5, 0.25, 0.333333)}, {"cat": {}})


@pytest.fixture
def checkpoint(tmp_path):
    (tmp_path / "best_map.ckpt").write_bytes(b"weights")
    return tmp_path / "best_map.ckpt"


def test_written_and_read(checkpoint):
    assert read_thresholds(checkpoint) is None
    assert write_thresholds(checkpoint, THRESHOLDS).name == "best_map.thresholds.json"
    assert read_thresholds(checkpoint) == THRESHOLDS


def test_those_of_another_checkpoint_are_not_used(checkpoint, caplog):
    write_thresholds(checkpoint, THRESHOLDS)
    for content in (b"WEIGHTS", b"more weights"):
        checkpoint.write_bytes(content)
        caplog.clear()
        assert read_thresholds(checkpoint) is None
        assert "has the confidence thresholds of another checkpoint than" in caplog.text


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"checkpoint": {"bytes": 7}, "thresholds": {}}', "[[" * 10_000])
def test_damaged_files_are_named(checkpoint, content):
    thresholds_path(checkpoint).write_text(content)
    with pytest.raises(UserError, match=r"best_map\.thresholds\.json has no confidence thresholds, or is damaged"):
        read_thresholds(checkpoint)


def test_an_earlier_checkpoint_is_kept_with_its_thresholds(checkpoint, tmp_path):
    keep_earlier_checkpoint(tmp_path / "none.ckpt")
    for number, content in enumerate((b"one", b"another", b"a third"), start=1):
        checkpoint.write_bytes(content)
        thresholds_path(checkpoint).write_text(str(number))
        if number == 3:
            (tmp_path / "best_map-3.thresholds.json").write_text("a file of the user")
        keep_earlier_checkpoint(checkpoint)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "best_map-1.ckpt": "one", "best_map-1.thresholds.json": "1",
        "best_map-2.ckpt": "another", "best_map-2.thresholds.json": "2",
        "best_map-3.ckpt": "a third", "best_map-3.thresholds.json": "a file of the user",
        "best_map.thresholds-1.json": "3"}
