import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from src.dataset import BatchSettings, create_ssd_dataset
from src.dataset.annotations import (
    OTHER_SIZE,
    ROTATED_IMAGE,
    TURNED_SIZE,
    TURNED_UPRIGHT,
    TURNED_WITH_BOXES,
    ImageRecord,
    box_array,
)
from src.dataset.images import ImageHeader
from src.dataset.mindrecord.create import create_mindrecord
from src.dataset.read_images import usage_of
from src.utils.errors import UserError
from tests.support.samples import exif_of, make_config, read_records, voc_xml, write_coco

BOX = [10, 20, 30, 70, 1]  # ymin, xmin, ymax, xmax of an image of 60 x 80


@pytest.mark.parametrize(("orientation", "annotated", "reason"), [
    (1, None, None), (1, (60, 80), None), (6, (60, 80), None), (3, (60, 80), None),
    (1, (0, 0), None), (1, (80, 0), None), (1, (80, 60), OTHER_SIZE), (3, (80, 60), OTHER_SIZE),
    (6, (80, 60), TURNED_SIZE), (5, (80, 60), TURNED_SIZE), (8, (80, 60), TURNED_SIZE), (8, (120, 160), OTHER_SIZE),
])
def test_images_as_they_are_stored(orientation, annotated, reason):
    record = ImageRecord(1, "a", box_array([BOX]), annotated)
    usage = usage_of(ImageHeader((60, 80), orientation), record, upright=False)
    assert usage.reason == reason
    assert usage.turned == (None if orientation == 1 else ROTATED_IMAGE)
    assert (usage.size, usage.record.pixel_boxes.tolist()) == ((60, 80), [BOX])


@pytest.mark.parametrize(("orientation", "annotated", "by_format", "turned", "box"), [
    (1, None, True, None, BOX), (1, (60, 80), False, None, BOX),
    (6, (80, 60), True, TURNED_UPRIGHT, BOX), (6, (80, 60), False, TURNED_UPRIGHT, BOX),
    # A camera that was turned to the left: what is stored at the left edge is at the top.
    (6, (60, 80), True, TURNED_WITH_BOXES, [20, 30, 70, 50, 1]),
    (6, None, True, TURNED_UPRIGHT, BOX), (6, (0, 0), False, TURNED_WITH_BOXES, [20, 30, 70, 50, 1]),
    (8, (60, 80), True, TURNED_WITH_BOXES, [10, 10, 60, 30, 1]),
    # Both sizes fit: the format decides.
    (3, (60, 80), True, TURNED_UPRIGHT, BOX), (3, (60, 80), False, TURNED_WITH_BOXES, [30, 10, 50, 60, 1]),
])
def test_images_are_turned_upright(orientation, annotated, by_format, turned, box):
    record = ImageRecord(1, "a", box_array([BOX]), annotated, by_format)
    usage = usage_of(ImageHeader((60, 80), orientation), record)
    assert usage.size == ((80, 60) if orientation in (6, 8) else (60, 80))
    assert (usage.reason, usage.turned, usage.record.pixel_boxes.tolist()) == (None, turned, [box])


@pytest.mark.parametrize("annotated", [(120, 160), (80, 60), (60, 81)])
def test_images_of_another_size(annotated):
    record = ImageRecord(1, "a", box_array([BOX]), annotated)
    assert usage_of(ImageHeader((60, 80), 1), record).reason == OTHER_SIZE
    if annotated != (80, 60):
        assert usage_of(ImageHeader((60, 80), 6), record).reason == OTHER_SIZE


@pytest.fixture
def images(tmp_path):
    """Annotations of 60 x 80 for: the image as it is, stored on its side, half as large; and a size of 0 x 0."""
    content = np.zeros((60, 80, 3), np.uint8)
    exif = exif_of(6)
    for name, image, note, size in (("1", content, None, (80, 60)), ("2", cv2.rotate(content, 0), exif, (80, 60)),
                                    ("3", content[::2, ::2], None, (80, 60)), ("4", content, None, (0, 0))):
        (tmp_path / "voc" / "train").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "voc" / "train" / f"{name}.jpg", **({"exif": note} if note else {}))
        (tmp_path / "voc" / "train" / f"{name}.xml").write_text(voc_xml([("cat", 1, 1, 20, 30)], f"{name}.jpg", *size))
    return tmp_path


