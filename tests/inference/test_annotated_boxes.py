"""Annotated boxes to draw beside detections."""
import json
from pathlib import Path

import numpy as np
import pytest

from src.inference.annotated_boxes import (
    AnnotatedBoxes,
    dataset_annotated_boxes,
    find_annotated_boxes,
    read_annotated_boxes,
)
from src.utils.errors import UserError

CLASSES = ("background", "cat")


def test_by_path_and_else_by_name():
    annotated = AnnotatedBoxes()
    for number, path in enumerate(("one/a.jpg", "two/a.jpg", "one/b.jpg")):
        annotated.add(path, np.full((1, 4), number), [1])
    assert annotated.find("two/a.jpg")[0][0, 0] == 1
    assert annotated.find(Path("elsewhere") / "b.jpg")[0][0, 0] == 2
    assert annotated.find("elsewhere/a.jpg") is None  # two have that name
    assert annotated.find("c.jpg") is None
    annotated.add("one/b.jpg", np.full((1, 4), 3), [1])  # in both parts of a dataset
    assert annotated.find("elsewhere/b.jpg")[0][0, 0] == 3


def test_coco_file(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({
        "images": [{"id": 5, "file_name": "sub/a.jpg"}, {"id": 6, "file_name": "b.jpg"}],
        "categories": [{"id": 9, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 9, "bbox": [10, 20, 30, 40]},
                        {"id": 2, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]}]}))
    annotated = read_annotated_boxes(path, CLASSES, [Path("x/a.jpg")])
    boxes, labels = annotated.find("x/a.jpg")
    assert boxes.tolist() == [[20, 10, 60, 40]] and labels.tolist() == [1]
    assert annotated.find("b.jpg")[0].shape == (0, 4)
    with pytest.raises(UserError, match=r"annotations of none of these images, such as c\.jpg"):
        read_annotated_boxes(path, CLASSES, [Path("c.jpg")])


def test_which_annotations(tmp_path, config_of):
    config = config_of("ssd300_config.yaml")
    assert find_annotated_boxes(None, config, CLASSES, []) is None
    with pytest.raises(UserError, match=r"--show_gt=FILE"):
        find_annotated_boxes(True, None, CLASSES, [])
    with pytest.raises(UserError, match=r"none\.json cannot be read"):
        find_annotated_boxes(str(tmp_path / "none.json"), config, CLASSES, [])


def test_dataset_of_the_configuration(config_of, shapes):
    config = config_of("ssd300_shapes_config.yaml", f"--data_path={shapes}")
    images = sorted((shapes / "shapes" / "val").iterdir())
    in_training = next((shapes / "shapes" / "train").iterdir())
    annotated = dataset_annotated_boxes(config, images)
    assert sum(len(annotated.find(path)[1]) for path in images) > 5
    assert annotated.find(in_training) is None  # not read where it is not needed
    annotated = dataset_annotated_boxes(config, [*images, in_training])
    assert annotated.find(in_training) is not None
