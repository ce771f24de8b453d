"""Annotated boxes to draw beside detections."""
import json
from pathlib import Path

import numpy as np
import pytest

from src.inference.annotated_boxes import AnnotatedBoxes, create_truth
from src.utils.errors import UserError

CLASSES = ("background", "cat")


def test_by_path_and_else_by_name():
    truth = AnnotatedBoxes()
    for number, path in enumerate(("one/a.jpg", "two/a.jpg", "one/b.jpg")):
        truth.add(path, np.full((1, 4), number), [1])
    assert truth.find("two/a.jpg")[0][0, 0] == 1
    assert truth.find(Path("elsewhere") / "b.jpg")[0][0, 0] == 2
    assert truth.find("elsewhere/a.jpg") is None  # two have that name
    assert truth.find("c.jpg") is None


def test_coco_file(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({
        "images": [{"id": 5, "file_name": "sub/a.jpg"}, {"id": 6, "file_name": "b.jpg"}],
        "categories": [{"id": 9, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 9, "bbox": [10, 20, 30, 40]},
                        {"id": 2, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]}]}))
    truth = create_truth(None, False, path, CLASSES, [Path("x/a.jpg")])
    boxes, labels = truth.find("x/a.jpg")
    assert boxes.tolist() == [[20, 10, 60, 40]] and labels.tolist() == [1]
    assert truth.find("b.jpg")[0].shape == (0, 4)
    with pytest.raises(UserError, match=r"annotations of none of these images, such as c\.jpg"):
        create_truth(None, False, path, CLASSES, [Path("c.jpg")])


def test_which_annotations():
    assert create_truth(None, True, None, CLASSES, []) is None
    with pytest.raises(UserError, match=r"--show_gt=FILE"):
        create_truth(None, False, True, CLASSES, [])


def test_dataset_of_the_configuration(config_of, shapes):
    config = config_of("ssd300_shapes_config.yaml", f"--data_path={shapes}")
    images = sorted((shapes / "shapes" / "val").iterdir())
    in_training = next((shapes / "shapes" / "train").iterdir())
    truth = create_truth(config, True, True, config.classes, images)
    assert sum(len(truth.find(path)[1]) for path in images) > 5
    assert truth.find(in_training) is None  # not read where it is not needed
    truth = create_truth(config, True, True, config.classes, [*images, in_training])
    assert truth.find(in_training) is not None
