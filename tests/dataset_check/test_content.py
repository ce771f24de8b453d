"""What a check finds in a dataset that is drawn with faults."""
import json

import numpy as np
import pytest

from src.dataset.annotations import MISSING_IMAGE, UNREADABLE_IMAGE
from src.dataset.sources import find_source
from src.dataset_check.content import choose_samples, find_duplicates, names_that_differ_in_case, read_part
from tests.support.samples import make_coco


@pytest.fixture
def parts(tmp_path):
    """Training and evaluation of six images each, with the same contents, two of the training images without use."""
    config = make_coco(tmp_path)
    images = tmp_path / "coco" / "train2017"
    (images / "2.png").unlink()
    (images / "3.png").write_bytes(b"no image")
    (images / "4.png").write_bytes((images / "5.png").read_bytes())
    return [read_part(name, find_source(config, is_training=name == "training"), len(config.classes))
            for name in ("training", "evaluation")]


def test_counts(parts):
    training, evaluation = parts
    assert (training.num_records, len(training.images), len(evaluation.images)) == (6, 4, 6)
    assert training.count_boxes(3).tolist() == [0, 4, 1]
    assert evaluation.count_boxes(3).tolist() == [0, 6, 1]
    assert training.report.counts == {MISSING_IMAGE: 1, UNREADABLE_IMAGE: 1}
    np.testing.assert_allclose(training.all_boxes()[0], [5 / 60, 10 / 80, 35 / 60, 31 / 80])


def test_duplicates(parts):
    groups = [[(part, path.rpartition("/")[2]) for part, path in group] for group in find_duplicates(parts)]
    assert groups == [
        [("training", "1.png"), ("evaluation", "1.png")],
        [("training", "4.png"), ("training", "5.png"), ("evaluation", "5.png")],
        [("training", "6.png"), ("evaluation", "6.png")],
    ]


def test_names_that_differ_in_case():
    assert names_that_differ_in_case(["dog", "cat", "Dog", "cats", "cat "]) == [["Dog", "dog"], ["cat", "cat "]]
    assert names_that_differ_in_case(["dog", "cat"]) == []


def test_samples_show_rare_classes(parts):
    images = parts[1].images
    (sample,) = choose_samples(images, 1, seed=3)
    assert 2 in sample.pixel_boxes[:, 4]  # the only image with a dog
    assert len(choose_samples(images, 4, seed=3)) == 4
    assert {one.path for one in choose_samples(images, 99, seed=3)} == {one.path for one in images}


def test_check_of_a_dataset_with_faults(run, tmp_path, caplog):
    """The classes are not told, and the names of the annotations are taken."""
    caplog.set_level("INFO")
    make_coco(tmp_path)
    path = tmp_path / "coco" / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["categories"][2]["name"] = "Cat"
    content["annotations"] += [{"id": 99, "image_id": 1, "category_id": 9, "bbox": [50, 40, 6, 4]}]
    path.write_text(json.dumps(content))
    (tmp_path / "coco" / "train2017" / "2.png").unlink()
    small = ("--img_shape=64,64", "--feature_size=4,2,1,1,1,1", "--steps=16,32,64,64,64,64")
    _, err, code = run("train", "--config_path=config/ssd300_shapes_config.yaml", f"--data_path={tmp_path}", *small,
                       "--coco_root=coco", "--train_data_type=train2017", "--val_data_type=val2017", "--check_dataset")
    assert code == 0, err
    folder = tmp_path / "output" / "shapes" / "dataset_check"
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["box_sizes.png", "classes.png", "report.txt", "samples.jpg"]
    text = (folder / "report.txt").read_text()
    assert text in caplog.records[-1].getMessage()
    assert "training: 5 images that can be used, 80 x 60 pixels, 0 of them without boxes; 7 boxes" in text
    assert "training: 1 images that do not exist: " in text
    assert "differ only in capital letters or blanks: 'Cat', 'cat'" in text
    assert "5 images that are in training and evaluation" in text
    assert "num_classes: 4\n   classes: [background, Cat, cat, dog]" in text
    assert "batch_size: 1, which fits" in text and "the 4 of the configuration would take about" in text
    assert not (tmp_path / "mindrecord").exists()


def test_check_where_the_batch_size_is_left_open(run, shapes, tmp_path):
    small = ("--img_shape=64,64", "--feature_size=4,2,1,1,1,1", "--steps=16,32,64,64,64,64")
    _, err, code = run("train", "--config_path=config/ssd300_shapes_config.yaml", f"--data_path={shapes}", *small,
                       "--batch_size=auto", "--epoch_size=auto", "--classes=auto", "--check_dataset")
    assert code == 0, err
    text = (tmp_path / "output" / "shapes" / "dataset_check" / "report.txt").read_text()
    assert "batch_size: 2, which fits" in text and "auto, as in the configuration, lets train.py choose it" in text
