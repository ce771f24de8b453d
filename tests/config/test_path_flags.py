"""Paths of the configuration, for the shell scripts."""
import pytest

from src.config.path_flags import path_flags
from src.utils.errors import UserError


def test_what_is_there_becomes_a_flag(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.ckpt").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "a.yaml").write_text("pre_trained: a b.ckpt\ncheckpoint_file_path: none.ckpt\ndata_path: data\n"
                                     "checkpoint_path: link\noutput_path: data\ndata: ''\n")
    argv = ["--config_path=a.yaml", "--image_dir=data", "--data_path=link"]
    assert sorted(path_flags(argv)) == [f"--checkpoint_path={tmp_path}/data", f"--pre_trained={tmp_path}/a b.ckpt"]


def test_names_that_no_path_can_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a\n--lr=1").touch()
    for name in ("a\\n--lr=1", "a\\0b", "x" * 5000):
        (tmp_path / "a.yaml").write_text(f'pre_trained: "{name}"\n')
        assert path_flags(["--config_path=a.yaml", "--checkpoint_path="]) == []


def test_wrong_flags_are_errors():
    with pytest.raises(UserError, match="lr is x"):
        path_flags(["--lr=x"])
