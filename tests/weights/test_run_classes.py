"""The class names of the run of a checkpoint, against those of a configuration."""
import pytest

from src.config.run_config import WRITTEN_BY
from src.utils.errors import UserError
from src.weights.run_classes import check_classes_of_run, classes_of_run
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
