"""Single images of the data, of which some are missing or damaged."""
import dataclasses

import numpy as np
import pytest

from src.dataset.samples import create_calibration_inputs, create_real_inputs, list_image_paths, spread, usable_images
from src.utils.errors import UserError


def test_spread():
    paths = list("abcdefg")
    assert spread(paths, 3) == list("acebdfg")
    assert spread(paths, 9) == paths
    assert spread([], 3) == []


@pytest.fixture
def config(config_of, shapes, tmp_path):
    """Data whose six evaluation images are copies that a test may remove; the training images are missing."""
    for path in (shapes / "shapes").rglob("*"):
        if path.is_file() and path.parent.name != "train":
            copy = tmp_path / "shapes" / path.relative_to(shapes / "shapes")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "shapes" / "train").mkdir()
    return config_of("ssd300_shapes_config.yaml", f"--data_path={tmp_path}", "--coco_root=shapes")


def test_images_that_cannot_be_read_are_passed_over(config, caplog):
    first, second, *_ = paths = list_image_paths(config, is_training=False)
    with open(first, "wb") as stream:
        stream.write(b"no image")
    assert [path for path, _ in usable_images(config, False, 3)] == [paths[2], paths[4], second]
    assert "passed over: The image " in caplog.text and "cannot be decoded" in caplog.text
    assert len(list(usable_images(config, False, 100))) == 5
    images, kind = create_real_inputs(config, 4)
    assert (images.shape, kind) == ((4, 3, 300, 300), "images of the evaluation data")


def test_none_can_be_read(config):
    with pytest.raises(UserError, match="none of the 16 images of the training data can be read, such as "):
        list(create_calibration_inputs(config))
    for path in list_image_paths(config, is_training=False):
        open(path, "wb").close()
    images, kind = create_real_inputs(config, 2)
    assert (images.shape, kind) == ((2, 3, 300, 300), "drawn images")
    assert np.ptp(images) > 1
    nowhere = dataclasses.replace(config, coco_root="nowhere")
    assert create_real_inputs(nowhere, 2)[1] == "drawn images"
