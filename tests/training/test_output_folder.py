"""What of the user's lies in the output folder of a run stays there."""
import pytest

from src.config import load_config
from src.training.output_folder import config_file, run_folder, save_config
from src.utils.errors import UserError


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_configuration_of_a_run_is_saved(tmp_path):
    save_config(tmp_path, "lr: 0.5\n", is_new=True)
    assert config_file(tmp_path) == tmp_path / "config.yaml"
    assert load_config([f"--config_path={tmp_path / 'config.yaml'}"]).lr == 0.5
    save_config(tmp_path, "lr: 0.5\n", is_new=True)  # the same once more
    save_config(tmp_path, "lr: 0.25\n", is_new=False)  # a resumed run
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    save_config(tmp_path, "lr: 0.125\n", is_new=True)
    names = contents(tmp_path)
    assert set(names) == {"config.yaml", "config-1.yaml"}
    assert names["config.yaml"].endswith("\nlr: 0.125\n") and names["config-1.yaml"].endswith("\nlr: 0.25\n")


def test_a_best_checkpoint_stays_with_its_configuration(tmp_path):
    best = tmp_path / "ckpt_0" / "best_map.ckpt"
    best.parent.mkdir()
    best.write_text("weights")
    best.with_suffix(".thresholds.json").write_text("{}")
    for is_new, text in ((True, "lr: 0.5\n"), (True, "lr: 0.5\n"), (False, "lr: 0.25\n")):
        save_config(tmp_path, text, is_new=is_new)
        assert best.is_file()
    save_config(tmp_path, "lr: 0.125\n", is_new=True)
    assert set(contents(best.parent)) == {"best_map-1.ckpt", "best_map-1.thresholds.json"}


@pytest.mark.parametrize("text", ["", "lr: 0.5\n", "# written by train.py, sha256 0\nlr: 0.5\n", "\0"])
def test_a_configuration_that_somebody_wrote_is_not_replaced(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    for _ in range(2):
        save_config(tmp_path, "lr: 0.25\n", is_new=False)
        assert config_file(tmp_path) == tmp_path / "config-1.yaml"
        names = contents(tmp_path)
        assert names.pop("config.yaml") == text
        assert len(names) == 1 and names["config-1.yaml"].endswith("\nlr: 0.25\n")


def test_a_configuration_that_somebody_changed_is_not_replaced(tmp_path):
    save_config(tmp_path, "lr: 0.5\n", is_new=True)
    changed = (tmp_path / "config.yaml").read_text() + "epoch_size: 7\n"
    (tmp_path / "config.yaml").write_text(changed)
    (tmp_path / "config-1.yaml").mkdir()
    save_config(tmp_path, "lr: 0.5\n", is_new=False)
    assert (tmp_path / "config.yaml").read_text() == changed and config_file(tmp_path).name == "config-2.yaml"


@pytest.mark.parametrize("name", ["results.csv", "results.png", "first_batch.jpg", "ckpt_0/best_map.ckpt"])
def test_a_folder_of_the_name_of_a_result(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(UserError, match=rf"{name} is a folder, and training writes a file of that name; rename it"), \
            run_folder(tmp_path, tmp_path / "ckpt_0"):
        pass
