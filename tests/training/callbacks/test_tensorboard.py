import struct
import sys

import numpy as np
import pytest

from src.training.callbacks.tensorboard import TensorBoard
from src.training.results import Results
from src.training.run_state import RunContext, RunState
from src.utils.errors import UserError
from tests.support.full_disk import full_disk


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    results = Results(tmp_path / "results.csv")
    board = TensorBoard(tmp_path / "tensorboard", results, {"first": np.zeros((8, 8, 3), np.uint8)})
    results.add(1, loss=1.5, learning_rate="0.25", mAP=0.125, protocol="reference")
    context = RunContext(RunState(train_network=None, epoch_num=1, batch_num=1, cur_epoch_num=1))
    board.on_train_epoch_end(context)
    board.on_train_end(context)
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    assert all(name in content for name in (b"first", b"loss", b"learning_rate", b"mAP"))
    for value in (1.5, 0.25, 0.125):
        assert np.float32(value).tobytes() in content


def events(path):
    """The events of a file, as TensorBoard's format has them: length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content, found = path.read_bytes(), []
    while content:
        (size,) = struct.unpack("Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + size]))
        content = content[16 + size :]
    return found


def test_a_resumed_run_hides_what_was_written_later(tmp_path):
    pytest.importorskip("tensorboardX")
    board = TensorBoard(tmp_path, Results(tmp_path / "results.csv"), {}, first_epoch=3)
    first, second, third = events(board.path)
    assert (first.file_version, first.step) == (second.file_version, 0) == ("brain.Event:2", 0)
    assert second.step == third.step == 3 and third.session_log.status == third.session_log.START


def test_a_full_disk_does_not_hold_the_training(tmp_path, caplog):
    pytest.importorskip("tensorboardX")
    results = Results(tmp_path / "results.csv")
    board = TensorBoard(tmp_path / "tensorboard", results, {})
    size = board.path.stat().st_size
    for epoch in range(1, 100):
        results.add(epoch, loss=1.5, mAP=0.125)
    with full_disk(size + 200):
        for epoch in range(1, 100):
            board.on_train_epoch_end(RunContext(RunState(None, 99, batch_num=1, cur_epoch_num=epoch)))
    board.on_train_end(None)
    assert caplog.text.count("so it ends here; the training goes on") == 1 and "(File too large)" in caplog.text
    assert size < board.path.stat().st_size <= size + 200


@pytest.mark.parametrize(("room", "message"), [
    (10, r"File too large\. Make room there"), (None, "tensorboard is no folder")])
def test_no_event_can_be_written(tmp_path, room, message):
    pytest.importorskip("tensorboardX")
    if room is None:
        (tmp_path / "tensorboard").write_text("")
    with full_disk(room or 1000), pytest.raises(UserError, match=message):
        TensorBoard(tmp_path / "tensorboard", Results(tmp_path / "results.csv"), {})


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UserError, match="pip install tensorboardX"):
        TensorBoard(tmp_path, Results(tmp_path / "results.csv"), {})