def test_images_of_another_size_are_left_out_unless_they_are_allowed(images):
    config = make_config(images, dataset="voc", exif="stored")
    records = create_mindrecord(config, True)
    assert sorted(read_records(records.path)) == [1, 4] and not records.upright
    left_out = records.report["left_out"]
    assert {reason: entry["count"] for reason, entry in left_out.items()} == {TURNED_SIZE: 1, OTHER_SIZE: 1}
    assert left_out[OTHER_SIZE]["examples"] == [f"{images / 'voc' / 'train' / '3.jpg'}: 40 x 30, annotated 80 x 60"]
    del records
    # Another setting makes other records.
    config.keep_other_sizes = True
    records = create_mindrecord(config, True)
    assert sorted(read_records(records.path)) == [1, 2, 3, 4]
    assert {reason: entry["count"] for reason, entry in records.report["left_out"].items()} == {
        TURNED_SIZE: 1, OTHER_SIZE: 1, ROTATED_IMAGE: 1}


def counted(records):
    return {reason: entry["count"] for reason, entry in records.report["left_out"].items()}


def test_photographs_stand_upright_in_training(images):
    config = make_config(images, dataset="voc")
    records = create_mindrecord(config, True)
    assert counted(records) == {TURNED_UPRIGHT: 1, OTHER_SIZE: 1}
    found = read_records(records.path)
    assert {number: boxes for number, (_, boxes) in found.items()} == {key: [[0, 0, 29, 19, 1]] for key in (1, 2, 4)}
    # The content of the files is kept, EXIF data and all: nothing is lost, and decoding turns it.
    assert found[2][0] == (images / "voc" / "train" / "2.jpg").read_bytes()
    batches = create_ssd_dataset(records.path, BatchSettings(3, (60, 80), upright=records.upright))
    batch = next(batches.create_dict_iterator(num_epochs=1, output_numpy=True))
    assert batch["image_shape"].tolist() == [[60, 80]] * 3


def test_a_set_of_an_earlier_version(images, caplog):
    """It took images as they are stored, and is made anew only where one of them is turned."""
    config = make_config(images, dataset="voc", exif="stored")
    for number in "123":
        (images / "voc" / "train" / f"{number}.xml").rename(images / f"{number}.xml")
    create_mindrecord(config, True)
    manifest = images / "mindrecord" / "ssd.mindrecord.json"

    def forget_the_option():
        content = json.loads(manifest.read_text())
        del content["options"]["upright"]
        manifest.write_text(json.dumps(content))
        return manifest.stat().st_mtime_ns

    time = forget_the_option()
    config.exif = "upright"
    assert not create_mindrecord(config, True).upright
    assert manifest.stat().st_mtime_ns == time
    (images / "2.xml").rename(images / "voc" / "train" / "2.xml")
    config.exif = "stored"
    create_mindrecord(config, True)
    forget_the_option()
    config.exif = "upright"
    with caplog.at_level("INFO"):
        assert create_mindrecord(config, True).upright
    assert "is made anew: made with the options {'upright': False, 'keep_empty': False, 'keep_other" in caplog.text
    assert manifest.stat().st_mtime_ns != time


def test_the_ground_truth_of_images_that_are_turned_with_their_boxes(tmp_path):
    """COCO files bring the ground truth: of images that lie on their side, it is turned too."""
    exif = exif_of(6)
    path = write_coco(tmp_path / "coco", "val2017", [1, 2], [(1, 7, [20, 10, 50, 20]), (2, 3, [0, 0, 15, 12.5])])
    for number in (1, 2):
        image = Image.fromarray(np.zeros((60, 80, 3), np.uint8))
        image.save(tmp_path / "coco" / "val2017" / f"{number}.png", **({"exif": exif} if number == 1 else {}))
    records = create_mindrecord(make_config(tmp_path), False)
    assert counted(records) == {TURNED_WITH_BOXES: 1}
    assert records.annotation_file == str(tmp_path / "mindrecord" / "instances_eval.json")
    found, before = (json.loads(Path(one).read_text()) for one in (records.annotation_file, path))
    assert found["images"] == [{**before["images"][0], "height": 80, "width": 60}, before["images"][1]]
    # (xmin 20, ymin 10) to (70, 30), turned clockwise in an image of 60 rows: x is 60 - y
    assert [one["bbox"] for one in found["annotations"]] == [[30, 20, 20, 50], [0, 0, 15, 12.5]]
    assert read_records(records.path)[1][1] == [[20, 30, 70, 50, 1]]
    again = create_mindrecord(make_config(tmp_path), False)
    assert again.annotation_file == records.annotation_file
    del records, again
    stored = create_mindrecord(make_config(tmp_path, exif="stored"), False)
    assert stored.annotation_file == str(path) and counted(stored) == {ROTATED_IMAGE: 1}


def test_nothing_left_says_why_and_names_images(images):
    for name in "14":
        (images / "voc" / "train" / f"{name}.xml").unlink()
    with pytest.raises(UserError, match=r"1 images annotated upright.*keep_other_sizes\) \[.*2\.jpg: 60 x 80, annot"):
        create_mindrecord(make_config(images, dataset="voc", exif="stored"), True)
