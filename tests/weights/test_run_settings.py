"""The settings of the run of a checkpoint, against those of a configuration."""
import pytest

from src.config import load_config
from src.config.run_config import WRITTEN_BY
from src.training.resume import create_settings
from src.utils.errors import UserError
from src.weights.run_settings import check_classes_of_run, check_settings_of_run, classes_of_run
from src.weights.training_state import write_state

NAMES = ("background", "cat", "dog")
OTHER_ORDER = ("background", "dog", "cat")


def test_the_state_beside_a_checkpoint_knows_the_classes(tmp_path):
    path = tmp_path / "ssd-4_3.ckpt"
    path.write_bytes(b"")
    check_classes_of_run(path, OTHER_ORDER)  # nothing is known
    assert classes_of_run(path) == ((), None)
    write_state(path, {"settings": {"classes": list(NAMES)}})
    assert classes_of_run(path) == (NAMES, path.with_suffix(".state.json"))
    check_classes_of_run(path, NAMES)
    check_classes_of_run(path, ("background", "kat", "hond"))  # other words for the same
    with pytest.raises(UserError, match=r"cat has the number 2 in the configuration .*, and 1 in .*ssd-4_3.state.json"):
        check_classes_of_run(path, OTHER_ORDER)
    write_state(path, {"settings": {"classes": 7}})
    check_classes_of_run(path, OTHER_ORDER)


def test_the_configuration_of_a_run_knows_the_classes_of_its_best_checkpoint(tmp_path):
    (tmp_path / "config.yaml").write_text(f"{WRITTEN_BY}0\nclasses: [background, cat, dog]")
    best = tmp_path / "ckpt_0" / "best_map.ckpt"
    check_classes_of_run(best, NAMES)
    assert classes_of_run(best) == (NAMES, tmp_path / "config.yaml")
    check_classes_of_run(best.with_name("other.ckpt"), OTHER_ORDER)
    with pytest.raises(UserError, match=r"cat has the number 2 in the configuration .*, and 1 in .*config.yaml"):
        check_classes_of_run(best, OTHER_ORDER)
    (tmp_path / "config.yaml").write_text("classes: [background, cat, dog]")  # by hand
    check_classes_of_run(best, OTHER_ORDER)
    (tmp_path / "config.yaml").write_text(f"{WRITTEN_BY}0\nclasses: [")
    check_classes_of_run(best, OTHER_ORDER)


FLAGS = ("--config_path=config/ssd300_config.yaml", "--num_classes=3", "--classes=background,cat,dog")


@pytest.mark.parametrize(("flag", "key"), [
    ("--prior_scaling=0.1,0.3", "prior_scaling"), ("--min_scale=0.15", "min_scale"),
    ("--image_mean=0,0,0", "image_mean"), ("--image_std=1,1,1", "image_std"), ("--max_scale=0.9", "max_scale"),
    ("--classes=background,dog,cat", "cat"),
])
def test_what_decides_on_inputs_and_outputs_is_that_of_the_run(tmp_path, flag, key):
    path = tmp_path / "ssd-4_3.ckpt"
    path.write_bytes(b"")
    config = load_config(FLAGS)
    check_settings_of_run(path, load_config([*FLAGS, flag, "--num_ssd_boxes=-1"]))  # nothing is known
    write_state(path, {"settings": create_settings(config)})
    check_settings_of_run(path, config)
    with pytest.raises(UserError, match=rf"{key}.*ssd-4_3.state.json"):
        check_settings_of_run(path, load_config([*FLAGS, flag, "--num_ssd_boxes=-1"]))
    write_state(path, {"settings": {}})  # of an earlier version
    check_settings_of_run(path, load_config([*FLAGS, flag, "--num_ssd_boxes=-1"]))


def test_another_size_of_the_images_is_told(tmp_path, caplog):
    path = tmp_path / "ssd-4_3.ckpt"
    path.write_bytes(b"")
    write_state(path, {"settings": create_settings(load_config(FLAGS))})
    levels = "--feature_size=32,16,8,4,2,1", "--steps=16,32,64,128,256,512", "--num_ssd_boxes=-1"
    check_settings_of_run(path, load_config([*FLAGS, "--img_shape=512,512", *levels]))
    assert "trained with img_shape [300, 300]" in caplog.text and "now has [512, 512]" in caplog.text
