import stat

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.training.callbacks.checkpoint import KeptCheckpoints, SaveCheckpoint
from src.training.run_state import RunContext, RunState
from src.utils.errors import UserError
from src.weights import read_checkpoint, save_checkpoint

pytestmark = pytest.mark.usefixtures("cpu")


def run(folder, net, epochs, every=1, keep=2):
    callback = SaveCheckpoint(KeptCheckpoints(folder, keep), every)
    state = RunState(net, epochs, batch_num=7, step_of_epoch=7)
    for state.cur_epoch_num in range(1, epochs + 1):
        callback.on_train_epoch_end(RunContext(state))
    callback.on_train_end(RunContext(state))


def test_every_second_epoch_and_the_last_one(tmp_path):
    run(tmp_path / "ckpt_0", nn.Dense(2, 3), epochs=5, every=2, keep=5)
    names = sorted(path.name for path in (tmp_path / "ckpt_0").iterdir())
    assert names == ["ssd-2_7.ckpt", "ssd-4_7.ckpt", "ssd-5_7.ckpt"]


def test_the_oldest_go(tmp_path):
    (tmp_path / "ssd-1_9.ckpt").write_text("of another run")
    run(tmp_path, nn.Dense(2, 3), epochs=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ssd-1_9.ckpt", "ssd-3_7.ckpt", "ssd-4_7.ckpt"]


def test_a_further_run_has_names_of_its_own_and_takes_over_no_others(tmp_path):
    first = KeptCheckpoints(tmp_path, 2)
    for name in ("ssd-1_7.ckpt", "ssd_1-1_7.ckpt"):
        (tmp_path / name).touch()
        first.add(tmp_path / name)
    second = KeptCheckpoints(tmp_path, 2, "ssd_1")
    second.restore(first.state())
    assert second.state() == ["ssd_1-1_7.ckpt"]


@pytest.mark.parametrize(("every", "epochs"), [(1, 1), (9, 2)], ids=["due", "not due"])
def test_parameters_that_are_no_numbers_are_not_saved(tmp_path, every, epochs):
    net = nn.Dense(2, 3)
    run(tmp_path, net, epochs=1)
    net.weight.set_data(ms.Tensor(np.full((3, 2), np.nan, np.float32)))
    with pytest.raises(UserError, match=r"weight is no longer finite after epoch 1, step 7, and is not saved"):
        run(tmp_path, net, epochs, every)
    assert np.isfinite(read_checkpoint(tmp_path / "ssd-1_7.ckpt")["weight"].asnumpy()).all()


def test_content_and_mode(tmp_path):
    net = nn.Dense(2, 3)
    path = tmp_path / "a.ckpt"
    save_checkpoint(net, path)
    loaded = read_checkpoint(path)
    np.testing.assert_array_equal(loaded["weight"].asnumpy(), net.weight.asnumpy())
    assert path.stat().st_mode & stat.S_IWUSR
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ckpt"]


def test_a_failure_leaves_the_previous_file(tmp_path, monkeypatch):
    path = tmp_path / "a.ckpt"
    path.write_text("previous")

    def fail(net, name, choice_func):
        with open(name, "w", encoding="utf-8") as stream:
            stream.write("half")
        raise OSError("no space left on device")

    monkeypatch.setattr(ms, "save_checkpoint", fail)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(nn.Dense(2, 3), path)
    assert path.read_text() == "previous"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ckpt"]
