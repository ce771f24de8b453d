"""The input size and the zoom that suit the sizes of the objects."""
import numpy as np
import pytest

from src.config import load_config
from src.dataset.annotations import AnnotationSource, ImageRecord
from src.training import auto_input
from src.training.auto_input import relative_boxes, size_spread, with_choices_by_size
from src.utils.errors import UserError
from tests.support.samples import write_image


def records_with(height, width, count=40):
    """Images of 600 x 600 pixels, each with a box of that height and width somewhere."""
    places = np.random.default_rng(2).uniform(0, (600 - height, 600 - width), size=(count, 2)).astype(np.int32)
    return [ImageRecord(number, "no such file", np.array([[y, x, y + height, x + width, 1]], np.int32), (600, 600))
            for number, (y, x) in enumerate(places)]


@pytest.fixture
def choose(monkeypatch, tmp_path):
    def choose(records, *flags):
        source = AnnotationSource("coco", tmp_path, [], lambda report: records)
        monkeypatch.setattr(auto_input, "find_source", lambda config, is_training: source)
        flags = flags if any("input_size" in flag for flag in flags) else (*flags, "--input_size=auto")
        return with_choices_by_size(load_config(flags, for_training=True))

    return choose


@pytest.mark.parametrize(("pixels", "side"), [(400, 300), (84, 384), (40, 512)])
def test_small_objects_take_a_larger_input(choose, pixels, side, caplog):
    caplog.set_level("INFO")
    config = choose(records_with(pixels, pixels))
    assert (config.input_size, config.img_shape) == (side, (side, side))
    assert config == load_config([f"--input_size={side}"])
    assert f"input_size: {side}; boxes of the training data" in caplog.text


def test_data_without_boxes_keep_the_input_size(choose):
    assert choose([]).img_shape == (300, 300)


def test_a_number_stays_without_a_look_at_the_data():
    config = load_config(["--input_size=384"], for_training=True)
    assert with_choices_by_size(config) is config


def test_levels_that_do_not_halve(choose):
    with pytest.raises(UserError, match=r"input_size: auto, but the levels of feature_size .*; set input_size to 0"):
        choose([], "--config_path=config/ssd_vgg16_config.yaml")


def test_the_spread_of_sizes_is_that_within_a_class():
    side = np.array([0.1, 0.1, 0.4, 0.4])
    boxes = np.stack([0 * side, 0 * side, side, side, [1, 1, 2, 2]], axis=1)
    assert size_spread(boxes) == pytest.approx(0)
    boxes[:, 4] = 1
    assert size_spread(boxes) == pytest.approx(np.log(2))  # two sizes, each a factor of 2 from their mean


def test_objects_that_keep_their_size_are_zoomed_gently(choose):
    same, other = records_with(100, 100), records_with(300, 300)
    assert choose(same, "--scale_jitter=auto", "--input_size=300").scale_jitter == (0.7, 1.4)
    assert choose([*same, *other], "--scale_jitter=auto", "--input_size=300").scale_jitter == ()
    assert choose([], "--scale_jitter=auto", "--input_size=300").scale_jitter == ()


@pytest.mark.parametrize("size", [None, (0, 0)])  # 0: of a program that does not know it
def test_boxes_by_the_size_of_the_file(tmp_path, size):
    write_image(tmp_path / "1.png")
    boxes = np.array([[30, 0, 60, 40, 1], [5, 5, 5, 9, 1], [-6, -8, 6, 8, 1]], np.int32)
    records = [ImageRecord(1, str(tmp_path / "1.png"), boxes, size),
               ImageRecord(2, str(tmp_path / "missing.png"), boxes)]
    np.testing.assert_allclose(relative_boxes(records, seed=1), [[0.5, 0, 1, 0.5, 1], [0, 0, 0.1, 0.1, 1]])
