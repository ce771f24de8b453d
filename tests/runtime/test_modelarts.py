import contextlib
import shutil
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import train
from src.runtime.modelarts import cloud_copy
from src.utils.errors import UserError
from tests.support.golden_data import ROOT


class Storage:
    """Stands for the object storage: addresses are folders below `root`. It remembers what was copied."""

    def __init__(self, root):
        self.root = root
        self.copied = []

    def copy(self, source, target):
        self.copied.append((source, target))
        time.sleep(0.05)  # long enough for others to come
        places = [self.root / path.removeprefix("obs://") if path.startswith("obs://") else path
                  for path in (str(source), str(target))]
        shutil.copytree(*places, dirs_exist_ok=True)


@pytest.fixture
def storage(tmp_path):
    for name in ("data", "checkpoints"):
        (tmp_path / "bucket" / name).mkdir(parents=True)
        (tmp_path / "bucket" / name / f"{name}.txt").write_text(name, encoding="utf-8")
    return Storage(tmp_path / "bucket")


@pytest.fixture
def settings(tmp_path):
    cache = tmp_path / "cache"
    return types.SimpleNamespace(
        enable_modelarts=True, data_url="obs://data", data_path=str(cache / "data"), train_url="obs://results",
        output_path=str(cache / "train"), checkpoint_url="obs://checkpoints", load_path=str(cache / "checkpoints"))


def write_result(settings):
    folder = Path(settings.output_path) / "ckpt_0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.ckpt").write_text("weights", encoding="utf-8")


def test_data_in_and_results_out(tmp_path, storage, settings):
    with cloud_copy(settings, storage.copy):
        assert (tmp_path / "cache" / "data" / "data.txt").is_file()
        assert (tmp_path / "cache" / "checkpoints" / "checkpoints.txt").is_file()
        assert not (storage.root / "results").exists()
        write_result(settings)
    assert (storage.root / "results" / "ckpt_0" / "a.ckpt").is_file()


def test_nothing_is_copied_elsewhere(storage, settings):
    settings.enable_modelarts = False
    with cloud_copy(settings, storage.copy):
        write_result(settings)
    assert storage.copied == []


def test_empty_addresses_are_left_out(storage, settings):
    settings.data_url = settings.checkpoint_url = settings.train_url = ""
    with cloud_copy(settings, storage.copy):
        write_result(settings)
    assert storage.copied == []


def test_one_rank_copies_and_the_others_wait(tmp_path, storage, settings):
    settings.train_url = ""
    found = []

    def rank():
        with cloud_copy(settings, storage.copy):
            found.append((tmp_path / "cache" / "checkpoints" / "checkpoints.txt").is_file())

    threads = [threading.Thread(target=rank) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
    assert sorted(source for source, _ in storage.copied) == ["obs://checkpoints", "obs://data"]


def test_results_are_copied_by_rank_0(storage, settings, monkeypatch):
    monkeypatch.setenv("RANK_ID", "1")
    with cloud_copy(settings, storage.copy):
        write_result(settings)
    assert not (storage.root / "results").exists()


def test_results_of_a_run_that_fails(storage, settings):
    with pytest.raises(KeyError, match="the loss"), cloud_copy(settings, storage.copy):
        write_result(settings)
        raise KeyError("the loss")
    assert (storage.root / "results" / "ckpt_0" / "a.ckpt").is_file()


def test_results_of_a_training_are_copied_before_the_process_ends(monkeypatch, tmp_path):
    """Ranks on a CPU end without leaving any block."""
    events = []

    @contextlib.contextmanager
    def recorded_copy(config):
        yield
        events.append("copied")

    monkeypatch.setattr(train, "cloud_copy", recorded_copy)
    monkeypatch.setattr(train, "run", lambda config: 15)
    monkeypatch.setattr(train.distributed, "end_process", lambda code: events.append(code))
    train.main([f"--output_path={tmp_path}"])
    assert events == ["copied", 143]


def test_an_address_that_cannot_be_copied(storage, settings, tmp_path):
    settings.data_url = "obs://nowhere"
    with pytest.raises(UserError, match="data_url: obs://nowhere cannot be copied to"), \
            cloud_copy(settings, storage.copy):
        pytest.fail("the block must not run")
    settings.data_url = "obs://data"  # and once it is there, it is copied
    with cloud_copy(settings, storage.copy):
        assert (tmp_path / "cache" / "data" / "data.txt").is_file()


def test_without_moxing(settings):
    with pytest.raises(UserError, match="only on ModelArts"), cloud_copy(settings):
        pytest.fail("the block must not run")


@pytest.fixture
def modelarts(tmp_path, shapes, monkeypatch):
    """The demo data in a bucket, and flags as ModelArts starts a script, with a stand-in for moxing."""
    storage = Storage(tmp_path / "bucket")
    shutil.copytree(shapes / "shapes", storage.root / "data" / "shapes")
    monkeypatch.setitem(sys.modules, "moxing",
                        types.SimpleNamespace(file=types.SimpleNamespace(copy_parallel=storage.copy)))
    cache = tmp_path / "cache"
    return (f"--config_path={ROOT / 'config' / 'ssd300_shapes_config.yaml'}", "--enable_modelarts=True",
            "--data_url=obs://data", f"--data_path={cache / 'data'}", "--train_url=obs://results",
            f"--output_path={cache / 'train'}", f"--load_path={cache / 'checkpoints'}")


def test_training_on_modelarts(tmp_path, modelarts, run):
    _, err, code = run("train", *modelarts, "--img_shape=64,64", "--feature_size=4,2,1,1,1,1",
                       "--steps=16,32,64,64,64,64", "--warmup_epochs=0", "--epoch_size=1", "--run_eval=False")
    assert code == 0, err
    assert list((tmp_path / "bucket" / "results" / "ckpt_0").glob("ssd-1_*.ckpt"))
    assert (tmp_path / "bucket" / "results" / "results.csv").is_file()


def test_evaluation_on_modelarts_finds_the_checkpoint(tmp_path, modelarts, run):
    (tmp_path / "bucket" / "checkpoints").mkdir()
    (tmp_path / "bucket" / "checkpoints" / "mine.ckpt").write_text("no checkpoint", encoding="utf-8")
    _, err, code = run("eval", *modelarts, "--checkpoint_url=obs://checkpoints", "--checkpoint_file_path=mine.ckpt")
    assert code == 1
    assert f"{tmp_path / 'cache' / 'checkpoints' / 'mine.ckpt'} is no MindSpore checkpoint" in err
