import sys

import numpy as np
import pytest

from src.training.callbacks.tensorboard import TensorBoard
from src.training.results import Results
from src.training.run_state import RunContext, RunState
from src.utils.errors import UserError


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


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UserError, match="pip install tensorboardX"):
        TensorBoard(tmp_path, Results(tmp_path / "results.csv"), {})
