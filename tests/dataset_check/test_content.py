"""What a check finds in a dataset that is drawn with faults."""
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
