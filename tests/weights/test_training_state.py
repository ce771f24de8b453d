"""The state beside a checkpoint: round trip, and what is wrong with it."""
import json

import pytest

from src.utils.errors import UserError
from src.weights.training_state import check_content, read_state, remove_checkpoint, state_path
from tests.support.checkpoint_states import STATE, damage, save


def test_round_trip(tmp_path):
    path = save(tmp_path, 4, "a")
    state = read_state(path)
    assert (state["epoch"], state["run"]) == (4, "a")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["ssd-4_3.ckpt", "ssd-4_3.state.json"]
    remove_checkpoint(path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_said(tmp_path):
    path = save(tmp_path, 1, "a")
    damage(path)
    with pytest.raises(UserError, match="was changed after it was written"):
        check_content(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match="has 60 bytes instead of 103: it was cut off"):
        check_content(path)
    state_path(path).unlink()
    check_content(path)  # without a state there is nothing to compare with
    with pytest.raises(UserError, match=r"no training state beside it.*--pre_trained=FILE"):
        read_state(path)


@pytest.mark.parametrize(("content", "message"), [
    ("{", "damaged"), ("[]", "not a training state"), ('{"format": "other"}', "not a training state"),
    ('{"format": "ssd-training-state", "version": 1}', "lacks run"),
    (json.dumps({**STATE, "format": "ssd-training-state", "version": 1, "run": "a", "epoch": 1, "checkpoint": 7}),
     "lacks size and digest of its checkpoint"),
])
def test_foreign_states(tmp_path, content, message):
    path = save(tmp_path, 1, "a")
    state_path(path).write_text(content)
    with pytest.raises(UserError, match=message):
        read_state(path)
