"""Which checkpoint `--resume` takes, and what is said of the others."""
import json
import os

import pytest

from src.training.resume import RUN_FILE, Resume, checkpoint_prefix, last_run, new_run, newest_checkpoint
from src.utils.errors import UserError
from src.utils.files import write_json
from src.weights.training_state import read_state, state_path
from tests.support.checkpoint_states import damage, save


def test_the_newest_of_the_run_counts(tmp_path):
    save(tmp_path, 30, "of an earlier run")
    run = new_run(tmp_path)
    assert newest_checkpoint(tmp_path) is None
    save(tmp_path, 2, run)
    save(tmp_path, 9, run)
    newest = save(tmp_path, 10, run, step=1)
    assert newest_checkpoint(tmp_path).path == newest


def test_the_one_before_is_taken(tmp_path, caplog):
    run = new_run(tmp_path)
    first, second, third = (save(tmp_path, epoch, run) for epoch in (1, 2, 3))
    third.write_bytes(b"")
    damage(second)
    path, state = newest_checkpoint(tmp_path)
    assert (path, state["epoch"]) == (first, 1)
    assert "ssd-3_3.ckpt has 0 bytes" in caplog.text and "ssd-2_3.ckpt was changed" in caplog.text
    damage(first)
    with pytest.raises(UserError, match=r"no checkpoint in .* is whole"):
        newest_checkpoint(tmp_path)


def test_files_of_a_kill_in_between_do_not_count(tmp_path):
    """A checkpoint without its state; that of an earlier run, whose state was not yet replaced."""
    save(tmp_path, 1, "of an earlier run").write_bytes(b"of the new run")
    run = new_run(tmp_path)
    (tmp_path / "ssd-2_3.ckpt").write_bytes(b"of the new run")
    assert newest_checkpoint(tmp_path) is None
    whole = save(tmp_path, 1, run)
    assert newest_checkpoint(tmp_path).path == whole


def test_a_run_that_began_from_a_checkpoint_goes_back_to_it(tmp_path):
    begun_from = save(tmp_path / "other", 5, "a")
    folder = tmp_path / "own"
    run = new_run(folder, begun_from)
    assert newest_checkpoint(folder).path == begun_from
    newer = save(folder, 6, run)
    assert newest_checkpoint(folder).path == newer
    damage(newer)
    assert newest_checkpoint(folder).path == begun_from


def test_a_renamed_folder_whose_run_has_no_checkpoint_yet(tmp_path):
    begun_from = save(tmp_path / "old", 2, "a")
    save(tmp_path / "old", 5, "a")
    run = new_run(tmp_path / "old", begun_from)
    folder = (tmp_path / "old").rename(tmp_path / "new")
    assert newest_checkpoint(folder).path == folder / begun_from.name
    assert last_run(folder) == (run, folder / begun_from.name)
    write_json(folder / RUN_FILE, {"run": run, "from": str(begun_from)})  # of an earlier version
    assert newest_checkpoint(folder).path == folder / begun_from.name
    (folder / begun_from.name).unlink()
    with pytest.raises(UserError, match=r"the run in .*new began from .*old/ssd-2_3\.ckpt, which is no longer there"):
        newest_checkpoint(folder)


@pytest.mark.parametrize("note", [[], {}, {"run": 3, "from": None}, {"run": "a", "from": 5}, None, "a", {"run": "a"}])
def test_a_note_of_the_run_with_other_types(tmp_path, note):
    saved = save(tmp_path, 2, "a")
    write_json(tmp_path / RUN_FILE, note)
    assert newest_checkpoint(tmp_path).path == saved


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_named_pipes_keep_nobody_waiting(tmp_path):
    saved = save(tmp_path, 2, "a")
    os.mkfifo(tmp_path / RUN_FILE)
    os.mkfifo(state_path(save(tmp_path, 3, "a")).with_name("ssd-4_3.state.json"))
    assert newest_checkpoint(tmp_path).path == tmp_path / "ssd-3_3.ckpt"
    with pytest.raises(UserError, match=r"run\.json cannot be written: it is a pipe or a device"):
        new_run(tmp_path, saved)


@pytest.mark.parametrize(("key", "value"), [
    ("epoch", "2"), ("epoch", 2.0), ("epoch", True), ("step", None), ("epoch_done", 1), ("steps_per_epoch", [3]),
    ("settings", []), ("parts", None), ("run", 3), ("checkpoint", 5), ("checkpoint", {"bytes": "1", "sha256": 2}),
])
def test_a_state_with_other_types(tmp_path, key, value, caplog):
    before, newest = save(tmp_path, 1, "a"), save(tmp_path, 2, "a")
    content = json.loads(state_path(newest).read_text())
    write_json(state_path(newest), {**content, key: value})
    assert newest_checkpoint(tmp_path).path == before
    assert "the one before is tried" in caplog.text
    with pytest.raises(UserError, match=r"damaged|instead of"):
        read_state(newest)


def test_checkpoints_of_an_older_version_are_not_passed_over(tmp_path):
    (tmp_path / "ssd-40_18.ckpt").write_bytes(b"weights")
    with pytest.raises(UserError, match=r"ssd-40_18\.ckpt has no training state"):
        newest_checkpoint(tmp_path)
    assert newest_checkpoint(tmp_path / "nothing") is None


def test_each_run_has_names_of_its_own(tmp_path):
    assert checkpoint_prefix(tmp_path, None) == "ssd"
    first = save(tmp_path, 10, new_run(tmp_path))
    assert checkpoint_prefix(tmp_path, None) == "ssd_1"
    second = save(tmp_path, 2, new_run(tmp_path), prefix="ssd_1")
    assert newest_checkpoint(tmp_path).path == second
    assert checkpoint_prefix(tmp_path, newest_checkpoint(tmp_path)) == "ssd_1"
    assert checkpoint_prefix(tmp_path, Resume(first, {})) == "ssd"
    (tmp_path / "ssd_2-1_9.ckpt").touch()  # MindSpore's own
    (tmp_path / "ssd_large.ckpt").touch()  # no checkpoint of a run
    assert checkpoint_prefix(tmp_path, None) == "ssd_3"
